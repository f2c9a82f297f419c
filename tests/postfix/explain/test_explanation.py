from collections.abc import Callable

import pytest

from estafeta_postfix.explain.explanation import Explanation
from estafeta_testing.milter_site import Site

Explained = Callable[..., Explanation]

PLAIN = b"From: news@acme.example\r\n\r\nHello\r\n"


@pytest.mark.parametrize(
    ("raw", "recipients", "outcome"),
    [
        (PLAIN, ("alice@example.net",), "accepted"),
        (PLAIN, ("alice@example.net", "alice"), "accepted"),
        (PLAIN, ("alice",), "refused"),
        (b"From: x@new.example\r\n\r\nx\r\n", ("alice@example.net",), "refused"),
        (PLAIN, ("a@example.net", "b@example.net", "c@example.net"), "accepted"),
    ],
)
def test_the_last_reply_settles_it(
    explained: Explained, raw: bytes, recipients: tuple[str, ...], outcome: str
) -> None:
    assert explained(raw, *recipients).outcome == outcome


def test_recipients_that_are_all_put_off_put_the_message_off(site: Site, explained: Explained) -> None:
    few = "listeners: {submission: {dialects: [sparkpost], port: 587, recipients_per_message: 1}}\n"
    site.configure(listeners=few)
    explanation = explained(PLAIN, "alice", "bob")
    assert explanation.outcome == "refused"
    key = site.folder / "accounts.d" / "acme.yaml"
    dkim = "acme.example: {verified: true, dkim: {default: a, keys: {a: /nowhere.pem}}}"
    key.write_text(key.read_text().replace("acme.example: {verified: true}", dkim, 1))
    assert explained(PLAIN).outcome == "put off"


def test_a_refused_message_has_no_decision_and_an_accepted_one_has(explained: Explained) -> None:
    assert explained(PLAIN).decision is not None
    assert explained(PLAIN, "alice").decision is None


def test_whether_there_is_a_store_is_told(explained: Explained) -> None:
    assert not explained(PLAIN).store_is_there


def test_a_store_that_is_there_is_told_as_well(explained: Explained, suppressed: str) -> None:
    explanation = explained(PLAIN, suppressed)
    assert explanation.store_is_there
    assert explanation.decision is not None
    assert explanation.decision.recipients == ()
