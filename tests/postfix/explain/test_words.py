import pytest

from estafeta_core.config.load import load
from estafeta_core.refusal import Refusal
from estafeta_postfix.explain import words
from estafeta_postfix.explain.words import Reply
from estafeta_testing.milter_site import Site


@pytest.mark.parametrize(
    ("line", "refused", "temporary"),
    [
        ("250 2.1.0 Ok", False, False),
        ("354 End", False, False),
        ("451 4.7.1 x", True, True),
        ("550 x", True, False),
    ],
)
def test_the_code_says_whether_it_is_no_and_whether_for_good(
    line: str, refused: bool, temporary: bool
) -> None:
    reply = Reply("DATA", line)
    assert (reply.refused, reply.temporary) == (refused, temporary)


def test_a_reply_of_the_milter_is_what_its_client_reads() -> None:
    assert words.from_milter(Refusal(550, "5.7.1", "100 % of\r\nthis ü")) == "550 5.7.1 100 % of this ?"
    assert words.from_milter(Refusal(554, "", "Transaction failed")) == "554 Transaction failed"


def test_a_reply_of_the_policy_daemon_stands_behind_postfixs_words() -> None:
    line = words.from_policy(Refusal(451, "4.7.1", "Later"), "a@example.net")
    assert line == "451 4.7.1 <a@example.net>: Recipient address rejected: Later"


def test_of_a_refused_login_the_reason_alone_is_told() -> None:
    line = words.from_login(Refusal(535, "5.7.8", "Credential revoked"))
    assert line == "535 5.7.8 Error: authentication failed: Credential revoked"


@pytest.mark.parametrize(
    ("address", "has"),
    [
        ("alice@example.net", True),
        ("alice", True),
        ("", True),
        ("alice@ex_ample.net", True),
        ("alice@bücher.example", True),
        ("alice@[192.0.2.1]", True),
        ("alice@example..net", False),
        ("alice@-example.net", False),
        ("alice@example-.net", False),
        ("alice@192.0.2.1", False),
        ("alice@", False),
        (f"alice@{'x' * 64}.example", False),
        (f"alice@{'x.' * 140}example", False),
    ],
)
def test_postfix_has_an_eye_on_domains(address: str, has: bool) -> None:
    assert words.has_host(address) is has


@pytest.mark.parametrize(
    ("listener", "line", "answered"),
    [
        (
            "teenvio",
            words.NO_RECIPIENTS,
            f"{words.NO_RECIPIENTS}; valid RCPT and MAIL command must precede DATA",
        ),
        ("devino", words.BAD_SENDER, f"{words.BAD_SENDER}; Transaction failed: Disallowed source address"),
        ("devino", words.SENDER_OK, words.SENDER_OK),
        ("submission", words.BAD_SENDER, words.BAD_SENDER),
        ("small", words.BAD_SENDER, words.BAD_SENDER),
    ],
)
def test_a_listener_of_one_provider_adds_its_words(
    site: Site, listener: str, line: str, answered: str
) -> None:
    assert words.with_footer(line, load(site.config).config.listeners[listener]) == answered
