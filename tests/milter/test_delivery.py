import logging
import time
from pathlib import Path

import pytest
from msgspec import structs

from estafeta_core.headers import Header
from estafeta_core.jobs import FIELD
from estafeta_core.refusal import Refusal
from estafeta_milter.delivery import NO_JOB, REMEMBERED, REMEMBERED_BYTES, Delivery
from estafeta_milter.message.message import Message
from estafeta_testing.milter_client import Queued
from estafeta_testing.milter_site import Site
from estafeta_testing.office import HTML, LINKS, Office, make_message, packet, queued

ALICE, BOB = "alice@example.net", "Bob@example.net"


@pytest.fixture
def delivery(office: Office) -> Delivery:
    return Delivery(office.live)


def accepted(office: Office, *recipients: str, queue_id: str = "4Xq") -> Queued:
    """Return a message whose copies differ as it stands in the queue."""
    asked = {"open_tracking": True, "click_tracking": True}
    message = make_message(*recipients or (ALICE, BOB), body=HTML, kind=b"text/html", options=asked)
    return office.queued(message, queue_id=queue_id)


def handed_over(waiting: Queued, *recipients: str) -> Message:
    """Return what Postfix hands over of a queued message."""
    headers = tuple(Header(name, value) for name, value in waiting.headers)
    return Message(waiting.sender, recipients, headers, waiting.body)


def outcome(delivery: Delivery, message: Message) -> Queued | Refusal:
    """Return the copy that comes of a message, or why there is none."""
    found = delivery.end("4XcopY", message.sender, message.recipients, message.headers, message.body)
    return found if isinstance(found, Refusal) else queued(message).edit(map(packet, found))


def copied(delivery: Delivery, waiting: Queued, recipient: str) -> Queued:
    copy = outcome(delivery, handed_over(waiting, recipient))
    assert isinstance(copy, Queued), copy
    return copy


def test_each_recipient_gets_links_and_fields_of_the_message_recorded_for_it(
    office: Office, delivery: Delivery
) -> None:
    waiting = accepted(office)
    assert waiting.recipients == [ALICE, BOB]
    assert len(waiting.values(FIELD)) == 1
    messages = {message.raw_rcpt_to: message.message_id for message in office.found().messages}
    for recipient, number in messages.items():
        copy = copied(delivery, waiting, recipient)
        bounce = LINKS.read_bounce_address(copy.sender)
        feedback = LINKS.read_msfbl(copy.values("X-MSFBL")[0].decode())
        click = LINKS.read(copy.body.decode().partition("/c/")[2].partition('"')[0])
        assert bounce is not None
        assert feedback is not None
        assert click is not None
        assert {bounce.id, feedback.message_id, click.id} == {number}
        assert (click.target, feedback.rcpt_to) == (b"https://shop.example/a", recipient)
        assert copy.values(FIELD) == []
        assert copy.recipients == [recipient]


def test_the_same_copy_comes_out_each_time(office: Office, delivery: Delivery) -> None:
    waiting = accepted(office)
    assert copied(delivery, waiting, BOB) == copied(delivery, waiting, BOB)


def test_messages_that_take_turns_are_never_taken_for_one_another(office: Office, delivery: Delivery) -> None:
    """What is remembered of a message serves its own copies: each is the one that a fresh process makes."""
    asked = {"open_tracking": True, "click_tracking": True}
    bodies = [HTML.replace(b"shop", b"shop%d" % number) for number in range(REMEMBERED + 2)]
    bodies.append(HTML + b"<p>large</p>\r\n" * (REMEMBERED_BYTES // 14))
    waiting = [
        office.queued(
            make_message(ALICE, BOB, body=body, kind=b"text/html", options=asked), queue_id=f"4Xq{number}"
        )
        for number, body in enumerate(bodies)
    ]
    for recipient in (ALICE, BOB, ALICE):
        for each in waiting:
            assert copied(delivery, each, recipient) == copied(Delivery(office.live), each, recipient)


def test_a_field_more_on_the_same_body_is_in_its_copy_alone(office: Office, delivery: Delivery) -> None:
    waiting = accepted(office)
    plain = copied(delivery, waiting, ALICE)
    waiting.headers.append(("Received", b"later"))
    assert copied(delivery, waiting, ALICE).values("Received")[-1] == b"later"
    waiting.headers.pop()
    assert copied(delivery, waiting, ALICE) == plain


def test_a_recipient_is_found_however_postfix_spells_it(office: Office, delivery: Delivery) -> None:
    waiting = accepted(office, ALICE, "jos\u00e9@ex\u00e4mple.net")
    assert copied(delivery, waiting, "jos\u00e9@xn--exmple-cua.net").body != waiting.body


def test_nobody_but_a_recipient_of_the_transmission_gets_a_copy(office: Office, delivery: Delivery) -> None:
    waiting = accepted(office)
    office.suppress("suppressed@example.net")
    other = accepted(office, ALICE, "suppressed@example.net", "carol@example.net", queue_id="4Xr")
    assert outcome(delivery, handed_over(waiting, "carol@example.net")) is NO_JOB
    assert outcome(delivery, handed_over(other, "suppressed@example.net")) is NO_JOB
    waiting.headers = [(name, other.values(name)[0]) for name, _ in waiting.headers]
    assert outcome(delivery, handed_over(waiting, BOB)) is NO_JOB


@pytest.mark.parametrize("recipients", [(), (ALICE, BOB), (ALICE, ALICE)])
def test_a_copy_has_exactly_one_recipient(
    office: Office, delivery: Delivery, recipients: tuple[str, ...]
) -> None:
    assert outcome(delivery, handed_over(accepted(office), *recipients)) is NO_JOB


def test_a_job_is_good_for_no_other_message(
    office: Office, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = accepted(office)
    real = handed_over(waiting, ALICE)
    for other in (
        structs.replace(real, body=b"<p>Pay here</p>\r\n"),
        real.add_header("From", b"ceo@bank.example"),
        real.without_headers(("Message-ID",)).add_header("Message-ID", b"<1@bank.example>"),
    ):
        with caplog.at_level(logging.ERROR):
            assert outcome(delivery, other) is NO_JOB
        assert "4XcopY: deferred: the job is that of another message" in caplog.text
        caplog.clear()
    assert isinstance(outcome(delivery, real.add_header("Received", b"by this host")), Queued)


def test_a_copy_has_exactly_one_job_that_was_signed_here(
    office: Office, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = accepted(office)
    (job,) = waiting.values(FIELD)
    plain = [header for header in waiting.headers if header[0] != FIELD]
    for values in ((), (job, job), (b"forged",), (job[1:],), (job.swapcase(),)):
        waiting.headers = [*plain, *((FIELD, value) for value in values)]
        with caplog.at_level(logging.ERROR):
            assert outcome(delivery, handed_over(waiting, ALICE)) is NO_JOB
        assert "4XcopY: deferred: no job for exactly this recipient" in caplog.text


def test_nothing_is_asked_that_may_have_changed_since(office: Office, delivery: Delivery) -> None:
    """The account is gone, and so is the store; the address of the web service is the one in force."""
    waiting = accepted(office)
    (office.site.folder / "accounts.d" / "acme.yaml").unlink()
    office.site.configure("mime: {parts: 1, header_count: 1}\n")
    text = office.site.config.read_text().replace("https://click.example.com", "https://new.example.com")
    office.site.config.write_text(text)
    assert office.live.reload() is None
    with office.locked_store():
        copy = copied(delivery, waiting, ALICE)
    assert copy.body.count(b"https://new.example.com/c/") == 1


def test_keys_rotate_while_mail_is_queued(office: Office, delivery: Delivery) -> None:
    waiting = accepted(office)
    (office.site.folder / "new.key").write_bytes(b"n" * 64)
    text = office.site.config.read_text().replace("[link.key]", "[new.key, link.key]")
    office.site.config.write_text(text)
    assert office.live.reload() is None
    assert copied(delivery, waiting, ALICE).recipients == [ALICE]
    office.site.config.write_text(text.replace("[new.key, link.key]", "[new.key]"))
    assert office.live.reload() is None
    assert outcome(delivery, handed_over(waiting, ALICE)) is NO_JOB


def test_a_key_that_another_process_signs_with_already_is_read_at_once(
    office: Office, delivery: Delivery, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other_site = Site(tmp_path / "other")
    (other_site.folder / "link.key").write_bytes(b"n" * 64)
    other = Office(other_site)
    waiting = accepted(other)
    other.store.close()
    assert outcome(delivery, handed_over(waiting, ALICE)) is NO_JOB
    (office.site.folder / "link.key").write_bytes(b"n" * 64)
    time.sleep(0.06)  # the files are looked at 20 times a second at most
    assert copied(delivery, waiting, ALICE).recipients == [ALICE]
