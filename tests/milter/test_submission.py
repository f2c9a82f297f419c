import json
import logging
import re
import time
from datetime import timedelta
from functools import partial

import pytest

from estafeta_core.dialects import DIALECTS
from estafeta_core.headers import Header
from estafeta_core.identity import Identity
from estafeta_core.jobs import Jobs
from estafeta_core.refusal import Refusal
from estafeta_core.store import Found
from estafeta_core.tokens import Kind
from estafeta_milter import edits
from estafeta_milter.message.message import Message
from estafeta_milter.submission import EDITS, TOO_MANY_COPIES, TOO_MANY_EDITS, Discard
from estafeta_milter.verdict import Envelope
from estafeta_testing.milter_site import Site
from estafeta_testing.office import (
    ACME,
    DEVINO,
    EMITLO,
    FROM,
    HTML,
    LINKS,
    PERFIT,
    TEENVIO,
    Customer,
    Office,
    make_message,
    message_of,
)

ALICE, BOB = "alice@example.net", "bob@example.net"
STORE_FAILED = "421 4.3.3 [internal] smtpapi unable to generate unique transmission id"
ALIKE = {"transactional": True}


def kinds(found: Found) -> list[tuple[str, str]]:
    """Return each event with the recipient it is about."""
    recipients = {message.message_id: message.rcpt_to for message in found.messages}
    return [(event.type, recipients[event.message_id or 0]) for event in found.events]


def test_mail_from_somebody_who_is_known(office: Office) -> None:
    envelope = office.mail("acme/main/123", sender="app@acme.example")
    assert isinstance(envelope, Envelope)
    assert envelope.identity == Identity("acme", "main", "123")
    assert envelope.snapshot is office.live.current
    assert (envelope.listener, envelope.sender, envelope.dialect.name) == (
        "submission",
        "app@acme.example",
        "sparkpost",
    )


@pytest.mark.parametrize(
    ("identity", "reply"),
    [
        ("", "530 5.7.0 Authentication required"),
        ("acme/gone", "535 5.7.8 Credential revoked"),
        ("gone/main", "535 5.7.8 Credential revoked"),
        ("acme/main/9", "535 5.7.8 Unknown subaccount"),
    ],
)
def test_mail_from_somebody_who_is_not(office: Office, identity: str, reply: str) -> None:
    assert str(office.mail(identity)) == reply


def test_a_key_made_a_moment_ago_is_known_before_it_is_refused(office: Office) -> None:
    assert str(office.mail("acme/main/7")) == "535 5.7.8 Unknown subaccount"
    file = office.site.folder / "accounts.d" / "acme.yaml"
    file.write_text(file.read_text().replace('{"123"', '{"7": {}, "123"'))
    time.sleep(0.06)  # the files are looked at 20 times a second at most
    assert isinstance(office.mail("acme/main/7"), Envelope)


@pytest.mark.parametrize("sender", ["a b@acme.example", "@", "a@", "a@b@c.example", "a\udcff@acme.example"])
def test_mail_from_what_is_no_address(office: Office, sender: str) -> None:
    assert str(office.mail(sender=sender)) == "553 5.1.7 Bad sender address syntax"


def test_s53_the_null_sender_is_taken(office: Office) -> None:
    assert isinstance(office.mail(sender=""), Envelope)


@pytest.mark.parametrize(
    ("settings", "reply"),
    [
        (", status: revoked", "535 5.7.8 Credential revoked"),
        (", status: suspended", "535 5.7.8 Credential suspended"),
        (', expires: "2026-11-20T11:59:59Z"', "535 5.7.8 Credential expired"),
        (", permissions: [events]", '535 5.7.8 Credential lacks the permission "Send via SMTP"'),
        (", allow_from: [192.0.2.0/24]", "535 5.7.8 Credential not allowed from this address"),
    ],
)
def test_f9_what_changed_since_the_login_is_felt_at_the_next_mail(
    office: Office, settings: str, reply: str
) -> None:
    assert isinstance(office.mail(), Envelope)
    office.site.account(main=settings)
    assert office.live.reload() is None
    assert str(office.mail()) == reply


def test_a_key_for_tls_alone_and_one_that_expires(office: Office) -> None:
    office.site.account(main=', require_tls: true, expires: "2026-11-20T12:00:01Z"')
    assert office.live.reload() is None
    assert str(office.mail(secured=False)) == "535 5.7.8 Credential requires TLS"
    assert isinstance(office.mail(), Envelope)
    office.now += timedelta(seconds=1)
    assert str(office.mail()) == "535 5.7.8 Credential expired"


@pytest.mark.parametrize(
    ("listener", "reply"),
    [
        ("submission", "530 5.7.0 Authentication required"),
        ("perfit", "530 5.7.0 Authentication required"),
        ("teenvio", "530 Authentication required"),
        ("devino", "554 Transaction failed: Must authenticate before sending mail"),
        ("emitlo", "530 5.7.0 Authentication required"),
        ("small", "554 Transaction failed: Must authenticate before sending mail"),  # its first dialect
        ("gone", "530 5.7.0 Authentication required"),
    ],
)
def test_p27_t53_d23_without_a_login_the_listeners_provider_speaks(
    office: Office, listener: str, reply: str
) -> None:
    assert str(office.mail("", listener=listener)) == reply


@pytest.mark.parametrize(
    ("customer", "sender", "reply"),
    [
        (TEENVIO, "a b@c", "553 Remitente no existente o no validado desde su plan de teenvio"),
        (DEVINO, "a b@c", "554 Transaction failed: Disallowed source address: a b@c"),
        (PERFIT, "a b@c", "553 5.1.7 Bad sender address syntax"),
        (PERFIT, "", None),
    ],
)
def test_t21_d28_a_sender_is_refused_at_mail_in_the_providers_words(
    office: Office, customer: Customer, sender: str, reply: str | None
) -> None:
    found = office.mail(customer.identity, sender=sender)
    assert (None if isinstance(found, Envelope) else str(found)) == reply


@pytest.mark.parametrize(
    ("customer", "reply"),
    [
        (ACME, "553 5.1.3 Bad recipient address syntax"),
        (PERFIT, "553 5.1.3 Bad recipient address syntax"),
        (TEENVIO, "553 5.1.3 Bad recipient address syntax"),
        (DEVINO, "554 Transaction failed: Invalid recipient address: {}"),
        (EMITLO, "553 5.1.3 Bad recipient address syntax"),
    ],
)
@pytest.mark.parametrize(
    "spelling",  # the last six are somebody to Postfix, who could not be found in a suppression list
    [
        "alice",
        "a@b@c.example",
        "x\udcff@example.net",
        '"alice"@example.net',
        "@relay.example:alice@example.net",
        "al\\ice@example.net",
        "alice @example.net",
        " alice@example.net",
        "(a)alice@example.net",
    ],
)
def test_d27_a_recipient_that_is_no_plain_address_is_refused_at_rcpt(
    office: Office, customer: Customer, reply: str, spelling: str
) -> None:
    envelope = office.envelope(customer.identity, customer.sender)
    assert str(office.submission.rcpt(envelope, spelling)) == reply.format(spelling)
    assert office.submission.rcpt(envelope, "alice@example.net") is None


TOO_LARGE = {
    ACME: "552 5.3.4 Message exceeds the maximum size of 20971520 bytes",
    PERFIT: "552 5.3.4 Message exceeds the maximum size of 10000 bytes",
    TEENVIO: "552 message size exceeds fixed maximum message size (512000) bytes",
    DEVINO: "554 Transaction failed: Message exceeds fixed size limit",
    EMITLO: "552 5.3.4 Message exceeds the maximum size of 20971520 bytes",
}


@pytest.mark.parametrize("customer", TOO_LARGE, ids=lambda each: each.listener)
def test_p18_t55_d24_an_announced_size_is_held_to_the_providers_limit(
    office: Office, customer: Customer
) -> None:
    limit = DIALECTS[customer.dialect].size_limit
    assert isinstance(office.mail(customer.identity, sender=customer.sender, size=limit), Envelope)
    refusal = office.mail(customer.identity, sender=customer.sender, size=limit + 1)
    assert str(refusal) == TOO_LARGE[customer]


def test_the_limit_of_a_listener_holds_for_each_of_its_providers(office: Office) -> None:
    for customer, reply in (
        (TEENVIO, "552 message size exceeds fixed maximum message size (2000) bytes"),
        (DEVINO, "554 Transaction failed: Message exceeds fixed size limit"),
    ):
        mail = partial(office.mail, customer.identity, sender=customer.sender, listener="small")
        assert isinstance(mail(size=2000), Envelope)
        assert str(mail(size=2001)) == reply


@pytest.mark.parametrize("more", [0, 1])
def test_a9_a_message_is_counted_as_the_client_sent_it(office: Office, more: int) -> None:
    added = (
        Header("From", PERFIT.sender.encode()),
        Header("Date", b"Fri, 20 Nov 2026 12:00:00 +0000 (UTC)"),
        Header("Message-Id", b"<20261120120000.4Xq@mx.example.com>"),
    )
    headers = (Header("Subject", b"Hola"), *added)
    body = b"x" * (10_000 - len("Subject: Hola\r\n\r\n") + more)
    outcome = office.send(Message(PERFIT.sender, (ALICE,), headers, body), PERFIT.identity)
    assert isinstance(outcome, list) if more == 0 else str(outcome) == TOO_LARGE[PERFIT]


def test_t02_each_use_of_a_deprecated_listener_is_in_the_log(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    for listener in ("teenvio-old", "teenvio", "teenvio-old"):
        mail = office.mail(TEENVIO.identity, sender=TEENVIO.sender, listener=listener)
        assert isinstance(mail, Envelope)
    line = "MAIL: plan/usuario: listener teenvio-old is deprecated: use another port"
    assert [record.getMessage() for record in caplog.records] == [line] * 2


def test_d14_nobody_but_the_first_recipient_is_sent_to_and_each_has_an_event(office: Office) -> None:
    message = message_of(DEVINO, ALICE, BOB, "BOB@example.net")
    final = office.queued(message, DEVINO.identity)
    assert final.recipients == [ALICE]
    assert sorted(kinds(office.found())) == [
        ("injection", ALICE),
        ("policy_rejection", BOB),
        ("warning", ALICE),
    ]


def test_d2_who_has_left_is_filtered_and_the_message_taken(office: Office) -> None:
    office.suppress(ALICE, account="website")
    assert isinstance(office.send(message_of(DEVINO, ALICE), DEVINO.identity), Discard)
    assert sorted(kinds(office.found())) == [("bounce", ALICE), ("injection", ALICE)]


def test_what_a_message_asks_wrongly_and_what_was_done_about_it_is_in_the_log(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = message_of(TEENVIO, headers=(Header("X-Teenvio-Language", b"99"),))
    office.queued(wrong, TEENVIO.identity)
    office.queued(message_of(DEVINO), DEVINO.identity, "4Xr")
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert warnings[0].startswith("4Xq: plan/usuario: X-Teenvio-Language")
    assert warnings[1] == (
        "4Xr: website/1website: The text lacks [Unsubscribe] and [WebVersion]; links were appended"
    )


def test_an_identity_that_is_not_of_ours_is_a_fault(office: Office) -> None:
    with pytest.raises(ValueError, match="not an identity"):
        office.mail("somebody")


def test_a_message_leaves_with_what_the_recipient_and_the_service_need(office: Office) -> None:
    message = make_message(ALICE, body=HTML, kind=b"text/html", options={"click_tracking": True})
    final = office.queued(message)
    found = office.found()
    (copy,) = found.messages
    assert [name for name, _ in final.headers] == [
        "From",
        "Subject",
        "Content-Type",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "X-MSFBL",
    ]
    bounce = LINKS.read_bounce_address(final.sender)
    feedback = LINKS.read_msfbl(final.values("X-MSFBL")[0].decode())
    assert bounce is not None
    assert feedback is not None
    assert (bounce.id, bounce.shared) == (copy.message_id, False)
    assert (feedback.message_id, feedback.rcpt_to) == (copy.message_id, ALICE)
    assert b'href="https://click.example.com/c/' in final.body


def test_it_is_recorded_as_it_leaves(office: Office) -> None:
    final = office.queued(make_message(ALICE, campaign_id="spring", tags=["a"], metadata={"u": "ü"}))
    found = office.found()
    transmission = found.transmission
    assert transmission.msg_from == final.sender
    assert transmission.msg_size == sum(len(n) + len(v) + 4 for n, v in final.headers) + 2 + len(final.body)
    assert (transmission.campaign_id, transmission.tags, transmission.metadata) == (
        "spring",
        ("a",),
        {"u": "ü"},
    )
    assert (transmission.account, transmission.credential, transmission.subaccount) == ("acme", "main", None)
    assert kinds(found) == [("injection", ALICE)]
    assert transmission.injection_time == int(office.now.timestamp() * 1000)


def test_s20_tags_beyond_those_an_account_may_use_are_left_out(office: Office) -> None:
    office.site.account(more="distinct_tags: 2\n")
    office.live.reload()
    for tags, kept in ((["cat"], ("cat",)), (["bird", "cat", "dog"], ("bird", "cat")), (["dog"], ())):
        office.queued(make_message(ALICE, tags=tags))
        assert office.found().transmission.tags == kept


def test_the_subaccount_is_on_everything(office: Office) -> None:
    message = make_message(headers=(Header("From", b"a@sub.acme.example"),))
    final = office.queued(message, "acme/main/123")
    found = office.found()
    feedback = LINKS.read_msfbl(final.values("X-MSFBL")[0].decode())
    assert feedback is not None
    assert feedback.subaccount_id == "123"
    assert found.transmission.subaccount == "123"
    assert {event.subaccount for event in found.events} == {"123"}


def test_the_customer_id_of_the_account_is_on_the_transmission(office: Office) -> None:
    office.site.account(more="customer_id: '77'\n")
    assert office.live.reload() is None
    office.queued(make_message())
    assert office.found().transmission.customer_id == "77"


def test_copies_that_are_alike_share_one_rendering_under_the_id_of_the_transmission(office: Office) -> None:
    final = office.queued(make_message(ALICE, BOB, options=ALIKE))
    found = office.found()
    bounce = LINKS.read_bounce_address(final.sender)
    feedback = LINKS.read_msfbl(final.values("X-MSFBL")[0].decode())
    assert bounce is not None
    assert feedback is not None
    assert (bounce.kind, bounce.id, bounce.shared) == (Kind.BOUNCE, found.transmission.transmission_id, True)
    assert (feedback.message_id, feedback.rcpt_to) == (found.transmission.transmission_id, "")
    assert final.recipients == [ALICE, BOB]
    assert final.values("List-Unsubscribe") == []
    assert sorted(kinds(found)) == [("injection", ALICE), ("injection", BOB)]


def test_s51_copies_that_differ_are_queued_once_with_a_job_and_recorded_as_one_transmission(
    office: Office,
) -> None:
    message = make_message(ALICE, BOB, body=HTML, kind=b"text/html", options={"click_tracking": True})
    final = office.queued(message)
    found = office.found()
    bounce = LINKS.read_bounce_address(final.sender)
    assert bounce is not None
    assert (bounce.id, bounce.shared) == (found.transmission.transmission_id, True)
    assert [name for name, _ in final.headers] == ["From", "Subject", "Content-Type", "X-Estafeta-Job"]
    assert final.recipients == [ALICE, BOB]
    assert final.body == HTML
    for copy in found.messages:
        read = Jobs([b"k" * 64]).read(final.values("X-Estafeta-Job")[0], copy.raw_rcpt_to)
        assert read is not None
        assert (read[0].transmission_id, read[1]) == (found.transmission.transmission_id, copy.message_id)
    assert found.transmission.msg_from == final.sender
    assert found.transmission.msg_size > len(HTML) + 500, "that of a copy: links and fields count"
    assert sorted(kinds(found)) == [("injection", ALICE), ("injection", BOB)]


def test_f17_more_copies_than_a_job_has_room_for_are_refused_and_not_recorded(office: Office) -> None:
    outcome = office.send(make_message(*(f"reader{number}@example.net" for number in range(3000))))
    assert outcome is TOO_MANY_COPIES
    assert office.store.find("4Xq") is None


def test_a_copy_that_could_not_be_made_is_a_fault_while_the_client_waits(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LINKS.__class__, "msfbl", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        office.send(make_message(ALICE, BOB))
    assert office.store.find("4Xq") is None


def test_a_suppressed_recipient_is_taken_off_and_the_other_has_a_copy_of_his_own(office: Office) -> None:
    office.suppress(BOB)
    final = office.queued(make_message(ALICE, "BOB@example.net", BOB, options={"open_tracking": True}))
    found = office.found()
    bounce = LINKS.read_bounce_address(final.sender)
    assert final.recipients == [ALICE]
    assert bounce is not None
    assert not bounce.shared
    assert [message.message_id for message in found.messages if message.rcpt_to == ALICE] == [bounce.id]
    assert sorted(kinds(found)) == [("bounce", BOB), ("injection", ALICE), ("injection", BOB)]


def test_a_message_to_suppressed_recipients_alone_is_taken_and_sent_to_nobody(office: Office) -> None:
    office.suppress(ALICE)
    office.suppress(BOB)
    assert isinstance(office.send(make_message(ALICE, BOB)), Discard)
    found = office.found()
    assert sorted(kinds(found)) == [
        ("bounce", ALICE),
        ("bounce", BOB),
        ("injection", ALICE),
        ("injection", BOB),
    ]
    bounce = next(event for event in found.events if event.type == "bounce")
    assert bounce.data["bounce_class"] == "25"


def test_skip_suppression_sends_to_whom_it_would_not(office: Office) -> None:
    office.suppress(ALICE)
    final = office.queued(make_message(ALICE, options={"skip_suppression": True}), "acme/sender")
    assert final.recipients == [ALICE]
    assert kinds(office.found()) == [("injection", ALICE)]


def test_s55_a_client_that_keeps_its_sender_keeps_it(office: Office) -> None:
    office.site.account(defaults="{return_path: keep}")
    assert office.live.reload() is None
    outcome = office.send(make_message(sender="app@elsewhere.example"))
    assert isinstance(outcome, list)
    assert not any(isinstance(edit, edits.ChangeSender) for edit in outcome)
    assert office.found().transmission.msg_from == "app@elsewhere.example"


def test_b9_k4_a_store_that_stands_still_is_the_dialects_421_and_nothing_is_recorded(site: Site) -> None:
    office = Office(site, store_timeout=0.3)
    office.queued(make_message(), queue_id="4Xbefore")
    with office.locked_store():
        assert str(office.send(make_message())) == STORE_FAILED
    office.queued(make_message(), queue_id="4Xafter")
    assert office.store.find("4Xq") is None
    office.store.close()


def test_a_store_that_is_gone_is_the_dialects_421(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    (site_db := office.site.folder / "estafeta.db").rename(office.site.folder / "elsewhere")
    with caplog.at_level(logging.ERROR):
        assert str(office.send(make_message())) == STORE_FAILED
    assert "4Xq: acme/main: deferred: cannot be kept: " in caplog.text
    (office.site.folder / "elsewhere").rename(site_db)
    assert isinstance(office.send(make_message()), list)


def test_the_configuration_of_mail_from_holds_until_the_end_of_its_message(office: Office) -> None:
    message = make_message(campaign_id="x")
    envelope = office.envelope()
    office.site.account(main=", status: revoked", defaults="{open_tracking: true}")
    assert office.live.reload() is None
    outcome = office.submission.end(envelope, "4Xq", message.recipients, message.headers, message.body)
    assert isinstance(outcome, list)
    assert not office.found().transmission.open_tracking


def test_a_reload_brings_new_signing_keys(office: Office) -> None:
    office.queued(make_message())
    (office.site.folder / "link.key").write_bytes(b"n" * 64)
    assert office.live.reload() is None
    assert LINKS.read_bounce_address(office.queued(make_message(), queue_id="4Xr").sender) is None


@pytest.mark.parametrize("name", ["X-MSFBL", "X-Estafeta-Job", "x-estafeta-1"])
def test_fields_of_ours_in_their_thousands_are_refused_and_a_hundred_are_removed(
    office: Office, name: str
) -> None:
    many = (FROM, *(Header(name, b"x") for _ in range(EDITS + 10)))
    refused = office.send(make_message(headers=many))
    assert str(refused) == f"550 5.6.0 More than {EDITS} header fields that belong to this service"
    assert office.store.find("4Xq") is None
    final = office.queued(make_message(headers=many[: EDITS - 10]))
    assert [value for value in final.values(name) if value == b"x"] == []


def test_fields_that_the_copies_alone_lose_are_counted_before_the_message_is_taken(office: Office) -> None:
    many = (FROM, *(Header("X-MSFBL", b"x") for _ in range(EDITS + 10)))
    assert office.send(make_message(ALICE, BOB, headers=many)) is TOO_MANY_EDITS


def test_t33_the_web_version_kept_is_the_first_recipients(office: Office) -> None:
    office.queued(message_of(TEENVIO, ALICE, BOB), TEENVIO.identity)
    first = next(message for message in office.found().messages if message.rcpt_to == ALICE)
    [(message_id, digest)] = office.rows("SELECT message_id, digest FROM contents")
    assert message_id == first.message_id
    kept = (office.site.folder / "hosted" / digest[:2] / digest).read_bytes()
    tokens = [LINKS.read(found.decode()) for found in re.findall(rb"/[cowu]/([\w-]+)", kept)]
    assert {token.id for token in tokens if token} == {first.message_id}


def test_many_fields_of_the_clients_own_are_no_reason_to_refuse(office: Office) -> None:
    fields = [Header("X-Note", b"x") for _ in range(20_000)]
    final = office.queued(make_message(headers=(FROM, *fields, Header("X-MSYS-API", b"{}"))))
    assert len(final.values("X-Note")) == 20_000
    assert final.values("X-MSYS-API") == []


HOSTILE = [
    b"\xff\xfe\x80",
    b"a\x00b",
    "\udcff".encode("utf-8", "surrogatepass"),
    b"%s%n%",
    b"\r",
    b"x\n\ty",
    b"",
    b"=?utf-8?q?=00=0d=0a?=",
    b"=?x?q?y?=" * 3500,
    b"(" * 50_000,
    b'"' * 59_000,
    b"x" * 59_990,
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value[:12]))
@pytest.mark.parametrize("name", ["Subject", "To", "From", "Content-Type", "X-MSYS-API", "X-MSFBL", "X-\x7f"])
def test_b3_b7_no_value_of_a_field_is_a_temporary_failure(office: Office, name: str, value: bytes) -> None:
    headers = (Header(name, value),) if name == "From" else (FROM, Header(name, value))
    message = make_message(headers=headers, body=b"\x00\xff\r\n")
    outcome = office.send(message)
    if isinstance(outcome, Refusal):
        assert outcome.code == 550
        assert name in ("From", "X-MSYS-API")
    else:
        assert office.found().transmission.queue_id == "4Xq"


@pytest.mark.parametrize(
    "header", [{"campaign_id": "\ud800"}, {"metadata": {"\u0000": "\udfff"}}, {"tags": ["\u2028"]}]
)
def test_d4_surrogates_and_nul_in_the_header_are_no_temporary_failure(office: Office, header: object) -> None:
    api = Header("X-MSYS-API", json.dumps(header).encode())
    outcome = office.send(make_message(headers=(FROM, api)))
    assert isinstance(outcome, list) or (isinstance(outcome, Refusal) and outcome.code == 550)


@pytest.mark.parametrize(
    "text", ['{"metadata":{"a":NaN}}', '{"metadata":{"a":1e999}}', '{"metadata":{"a":' + "9" * 5000 + "}}"]
)
def test_d2_numbers_that_no_store_takes_are_no_temporary_failure(office: Office, text: str) -> None:
    outcome = office.send(make_message(headers=(FROM, Header("X-MSYS-API", text.encode()))))
    assert isinstance(outcome, list) or (isinstance(outcome, Refusal) and outcome.code == 550)


def test_recipients_outside_ascii_are_no_temporary_failure(office: Office) -> None:
    final = office.queued(make_message("jos\u00e9@ex\u00e4mple.net"))
    assert final.recipients == ["jos\u00e9@ex\u00e4mple.net"]
    assert str(office.send(make_message("x\udcff@example.net"), queue_id="4Xr")).startswith("553 5.1.3")


def test_what_is_logged_names_queue_id_identity_and_reason(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        office.queued(make_message())
        office.send(make_message(metadata=[]), queue_id="4Xr")
        office.mail("acme/gone")
    assert "4Xq: transmission=" in caplog.text
    assert "identity=acme/main, from=<news@acme.example>, nrcpt=1, suppressed=0, tracked=no" in caplog.text
    assert "4Xr: acme/main: refused: 550 5.6.0 X-MSYS-API 'metadata'" in caplog.text
    assert "MAIL: acme/gone: refused: 535 5.7.8 Credential revoked" in caplog.text
