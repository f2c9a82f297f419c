import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from estafeta_core.headers import Header
from estafeta_core.jobs import FIELD, LISTENER
from estafeta_core.refusal import Refusal
from estafeta_milter.adapter import FIELDS, FIELDS_ADDED
from estafeta_milter.delivery import NO_JOB, Delivery
from estafeta_milter.message.message import Message
from estafeta_testing.milter_client import MACROS, Answer, Client, Queued
from estafeta_testing.milter_site import Site
from estafeta_testing.office import FROM, HTML, LINKS, Office, make_message, packet, queued

ALICE, BOB = "alice@example.net", "Bob@example.net"
INTERNAL = {**MACROS, "{daemon_name}": LISTENER, "{auth_authen}": ""}
NO_COPY = Answer("y", str(NO_JOB))


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
        replace(real, body=b"<p>Pay here</p>\r\n"),
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


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a running daemon."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.configure("milter_processes: 1\n")
    process = site.start()
    yield site
    assert process.poll() is None
    site.kill()
    assert site.lines("Traceback") == site.lines("untrapped") == []


@pytest.fixture
def client(served: Site) -> Iterator[Client]:
    with served.connect() as opened:
        yield opened


def submitted(client: Client, queue_id: str) -> Queued:
    """Send a message whose copies differ through the daemon and return it as it is queued."""
    sent = queued(make_message(ALICE, BOB, body=HTML, kind=b"text/html", options={"click_tracking": True}))
    answer = client.message(sent, queue_id)
    assert answer.command == "a", answer
    return sent.edit(answer.edits)


def test_the_daemon_tells_the_stage_by_the_listener(client: Client, served: Site) -> None:
    waiting = submitted(client, "4Xstage")
    found = served.find("4Xstage")
    assert found is not None
    for message in found.messages:
        copy = Queued(waiting.sender, [message.raw_rcpt_to], list(waiting.headers), waiting.body)
        answer = client.message(copy, "4Xcopy", INTERNAL)
        assert answer.command == "a", answer
        final = copy.edit(answer.edits)
        bounce = LINKS.read_bounce_address(final.sender)
        assert bounce is not None
        assert bounce.id == message.message_id
        assert final.values(FIELD) == []


def test_the_job_of_a_client_is_removed_unread(client: Client, served: Site) -> None:
    """Even a valid one: on every other listener it says nothing."""
    waiting = submitted(client, "4Xjob")
    (job,) = waiting.values(FIELD)
    sent = queued(make_message("mallory@example.net", headers=(FROM, Header(FIELD, job))))
    answer = client.message(sent, "4Xreplayed")
    assert answer.command == "a"
    assert sent.edit(answer.edits).values(FIELD) == []
    found = served.find("4Xreplayed")
    assert found is not None
    assert [message.rcpt_to for message in found.messages] == ["mallory@example.net"]


@pytest.mark.parametrize("sender", ["", "a@acme.example", "a b@nowhere", "x\udcff"])
def test_whatever_reaches_the_listener_without_a_job_is_deferred_and_never_refused(
    client: Client, sender: str
) -> None:
    for fields in (0, FIELDS + 1, FIELDS + FIELDS_ADDED + 5):
        headers = [("From", b"root@localhost"), *[("X-Note", b"x")] * fields]
        answer = client.message(Queued(sender, ["mallory@example.net"], headers, b"\r\n"), "4X", INTERNAL)
        assert answer.temporary, answer
    assert client.message(Queued(sender, [ALICE, BOB], headers[:1], b""), "4X", INTERNAL) == NO_COPY


def test_what_was_accepted_with_as_many_fields_as_there_may_be_is_delivered_with_those_added(
    client: Client,
) -> None:
    headers = (FROM, *[Header("X-Note", b"x")] * (FIELDS - 1))
    sent = queued(make_message(ALICE, BOB, headers=headers))
    waiting = sent.edit(client.message(sent, "4Xmany").edits)
    waiting.recipients = [BOB]
    waiting.headers.insert(0, ("Received", b"by our own Postfix"))
    assert client.message(waiting, "4X", INTERNAL).command == "a"


def test_a_copy_given_up_leaves_nothing_for_the_next_message(client: Client, served: Site) -> None:
    waiting = submitted(client, "4Xgiven")
    client.mail(waiting.sender, INTERNAL)
    client.rcpt(ALICE)
    client.content(waiting.headers, waiting.body)
    client.abort()
    assert client.mail("x@acme.example", {**MACROS, "{auth_authen}": ""}).text.startswith("530")
    assert client.message(queued(make_message("carol@example.net")), "4Xnext").command == "a"
    found = served.find("4Xnext")
    assert found is not None
    assert [message.rcpt_to for message in found.messages] == ["carol@example.net"]
