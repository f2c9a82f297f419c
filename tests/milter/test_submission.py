import json
import logging
import re
from typing import Any

import pytest

from estafeta_core.headers import Header
from estafeta_core.jobs import Copy, Jobs
from estafeta_core.refusal import Refusal
from estafeta_core.store import Found
from estafeta_core.store.rows import File
from estafeta_core.tokens import Kind
from estafeta_milter import edits
from estafeta_milter.message.message import Message
from estafeta_milter.proposal import EDITS, TOO_MANY_COPIES, TOO_MANY_EDITS
from estafeta_milter.submission import Discard
from estafeta_testing.milter_site import Site
from estafeta_testing.office import (
    DEVINO,
    FROM,
    HTML,
    LINKS,
    PERFIT,
    TEENVIO,
    Office,
    make_message,
    message_of,
)

ALICE, BOB = "alice@example.net", "bob@example.net"
STORE_FAILED = "421 4.3.3 [internal] smtpapi unable to generate unique transmission id"
ALIKE = {"transactional": True}
TOO_LARGE = "552 5.3.4 Message exceeds the maximum size of 10000 bytes"  # in Perfit's words


def kinds(found: Found) -> list[tuple[str, str]]:
    """Return each event with the recipient it is about."""
    recipients = {message.message_id: message.rcpt_to for message in found.messages}
    return [(event.type, recipients[event.message_id or 0]) for event in found.events]


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
    assert isinstance(outcome, list) if more == 0 else str(outcome) == TOO_LARGE


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
        assert (read[0].transmission_id, read[1]) == (
            found.transmission.transmission_id,
            Copy(copy.message_id),
        )
    assert found.transmission.msg_from == final.sender
    assert found.transmission.msg_size > len(HTML) + 500, "that of a copy: links and fields count"
    assert sorted(kinds(found)) == [("injection", ALICE), ("injection", BOB)]


def test_f17_more_copies_than_a_job_has_room_for_are_refused_and_not_recorded(office: Office) -> None:
    named = [{"email": f"reader{number}@example.net", "name": "N" * 60} for number in range(700)]
    assert office.send(make_message(ALICE, bcc=named)) is TOO_MANY_COPIES
    assert office.store.find("4Xq") is None


def test_f17_a_cc_that_postfix_would_cut_is_refused_and_not_recorded(office: Office) -> None:
    named = [{"email": f"reader{number}@example.net", "name": "N" * 60} for number in range(700)]
    assert str(office.send(make_message(ALICE, cc=named))) == (
        "550 5.6.0 The Cc header would be longer than 59000 bytes; use bcc, or send to fewer"
    )
    assert office.store.find("4Xq") is None


def test_s48_a_thousand_recipients_on_lists_are_taken(office: Office) -> None:
    final = office.queued(make_message(ALICE, cc=[f"reader{number}@example.net" for number in range(1000)]))
    assert len(final.recipients) == 1001
    assert len(office.found().messages) == 1001


def test_more_copies_than_the_configuration_allows_are_refused(office: Office) -> None:
    office.site.configure("copies_per_message: 3\n")
    assert office.live.reload() is None
    assert str(office.send(make_message(ALICE, BOB, cc=["c@example.net"], archive=["a@example.net"]))) == (
        "550 5.5.3 Too many recipients: RCPT TO and lists together are limited to 3"
    )
    assert office.store.find("4Xq") is None
    assert len(office.queued(make_message(ALICE, BOB, cc=["c@example.net", BOB])).recipients) == 3


LISTS: dict[str, Any] = {
    "cc": ["cc@example.net"],
    "bcc": ["bcc@example.net"],
    "archive": ["archive@example.net"],
}


def test_s49_s50_s51_everybody_on_a_list_is_recorded_with_his_kind_in_one_transmission(
    office: Office,
) -> None:
    final = office.queued(make_message(ALICE, **LISTS))
    found = office.found()
    assert {message.rcpt_to: message.rcpt_type for message in found.messages} == {
        ALICE: "",
        "cc@example.net": "cc",
        "bcc@example.net": "bcc",
        "archive@example.net": "archive",
    }
    assert sorted(final.recipients) == sorted(message.rcpt_to for message in found.messages)
    assert sorted(kind for kind, _ in kinds(found)) == ["injection"] * 4 + ["warning"] * 4, "To is not there"
    assert final.values("Cc") == [b"cc@example.net"]
    assert final.values("Bcc") == []


@pytest.mark.parametrize("kind", ["cc", "bcc", "archive"])
def test_a_suppressed_recipient_of_a_list_is_no_recipient_and_has_an_injection_and_a_bounce(
    office: Office, kind: str
) -> None:
    office.suppress(f"{kind}@example.net")
    final = office.queued(make_message(ALICE, **LISTS))
    assert f"{kind}@example.net" not in final.recipients
    assert len(final.recipients) == 3
    found = office.found()
    assert ("bounce", f"{kind}@example.net") in kinds(found)
    assert ("injection", f"{kind}@example.net") in kinds(found)
    assert final.values("Cc") == [b"cc@example.net"], "the header names the whole list"


def test_skip_suppression_holds_for_lists(office: Office) -> None:
    for address in (ALICE, "cc@example.net", "bcc@example.net", "archive@example.net"):
        office.suppress(address)
    message = make_message(ALICE, **LISTS, options={"skip_suppression": True})
    assert len(office.queued(message, "acme/sender").recipients) == 4
    assert str(office.send(message)).startswith("550 5.7.1 skip_suppression is not permitted")


def test_an_archive_alone_is_left_where_everybody_else_is_suppressed(office: Office) -> None:
    for address in (ALICE, "cc@example.net", "bcc@example.net"):
        office.suppress(address)
    message = make_message(ALICE, body=HTML, kind=b"text/html", **LISTS, options={"click_tracking": True})
    final = office.queued(message)
    assert final.recipients == ["archive@example.net"]
    messages = {each.rcpt_to: each.message_id for each in office.found().messages}
    click = LINKS.read(final.body.decode().partition("/c/")[2].partition('"')[0])
    bounce = LINKS.read_bounce_address(final.sender)
    assert click is not None
    assert bounce is not None
    assert (click.id, bounce.id) == (messages[ALICE], messages["archive@example.net"])


def test_a_bcc_alone_is_shown_to_himself_with_his_name(office: Office) -> None:
    office.suppress(ALICE)
    final = office.queued(make_message(ALICE, bcc=[{"email": "b@example.net", "name": "B. B."}]))
    assert (final.recipients, final.values("Bcc")) == (["b@example.net"], [b'"B. B." <b@example.net>'])


def test_everybody_suppressed_is_a_message_to_nobody(office: Office) -> None:
    for address in (ALICE, "cc@example.net", "bcc@example.net", "archive@example.net"):
        office.suppress(address)
    assert isinstance(office.send(make_message(ALICE, **LISTS)), Discard)
    assert sorted(kind for kind, _ in kinds(office.found())) == ["bounce"] * 4 + ["injection"] * 4


def test_the_domain_of_a_recipient_on_a_list_leaves_in_a_labels_and_is_recorded_as_written(
    office: Office,
) -> None:
    final = office.queued(make_message(ALICE, cc=["Bob@B\u00fccher.example"]))
    assert final.recipients == [ALICE, "Bob@xn--bcher-kva.example"]
    assert final.values("Cc") == [b"Bob@xn--bcher-kva.example"]
    (bob,) = (each for each in office.found().messages if each.rcpt_type == "cc")
    assert (bob.raw_rcpt_to, bob.rcpt_to) == ("Bob@B\u00fccher.example", "bob@xn--bcher-kva.example")


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
    office = Office(site, store_timeout=1.5)
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
    assert "4Xq: transmission=" in caplog.text
    assert "identity=acme/main, from=<news@acme.example>, nrcpt=1, suppressed=0, tracked=no" in caplog.text
    assert "4Xr: acme/main: refused: 550 5.6.0 X-MSYS-API 'metadata'" in caplog.text


def test_mail_does_not_stop_because_its_web_version_has_no_room(office: Office) -> None:
    full = File("plan", "0" * 64, 1024**3, 1)
    office.store.record([full])
    office.queued(message_of(TEENVIO), TEENVIO.identity)
    found = office.found()
    assert kinds(found) == [("injection", ALICE), ("warning", ALICE)]
    assert found.events[1].data == {
        "reason": "The storage of this account is full; the web version of this message was not kept"
    }
    assert office.store.content_of_message(found.messages[0].message_id) is None
