import pytest

from estafeta_core.headers import Header
from estafeta_core.refusal import Refusal
from estafeta_core.store import StoreUnavailable
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Bounds
from estafeta_milter.verdict import Verdict, decide
from estafeta_testing.office import FROM, HTML, Office, make_message

ALICE, BOB = "alice@example.net", "bob@example.net"
DEEP = b"".join(
    b"--%d\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n" % (level, level + 1) for level in range(60)
)


def verdict(office: Office, message: Message, identity: str = "acme/main") -> Verdict:
    found = decide(message, office.envelope(identity, message.sender), office.store)
    assert isinstance(found, Verdict), found
    return found


def refusal(office: Office, message: Message, identity: str = "acme/main") -> str:
    found = decide(message, office.envelope(identity, message.sender), office.store)
    assert isinstance(found, Refusal), found
    return str(found)


def test_a_plain_message_goes_with_an_offer_to_unsubscribe(office: Office) -> None:
    found = verdict(office, make_message())
    assert found == Verdict(
        options=found.options,
        friendly_from="news@acme.example",
        list_unsubscribe=True,
        return_path_domain="bounce.example.com",
        recipients=(ALICE,),
        suppressed=frozenset(),
    )


def test_s18_what_the_header_asks_wrongly_is_the_dialects_refusal(office: Office) -> None:
    message = make_message(metadata=["a"])
    assert refusal(office, message) == "550 5.6.0 X-MSYS-API 'metadata' must be of type 'json object'"


@pytest.mark.parametrize(
    ("value", "reply"),
    [
        (b"News <news@new.example>", "550 5.7.1 Unconfigured Sending Domain <new.example>"),
        (b"news@sub.acme.example", "550 5.7.1 Unconfigured Sending Domain <sub.acme.example>"),
        (b"a@acme.example, b@acme.example", "550 5.7.1 The From header must hold exactly one plain address"),
        (b"", "550 5.7.1 The From header must hold exactly one plain address"),
    ],
)
def test_only_a_verified_domain_may_be_shown(office: Office, value: bytes, reply: str) -> None:
    assert refusal(office, make_message(headers=(Header("From", value),))) == reply


def test_e1_two_from_fields_are_refused_even_when_one_is_right(office: Office) -> None:
    other = Header("from ", b"ceo@victim.example")
    assert refusal(office, make_message(headers=(FROM, other))).startswith("550 5.7.1 The From header")


def test_s12_a_subaccount_shows_its_own_domains(office: Office) -> None:
    message = make_message(headers=(Header("From", b"a@sub.acme.example"),))
    assert verdict(office, message, "acme/main/123").friendly_from == "a@sub.acme.example"
    assert refusal(office, make_message(), "acme/main/123").endswith(
        "Unconfigured Sending Domain <acme.example>"
    )


def test_s35_skipping_suppression_is_a_right(office: Office) -> None:
    message = make_message(options={"skip_suppression": True})
    assert refusal(office, message).startswith("550 5.7.1 skip_suppression is not permitted")
    office.suppress(ALICE)
    assert verdict(office, message, "acme/sender").suppressed == frozenset()


@pytest.mark.parametrize(
    ("kind", "transactional", "suppressed"),
    [
        ("transactional", True, True),
        ("transactional", False, False),
        ("non_transactional", False, True),
        ("non_transactional", True, False),
    ],
)
def test_s33_a_suppression_holds_for_its_kind_of_mail(
    office: Office, kind: str, transactional: bool, suppressed: bool
) -> None:
    office.suppress(ALICE, kind)
    found = verdict(office, make_message(ALICE, options={"transactional": transactional}))
    assert (ALICE in found.suppressed) is suppressed


def test_a_suppression_of_one_subaccount_is_not_the_others(office: Office) -> None:
    office.suppress(ALICE, subaccount="123")
    headers = (Header("From", b"a@sub.acme.example"),)
    assert verdict(office, make_message(headers=headers), "acme/main/123").suppressed == {ALICE}
    assert verdict(office, make_message()).suppressed == frozenset()


def test_no_spelling_of_an_address_escapes_suppression(office: Office) -> None:
    office.suppress(ALICE)
    found = verdict(office, make_message("ALICE@example.net", ALICE, BOB, "Alice@Example.NET"))
    assert found.recipients == ("ALICE@example.net", BOB)
    assert found.going == (BOB,)


def test_a_recipient_given_twice_is_one(office: Office) -> None:
    found = verdict(office, make_message(ALICE, ALICE, "Alice@EXAMPLE.net"))
    assert found.recipients == (ALICE,)


@pytest.mark.parametrize(
    "options",
    [{}, {"open_tracking": True, "transactional": True}, {"click_tracking": True, "transactional": True}],
)
def test_copies_that_would_differ_go_to_one_recipient_at_a_time(
    office: Office, options: dict[str, bool]
) -> None:
    text = refusal(office, make_message(ALICE, BOB, options=options))
    assert text.startswith("550 5.6.0 This message needs a copy of its own for each of its 2 recipients")


def test_copies_that_are_alike_go_to_several(office: Office) -> None:
    assert verdict(office, make_message(ALICE, BOB, options={"transactional": True})).going == (ALICE, BOB)


def test_a_suppressed_recipient_needs_no_copy(office: Office) -> None:
    office.suppress(BOB)
    assert verdict(office, make_message(ALICE, BOB)).going == (ALICE,)


def test_a_list_unsubscribe_of_the_clients_own_stays_alone(office: Office) -> None:
    own = Header("list-unsubscribe", b"<mailto:leave@acme.example>")
    found = verdict(office, make_message(ALICE, BOB, headers=(FROM, own)))
    assert not found.list_unsubscribe
    assert found.going == (ALICE, BOB)


@pytest.mark.parametrize(
    ("setting", "sender", "domain"),
    [
        ("verp", "app@acme.example", "bounce.example.com"),
        ("verp", "app@elsewhere.example", "bounce.example.com"),
        ("verp", "", "bounce.example.com"),
        ("verp", "app@bounces.acme.example", "bounces.acme.example"),  # bounce: true
        ("domain", "app@acme.example", "acme.example"),
        ("domain", "app@new.example", "bounce.example.com"),
        ("domain", "app@elsewhere.example", "bounce.example.com"),
        ("domain", "", "bounce.example.com"),
        ("keep", "app@elsewhere.example", None),
        ("keep", "", None),
    ],
)
def test_s53_s54_s55_where_bounces_go(office: Office, setting: str, sender: str, domain: str | None) -> None:
    office.site.account(defaults=f"{{return_path: {setting}}}")
    assert office.live.reload() is None
    assert verdict(office, make_message(sender=sender)).return_path_domain == domain


def test_a_subaccount_keeps_no_bounce_domain_of_the_account(office: Office) -> None:
    message = make_message(headers=(Header("From", b"a@sub.acme.example"),), sender="a@bounces.acme.example")
    assert verdict(office, message, "acme/main/123").return_path_domain == "bounce.example.com"


def test_s56_amp_alone_is_refused(office: Office) -> None:
    assert refusal(office, make_message(kind=b"text/x-amp-html", body=HTML)).startswith(
        "550 5.6.0 text/x-amp-html"
    )


PAST_A_BOUND = [
    make_message(kind=b"multipart/mixed; boundary=0", body=DEEP),
    make_message(headers=(FROM, *(Header("X-Note", b"x") for _ in range(1001)))),
    make_message(headers=(FROM, *(Header("X-Note", b"x" * 55_000) for _ in range(5)))),
]


@pytest.mark.parametrize("message", PAST_A_BOUND, ids=["depth", "fields", "bytes"])
def test_c1_past_a_bound_a_message_goes_untouched_or_not_at_all_by_setting(
    office: Office, message: Message
) -> None:
    assert verdict(office, message).going == (ALICE,)
    office.site.configure("mime: {past_bound: refuse}\n")
    assert office.live.reload() is None
    assert refusal(office, message).startswith("550 5.6.0 This message is not taken apart: more than ")


def test_the_bounds_are_those_of_the_message(office: Office) -> None:
    office.site.configure("mime: {past_bound: refuse}\n")
    assert office.live.reload() is None
    message = make_message()
    small = Message(message.sender, message.recipients, message.headers, message.body, Bounds(header_count=1))
    assert refusal(office, small).endswith("more than 1 header fields")


def test_without_the_store_nothing_is_decided(office: Office) -> None:
    (office.site.folder / "estafeta.db").unlink()
    with pytest.raises(StoreUnavailable):
        decide(make_message(), office.envelope(), office.store)


@pytest.mark.parametrize(
    "spelling",
    [
        '"alice"@example.net',
        "@relay.example:alice@example.net",
        "al\\ice@example.net",
        "alice @example.net",
        " alice@example.net",
        "(a)alice@example.net",
    ],
)
def test_no_spelling_that_postfix_undoes_gets_past_the_suppression_list(
    office: Office, spelling: str
) -> None:
    office.suppress(ALICE)
    message = make_message(spelling)
    assert refusal(office, message) == "553 5.1.3 Bad recipient address syntax"
