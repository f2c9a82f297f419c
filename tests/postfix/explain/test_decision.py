from collections.abc import Callable

import pytest

from estafeta_postfix.explain import decision
from estafeta_postfix.explain.decision import Decision
from estafeta_postfix.explain.explanation import Explanation
from estafeta_testing.milter_site import Site
from estafeta_testing.office import DEVINO, MAILGUN

Explained = Callable[..., Explanation]

TWO = ("alice@example.net", "bob@example.net")


def asking(said: str) -> bytes:
    return f"From: news@acme.example\r\nX-MSYS-API: {said}\r\n\r\nHello\r\n".encode()


def decided(explanation: Explanation) -> Decision:
    assert explanation.decision is not None, explanation.last
    return explanation.decision


@pytest.mark.parametrize(
    ("said", "reasons"),
    [
        ('{"options": {"transactional": true}}', ()),
        ("{}", (decision.LIST_UNSUBSCRIBE,)),
        ('{"options": {"transactional": true, "open_tracking": true}}', (decision.TRACKED,)),
        ('{"options": {"transactional": true, "click_tracking": true}}', (decision.TRACKED,)),
        ('{"bcc": ["c@example.net"], "options": {"transactional": true}}', (decision.BCC,)),
        ('{"cc": ["c@example.net"], "options": {"transactional": true}}', ()),
    ],
)
def test_copies_differ_for_reasons_that_can_be_said(
    explained: Explained, said: str, reasons: tuple[str, ...]
) -> None:
    explanation = explained(asking(said), *TWO)
    found = decided(explanation)
    assert found.reasons == reasons
    assert explanation.held.going is not None
    assert found.copies_differ == explanation.held.going.proposal.verdict.differing == bool(reasons)


def test_one_recipient_alone_needs_no_reason(explained: Explained) -> None:
    assert decided(explained(asking('{"options": {"open_tracking": true}}'))).reasons == ()


def test_who_is_suppressed_is_told_with_the_reason(explained: Explained, suppressed: str) -> None:
    found = decided(explained(asking('{"archive": ["gone@example.net"]}')))
    assert [recipient.address for recipient in found.recipients] == ["alice@example.net"]
    (unsent,) = found.unsent
    assert (unsent.recipient.address, unsent.recipient.kind) == (suppressed, "archive")
    assert unsent.why == "suppressed for non-transactional mail of acme"


def test_who_is_left_out_by_a_provider_of_single_mails_is_told(explained: Explained) -> None:
    raw = b"From: noreply@devino.example\r\n\r\n[Unsubscribe] [WebVersion]\r\n"
    said = {"credential": DEVINO.identity, "listener": DEVINO.listener, "sender": DEVINO.sender}
    found = decided(explained(raw, *TWO, **said))
    assert [unsent.why for unsent in found.unsent] == [decision.LEFT_OUT]


def test_a_test_is_told(explained: Explained) -> None:
    raw = b"From: yo@taller.example\r\nX-Mailgun-Drop-Message: yes\r\n\r\nHola\r\n"
    said = {"credential": MAILGUN.identity, "listener": MAILGUN.listener, "sender": MAILGUN.sender}
    found = decided(explained(raw, **said))
    assert (found.recipients, [unsent.why for unsent in found.unsent]) == ((), [decision.TEST])


def test_limits_are_told_in_words(site: Site, explained: Explained) -> None:
    more = "limits: {per_day: 1000}\ndomain_limits: {per_hour: 50}\n"
    site.account(main=", limits: {per_minute: 10}", more=more)
    assert decided(explained(asking("{}"))).limits == (
        "credential acme/main: 10 recipients per-minute",
        "account acme: 1000 recipients per-day",
        "sender domain acme.example: 50 recipients per-hour",
    )
    assert len(decided(explained(asking("{}"), sender="")).limits) == 2


def test_a_deprecated_listener_and_a_warning_of_the_dialect_are_told(explained: Explained) -> None:
    raw = (
        b"From: remitente@dominio.example\r\nX-Teenvio-ShowCab: perhaps\r\n"
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n--b--\r\n"
    )
    found = decided(
        explained(raw, credential="plan/usuario", listener="teenvio-old", sender="remitente@dominio.example")
    )
    assert found.warnings[0] == "listener teenvio-old is deprecated: use another port"
    assert "X-Teenvio-ShowCab" in found.warnings[1]


@pytest.mark.parametrize(
    ("how", "domain"), [("verp", "bounce.example.com"), ("keep", ""), ("domain", "acme.example")]
)
def test_where_bounces_go_is_told(site: Site, explained: Explained, how: str, domain: str) -> None:
    site.account(defaults=f"{{return_path: {how}}}")
    assert decided(explained(asking("{}"))).return_path == domain
