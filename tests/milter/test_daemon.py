"""The milter's processes: how they start, reload, die and end."""

import contextlib
import itertools
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from estafeta_testing.milter_client import Answer, Client, Queued
from estafeta_testing.milter_site import Site, children, eventually

COPIES_NAME = "estafeta-copies"
STOPPING = Answer("y", "421 4.3.2 Service is being restarted, try again")


def message(recipient: str = "alice@example.net") -> Queued:
    return Queued("app@acme.example", [recipient], [("From", b"news@acme.example")], b"Hello\r\n")


def accepted(client: Client, queue_id: str = "4Xq") -> bool:
    return client.message(message(), queue_id).command == "a"


def workers(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the processes of a daemon that take sessions."""
    return [pid for pid in children(process.pid) if name(pid) not in (COPIES_NAME, "")]


def name(pid: int) -> str:
    """Return the name of a process; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


@contextlib.contextmanager
def locked_store(site: Site) -> Iterator[None]:
    """Have another process's transaction stand in the way of every write."""
    connection = sqlite3.connect(site.folder / "estafeta.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


def started(site: Site, size: int = 1, before: str = "") -> subprocess.Popen[bytes]:
    """Start a daemon of `size` processes and return when it serves."""
    site.configure(f"milter_processes: {size}\nstore_timeout: 15\n")
    process = site.start(before)
    with site.connect() as client:
        assert accepted(client)
    # A process with libmilter's threads has its store open: it holds no lock should a test stop it.
    eventually(
        lambda: sum(len(list(Path(f"/proc/{pid}/task").iterdir())) > 4 for pid in workers(process)) == size
    )
    return process


def test_it_serves_with_as_many_processes_as_asked_and_ends_at_once_when_idle(site: Site) -> None:
    process = started(site, 3)
    running = children(process.pid)
    assert len(running) == 3 + 1  # one makes copies
    assert site.socket.stat().st_mode & 0o777 == 0o660
    idle = [site.connect() for _ in range(20)]
    began = time.monotonic()
    process.terminate()
    assert process.wait(10) == 0
    assert time.monotonic() - began < 6
    end_soon(running)
    assert [path.name for path in site.socket.parent.iterdir()] == ["metrics"]
    assert len(site.lines("estafeta/milter[", "info: serving with 3 processes")) == 1
    assert site.lines("error") == site.lines("Traceback") == []
    for client in idle:
        client.cut()


def test_without_a_setting_there_is_one_process_a_core(site: Site) -> None:
    process = site.start()
    site.connect().cut()
    eventually(lambda: len(workers(process)) == os.cpu_count())


def test_each_process_takes_sessions(site: Site) -> None:
    process = started(site, 2)
    for worker, other in itertools.permutations(workers(process)):
        with stopped(other), site.connect() as client:
            assert accepted(client, f"4Xby{worker}")
        assert len(site.lines(f"[{worker}]", f"4Xby{worker}: transmission=")) == 1


def test_l6_sigterm_lets_the_messages_in_hand_finish_and_takes_no_other(site: Site) -> None:
    process = started(site)
    with site.connect() as deciding, site.connect() as sending, site.connect() as idle:
        sending.mail()
        sending.rcpt()
        with locked_store(site):
            deciding.mail()
            deciding.rcpt()
            deciding.content(message().headers, b"x\r\n")
            deciding.begin_eom("4Xdeciding")
            time.sleep(0.3)
            process.terminate()
            eventually(lambda: idle.mail() == STOPPING)
        assert deciding.end_eom().command == "a"
        sending.content(message().headers, b"x\r\n")
        assert sending.eom("4Xsending").command == "a"
        assert process.wait(5) == 0
    assert site.find("4Xdeciding") is not None
    assert site.find("4Xsending") is not None
    assert site.lines("error") == []


def test_a_message_that_never_ends_delays_the_end_for_a_bounded_time(site: Site) -> None:
    process = started(site, before="daemon.DRAIN = 0.5\n")
    with site.connect() as client:
        client.mail()
        process.terminate()
        assert process.wait(5) == 0


def test_a10_sessions_that_were_cut_anywhere_are_not_in_hand(site: Site) -> None:
    process = started(site)
    for number in range(1, 40):
        client = site.connect()
        client.mail()
        if number % 4 > 0:
            client.rcpt()
        if number % 4 > 1:
            client.content(message().headers, b"x" * 200_000)
        if number % 4 > 2:
            client.begin_eom(f"4Xcut{number}")
        client.cut()
    time.sleep(0.2)
    began = time.monotonic()
    process.terminate()
    assert process.wait(10) == 0
    assert time.monotonic() - began < 6
    assert site.lines("Traceback") == []


def test_f9_a_revoked_key_stops_an_open_session_within_a_second(site: Site) -> None:
    started(site, 2)
    clients = [site.connect() for _ in range(6)]
    for client in clients:
        assert accepted(client)
    site.account(main=", status: revoked")
    time.sleep(1.0)
    for client in clients:
        assert client.mail() == Answer("y", "535 5.7.8 Credential revoked")
        client.cut()


def test_sighup_reloads_every_process_and_keeps_what_works(site: Site) -> None:
    process = started(site, 2, before="daemon.Live.watch.__globals__['LOOK_EVERY'] = 3600\n")
    with site.connect() as client:
        site.configure("milter_processes: 2\nnonsense: 1\n")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: len(site.lines("nonsense", "the configuration in force stays")) == 3)
        assert accepted(client)
        site.configure("milter_processes: 2\n")
        site.account(main=", status: revoked")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: client.mail().command == "y", 5)
    assert len(workers(process)) == 2
    assert process.poll() is None


def test_sighup_in_the_first_moments_of_a_process_kills_none(site: Site) -> None:
    process = started(site, 2)
    for _ in range(5):
        os.kill(workers(process)[0], signal.SIGKILL)
        for _ in range(60):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.005)
    eventually(lambda: len(workers(process)) == 2)
    assert len(site.lines("ended with status 9, starting another")) == 5
    assert len(site.lines("ended with status")) == 5


def test_l8_kill_9_of_the_parent_leaves_no_orphan_and_a_new_start_works_at_once(site: Site) -> None:
    process = started(site, 2)
    for _ in range(2):
        running = children(process.pid)
        with site.connect() as client:
            client.mail()
            process.kill()
            process.wait()
            with pytest.raises(OSError, match=r"closed|Broken|reset"):
                client.eom()
        end_soon(running)
        process = site.start()
        with site.connect() as client:
            assert accepted(client, "4Xagain")


def end_soon(pids: list[int]) -> None:
    """Wait until none of these processes runs; nobody may have asked yet what became of it."""
    eventually(lambda: all(state(pid) in ("", "Z") for pid in pids), 2)


def state(pid: int) -> str:
    """Return what proc(5) says of a process: T stopped, Z dead and not asked for, "" gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Have a process stand still."""
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: state(pid) == "T")
    yield
    os.kill(pid, signal.SIGCONT)


def replaced(process: subprocess.Popen[bytes], worker: int) -> None:
    """Wait until another process is there for `worker`."""
    eventually(lambda: workers(process) not in ([], [worker]))


def test_kill_9_of_a_process_costs_its_messages_a_451_and_it_is_replaced(site: Site) -> None:
    process = started(site)
    (worker,) = workers(process)
    with site.connect() as client, locked_store(site):
        client.mail()
        client.rcpt()
        client.content(message().headers, b"x\r\n")
        client.begin_eom("4Xkilled")
        time.sleep(0.2)
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(ConnectionError):
            client.end_eom()
    with site.connect() as client:
        assert accepted(client, "4Xnext")
    assert workers(process) != [worker]
    assert site.find("4Xkilled") is None
    assert len(site.lines("error", "ended with status 9, starting another")) == 1


def test_b2_kill_9_at_any_moment_of_the_edits_never_lets_a_message_pass(site: Site) -> None:
    """What Postfix has not been told the end of, it does not take: there is no answer, or the right one."""
    process = started(site)
    sent = message()
    sent.headers += [("Content-Type", b"text/html"), ("X-MSYS-API", b'{"options": {"click_tracking": true}}')]
    sent.body = b'<a href="https://shop.example/">x</a>\r\n' * 5000
    for number in range(8):
        with site.connect() as client:
            client.mail()
            client.rcpt()
            client.content(sent.headers, sent.body)
            (worker,) = workers(process)
            client.begin_eom(f"4Xb2n{number}")
            time.sleep(0.01 * number)
            os.kill(worker, signal.SIGKILL)
            with contextlib.suppress(ConnectionError):
                answer = client.end_eom()
                made = Queued(sent.sender, list(sent.recipients), list(sent.headers), sent.body).edit(
                    answer.edits
                )
                assert answer.command == "a"
                assert b"https://shop.example/" not in made.body
                assert site.find(f"4Xb2n{number}") is not None
        replaced(process, worker)


def test_a_process_told_to_stop_alone_is_replaced_and_the_socket_stays(site: Site) -> None:
    process = started(site, 2)
    one = workers(process)[0]
    os.kill(one, signal.SIGTERM)
    eventually(lambda: one not in workers(process) and len(workers(process)) == 2)
    with site.connect() as client:
        assert accepted(client)


def test_a_replacement_knows_what_was_revoked_since_the_start(site: Site) -> None:
    process = started(site)
    site.account(main=", status: revoked")
    time.sleep(0.2)
    (worker,) = workers(process)
    os.kill(worker, signal.SIGKILL)
    with site.connect() as client:
        assert client.mail() == Answer("y", "535 5.7.8 Credential revoked")


def test_a_second_start_is_refused_and_the_first_serves_on(site: Site) -> None:
    started(site)
    assert site.start().wait(20) == 1
    assert len(site.lines("fatal", "another process serves this socket")) == 1
    with site.connect() as client:
        assert accepted(client)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("nonsense: 1\n", ("estafeta.yaml:", "nonsense")),
        ("", ("fatal", "set socket_group")),
        ("", ("fatal", "is the folder there")),
    ],
    ids=["configuration", "group", "folder"],
)
def test_a_start_that_cannot_be_is_one_line_and_status_1(
    site: Site, more: str, words: tuple[str, ...]
) -> None:
    site.configure(more)
    if "set socket_group" in words:
        text = site.config.read_text().replace("socket_group: ", "socket_group: no-such-")
        site.config.write_text(text)
    if "is the folder there" in words:
        site.socket.parent.rmdir()
    assert site.start().wait(20) == 1
    assert len(site.lines(*words)) == 1
    assert site.lines("Traceback") == []


def test_every_smtpd_may_connect_in_the_same_moment(site: Site) -> None:
    process = started(site)
    (worker,) = workers(process)
    with ThreadPoolExecutor(200) as pool:
        with stopped(worker):
            opening = [pool.submit(Client, site.socket) for _ in range(200)]
            time.sleep(0.5)
            assert not any(future.done() for future in opening)  # none is refused
        waiting = [future.result(20) for future in opening]
    assert accepted(waiting[0])
    assert accepted(waiting[-1])
    for client in waiting:
        client.cut()


GIVES_UP = """
import os, threading, Milter
real = Milter.milter.main
def main():
    if not os.path.exists("{mark}"):
        open("{mark}", "w").close()
        threading.Timer(0.3, Milter.milter.stop).start()
    real()
Milter.milter.main = main
"""


def test_a_process_whose_libmilter_gives_up_is_replaced_and_the_socket_stays(site: Site) -> None:
    process = started(site, before=GIVES_UP.format(mark=site.folder / "mark"))
    (worker,) = workers(process)
    replaced(process, worker)
    with site.connect() as client:
        assert accepted(client)
