import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from estafeta_core.headers import Header
from estafeta_core.jobs import FIELD
from estafeta_core.refusal import Refusal
from estafeta_milter import edits
from estafeta_milter.delivery import NO_JOB
from estafeta_milter.handover import HandoverLoop
from estafeta_milter.wire import FIELDS
from estafeta_testing.milter_client import MACROS, Answer, Client, Queued
from estafeta_testing.milter_site import Site, children, eventually
from estafeta_testing.office import FROM, HTML, LINKS, make_message, queued

ALICE, BOB = "alice@example.net", "Bob@example.net"
NO_COPY = Answer("y", str(NO_JOB))
COPY = Queued("a@b.example", [ALICE], [("Subject", b"s")], b"body\r\n")


class Maker:
    """Marks each message, and fails where it is told to."""

    def __init__(self) -> None:
        self.busy = threading.Event()
        self.go_on = threading.Event()

    def end(
        self,
        queue_id: str,
        sender: str,
        recipients: tuple[str, ...],
        headers: tuple[Header, ...],
        body: bytes,
    ) -> list[edits.Edit] | Refusal:
        if queue_id == "4Xfails":
            raise RuntimeError("a bug")
        if queue_id == "4Xwaits":
            self.busy.set()
            assert self.go_on.wait(10)
        return [edits.AddHeader("X-Made", f"{queue_id} {sender} {recipients[0]} {len(headers)} {len(body)}")]


@contextmanager
def running(path: Path, maker: Maker, drain: float = 5.0) -> Iterator[HandoverLoop]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.setblocking(False)
        loop = HandoverLoop(listener, maker, drain)
        thread = threading.Thread(target=loop.run)
        thread.start()
        try:
            yield loop
        finally:
            maker.go_on.set()
            loop.stop()
            thread.join(10)
            assert not thread.is_alive()


def test_each_connection_has_its_own_messages_one_after_the_other(tmp_path: Path) -> None:
    with running(tmp_path / "s", Maker()), Client(tmp_path / "s") as one, Client(tmp_path / "s") as other:
        one.mail("one@b.example")
        other.mail("other@b.example")
        one.rcpt(ALICE)
        other.rcpt(BOB)
        one.content([("A", b"1")], b"1")
        other.content([("A", b"1"), ("B", b"2")], b"22")
        for client, made in ((other, "4X2 other@b.example Bob@example.net 2 2"), (one, "4X1 one@b.example")):
            answer = client.eom(made.split()[0])
            assert answer.command == "a"
            assert made.encode() in answer.edits[0].data
        assert one.message(COPY, "4X3").command == "a"
        one.quit()


def test_a_bug_delays_one_message_and_keeps_the_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path / "s", Maker()), Client(tmp_path / "s") as client:
        assert client.message(COPY, "4Xfails").temporary
        assert "4Xfails: failed at the end of the message, deferred" in caplog.text
        assert client.message(COPY, "4Xnext").command == "a"


def test_a_peer_that_breaks_the_protocol_or_leaves_harms_nobody_else(tmp_path: Path) -> None:
    with running(tmp_path / "s", Maker()), Client(tmp_path / "s") as client:
        with socket.socket(socket.AF_UNIX) as wild:
            wild.settimeout(10)
            wild.connect(str(tmp_path / "s"))
            wild.sendall(b"EHLO \0\0\0\0")
            assert wild.recv(1) == b""
        with Client(tmp_path / "s") as leaving:
            leaving.mail()
        assert client.message(COPY).command == "a"


def test_what_is_in_hand_is_finished_before_it_stops(tmp_path: Path) -> None:
    maker, path = Maker(), tmp_path / "s"
    with running(path, maker) as loop, Client(path) as idle, Client(path) as client, Client(path) as late:
        late.mail()
        client.mail()
        client.rcpt(ALICE)
        client.content(COPY.headers, COPY.body)
        client.begin_eom("4Xwaits")
        assert maker.busy.wait(10)
        loop.stop()
        maker.go_on.set()
        assert client.end_eom().command == "a"
        with pytest.raises(ConnectionError):
            idle.eom()
        late.rcpt(ALICE)
        assert late.eom("4Xlate").command == "a"


def test_who_speaks_as_it_is_told_to_stop_costs_the_others_nothing(tmp_path: Path) -> None:
    maker, path = Maker(), tmp_path / "s"
    with running(path, maker) as loop, Client(path) as idle, Client(path) as client, Client(path) as late:
        late.mail()
        client.mail()
        client.rcpt(ALICE)
        client.content(COPY.headers, COPY.body)
        client.begin_eom("4Xwaits")
        assert maker.busy.wait(10)
        loop.stop()
        idle.begin_eom("4Xidle")  # both are there when the loop looks next
        maker.go_on.set()
        assert client.end_eom().command == "a"
        late.rcpt(ALICE)
        assert late.eom("4Xlate").command == "a"


def test_it_waits_for_nobody_for_ever(tmp_path: Path) -> None:
    with running(tmp_path / "s", Maker(), drain=0.2) as loop, Client(tmp_path / "s") as client:
        client.mail()
        client.rcpt(ALICE)
        loop.stop()
        with pytest.raises(ConnectionError):
            client.end_eom()


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
    """A client's session."""
    with served.connect() as opened:
        yield opened


@pytest.fixture
def internal(served: Site) -> Iterator[Client]:
    """A session of the listener of the copies."""
    with served.connect_copies() as opened:
        yield opened


def submitted(client: Client, queue_id: str) -> Queued:
    """Send a message whose copies differ through the daemon and return it as it is queued."""
    sent = queued(make_message(ALICE, BOB, body=HTML, kind=b"text/html", options={"click_tracking": True}))
    answer = client.message(sent, queue_id)
    assert answer.command == "a", answer
    return sent.edit(answer.edits)


def test_the_daemon_tells_the_stage_by_the_socket(client: Client, internal: Client, served: Site) -> None:
    waiting = submitted(client, "4Xstage")
    found = served.find("4Xstage")
    assert found is not None
    for message in found.messages:
        copy = Queued(waiting.sender, [message.raw_rcpt_to], list(waiting.headers), waiting.body)
        answer = internal.message(copy, "4Xcopy")
        assert answer.command == "a", answer
        final = copy.edit(answer.edits)
        bounce = LINKS.read_bounce_address(final.sender)
        assert bounce is not None
        assert bounce.id == message.message_id
        assert final.values(FIELD) == []
    assert served.lines("4Xcopy: transmission=")


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
def test_whatever_reaches_the_socket_without_a_job_is_deferred_and_never_refused(
    internal: Client, sender: str
) -> None:
    for fields in (0, FIELDS - 1, FIELDS + 5):
        headers = [("From", b"root@localhost"), *[("X-Note", b"x")] * fields]
        answer = internal.message(Queued(sender, ["mallory@example.net"], headers, b"\r\n"))
        assert answer.temporary, answer
    assert internal.message(Queued(sender, [ALICE, BOB], headers[:1], b"")) == NO_COPY


def test_what_was_accepted_with_as_many_fields_as_there_may_be_is_delivered_with_those_added(
    client: Client, internal: Client
) -> None:
    headers = (FROM, *[Header("X-Note", b"x")] * 49_999)
    sent = queued(make_message(ALICE, BOB, headers=headers))
    waiting = sent.edit(client.message(sent, "4Xmany").edits)
    waiting.recipients = [BOB]
    waiting.headers.insert(0, ("Received", b"by our own Postfix"))
    assert internal.message(waiting).command == "a"


def test_a_copy_given_up_leaves_nothing_for_the_next_one(client: Client, internal: Client) -> None:
    waiting = submitted(client, "4Xgiven")
    internal.mail(waiting.sender)
    internal.rcpt(ALICE)
    internal.content(waiting.headers, waiting.body)
    internal.abort()
    assert internal.message(Queued(waiting.sender, [BOB], [("From", b"a@b")], b"")) == NO_COPY


def test_whoever_names_the_listener_of_the_copies_elsewhere_is_nobody(served: Site) -> None:
    with served.connect("estafeta-delivery") as session:
        answer = session.mail("x@acme.example", {**MACROS, "{auth_authen}": ""})
        assert answer.text.startswith("530"), answer


def test_a_process_for_copies_that_dies_is_replaced(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.configure("milter_processes: 1\n")
    process = site.start()
    try:
        with site.connect_copies() as session:
            assert session.message(COPY).temporary
        before = set(children(process.pid))
        assert len(before) == 2
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(set(children(process.pid)) - before) == 2)
        with site.connect_copies() as session:
            assert session.message(COPY).temporary
        with site.connect() as session:
            assert session.mail().command == "c"
    finally:
        site.kill()
