from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from estafeta_core.headers import Header, values
from estafeta_core.jobs import FIELD, Copy, Jobs, TooManyCopiesError, content
from estafeta_core.options import Options
from estafeta_milter import copies, edits
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Bounds
from estafeta_testing.corpora import messages, parameters, received
from estafeta_testing.office import ALTERNATIVE, FROM, HTML, LINKS, TAGGED, TWO_PARTS, make_job, make_message

ALICE, BOB = "alice@example.net", "bob@example.net"
IDS = {ALICE: 11, BOB: 12}
JOBS = Jobs([b"k" * 64])
PERSONAL = make_job(
    id=IDS[ALICE],
    body_id=IDS[ALICE],
    rcpt_to=ALICE,
    options=Options(
        open_tracking=True,
        initial_open_pixel=True,
        click_tracking=True,
        to_utf8=True,
        head="es",
        foot="pt",
        merge_tags=True,
        tags_footer="ru",
    ),
    list_unsubscribe=True,
    return_path_domain="bounce.example.com",
    append_tags=True,
)
LONG = b"<p>" + b"\xe9" * 2000 + b'<a href="https://shop.example/">x</a></p>\r\n'


def together(ids: dict[str, int]) -> copies.Together:
    each = {address: Copy(number) for address, number in ids.items()}
    return copies.Together(transmission_id=10, copies=each, first_id=11, signing=None)


def differing(message: Message, job: Job = PERSONAL) -> copies.Rendering:
    return copies.differing(message, job, JOBS, together(IDS))


def handed_over(queued: Message, recipient: str) -> Message:
    """Return the copy of one recipient, made of nothing but what Postfix hands over."""
    value = next(header.value for header in queued.headers if header.name == FIELD)
    found = JOBS.read(value, recipient)
    assert found is not None
    order, assigned = found
    headers = (Header("Received", b"by our own Postfix"), *queued.headers)
    assert order.content == content(headers, queued.body)
    arrived = Message(queued.sender, (recipient,), headers, queued.body).without_headers((FIELD,))
    return copies.finished(arrived, order, assigned, LINKS, ())


def test_copies_that_are_alike_are_queued_as_they_leave() -> None:
    message = make_message(ALICE, BOB)
    rendering = copies.alike(message, make_job(id=10, rcpt_to=None))
    assert rendering.queued is rendering.final
    assert edits.difference(rendering.shared, rendering.final) == []
    assert [header.name for header in rendering.queued.headers] == ["From", "Subject", "X-MSFBL"]


def test_what_is_queued_names_no_recipient_and_carries_one_job() -> None:
    forged = Header("X-Estafeta-Job", b"forged")
    message = make_message(ALICE, BOB, headers=(forged, FROM, forged), body=HTML, kind=b"text/html")
    rendering = differing(message)
    assert [header.name for header in rendering.queued.headers] == ["From", "Content-Type", FIELD]
    assert rendering.queued.headers[2] != forged
    assert rendering.queued.body is message.body
    assert rendering.queued.recipients == (ALICE, BOB)
    bounce = LINKS.read_bounce_address(rendering.queued.sender)
    assert bounce is not None
    assert (bounce.id, bounce.shared) == (10, True)


def test_a_sender_that_is_kept_is_kept_at_both_stages() -> None:
    queued = differing(make_message(ALICE, BOB), replace(PERSONAL, return_path_domain=None)).queued
    assert queued.sender == handed_over(queued, BOB).sender == "app@acme.example"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"text/html", HTML),
        (b"text/html; charset=iso-8859-1", LONG),
        (b"text/plain", b"https://shop.example/\r\n"),
        (ALTERNATIVE, TWO_PARTS),
        (b"text/html", TAGGED),
        (b"multipart/mixed; boundary=x", b"--x\r\nno end"),
        (b"application/pdf", b"%PDF\x00\xff\r\n"),
        (b"\xff", b"\x00\xff\r\n\n\r"),
    ],
)
def test_the_two_halves_make_what_one_pass_makes(kind: bytes, body: bytes) -> None:
    message = make_message(ALICE, BOB, body=body, kind=kind, campaign_id="x")
    whole = copies.alike(message, PERSONAL).final
    rendering = differing(message)
    copy = handed_over(rendering.queued, ALICE)
    assert (copy.sender, copy.body) == (whole.sender, whole.body)
    assert copy.headers[1:] == rendering.final.headers
    # What the first half says of a changed body comes before what the second half adds.
    assert sorted(copy.headers[1:], key=repr) == sorted(whole.headers, key=repr)
    assert rendering.final.body == rendering.copy.rendered().body == whole.body


@pytest.mark.parametrize("path", parameters(messages()))
def test_the_two_halves_make_what_one_pass_makes_of_real_mail(path: Path) -> None:
    headers, body = received(path.read_bytes())
    message = Message("app@acme.example", (ALICE, BOB), headers, body)
    whole = copies.alike(message, PERSONAL).final
    copy = handed_over(differing(message).queued, ALICE)
    assert (copy.sender, copy.body) == (whole.sender, whole.body)
    assert sorted(copy.headers[1:], key=repr) == sorted(whole.headers, key=repr)


def test_each_copy_is_its_recipients_own() -> None:
    queued = differing(make_message(ALICE, BOB, body=HTML, kind=b"text/html")).queued
    for recipient, number in IDS.items():
        copy = handed_over(queued, recipient)
        bounce = LINKS.read_bounce_address(copy.sender)
        assert bounce is not None
        assert (bounce.id, bounce.shared) == (number, False)
        assert copy.recipients == (recipient,)
    assert handed_over(queued, ALICE).body != handed_over(queued, BOB).body


CC, BCC, ARCHIVE = "cc@x.example", "bcc@x.example", "archive@x.example"
OF_ALL_KINDS = {
    ALICE: Copy(11),
    CC: Copy(12, "cc"),
    BCC: Copy(13, "bcc", "J\u00f6rg"),
    ARCHIVE: Copy(14, "archive"),
}


def queued_for_all_kinds(**job: Any) -> Message:
    message = make_message(*OF_ALL_KINDS, body=TAGGED + HTML, kind=b"text/html")
    personal = replace(PERSONAL, cc=b"cc@x.example", **job)
    each = copies.Together(transmission_id=10, copies=OF_ALL_KINDS, first_id=11, signing=None)
    return copies.differing(message, personal, JOBS, each).queued


def test_s42_s43_s44_all_show_cc_and_the_bcc_copy_alone_a_bcc() -> None:
    queued = queued_for_all_kinds()
    shown = {address: handed_over(queued, address) for address in OF_ALL_KINDS}
    assert all(values(copy.headers, "Cc") == [b"cc@x.example"] for copy in shown.values())
    assert {address: values(copy.headers, "Bcc") for address, copy in shown.items()} == {
        ALICE: [],
        CC: [],
        BCC: [b"=?utf-8?B?SsO2cmc=?= <bcc@x.example>"],
        ARCHIVE: [],
    }


def test_s45_s46_the_archive_copy_has_the_body_of_the_first_and_tokens_of_its_own() -> None:
    queued = queued_for_all_kinds()
    first, archive = handed_over(queued, ALICE), handed_over(queued, ARCHIVE)
    assert archive.body == first.body
    assert len({handed_over(queued, address).body for address in OF_ALL_KINDS}) == 3
    for name in ("X-MSFBL", "List-Unsubscribe"):
        assert values(archive.headers, name) != values(first.headers, name)
    assert archive.sender != first.sender
    feedback = LINKS.read_msfbl(values(archive.headers, "X-MSFBL")[0].decode())
    assert feedback is not None
    assert (feedback.message_id, feedback.rcpt_to) == (14, ARCHIVE)
    own = {"x-msfbl", "list-unsubscribe"}
    assert [each for each in archive.headers if each.key not in own] == [
        each for each in first.headers if each.key not in own
    ]


def test_a_message_at_its_bounds_is_taken_apart_with_a_field_more() -> None:
    bounds = Bounds(header_count=3)
    message = structs.replace(make_message(ALICE, BOB, body=HTML, kind=b"text/html"), bounds=bounds)
    assert handed_over(differing(message).queued, BOB).body.count(b"https://click.example.com/c/") == 1


def test_a_message_past_its_bounds_stays_as_it_is_when_they_have_been_widened() -> None:
    bounds = Bounds(header_count=2)
    message = structs.replace(make_message(ALICE, BOB, body=HTML, kind=b"text/html"), bounds=bounds)
    rendering = differing(message)
    assert rendering.final.body == handed_over(rendering.queued, BOB).body == HTML
    assert "List-Unsubscribe" in [header.name for header in rendering.final.headers]


def test_more_recipients_than_the_job_has_room_for_are_too_many() -> None:
    ids = {f"reader{number}@example.net": number for number in range(8000)}
    with pytest.raises(TooManyCopiesError):
        copies.differing(make_message(*ids), PERSONAL, JOBS, together(ids))
