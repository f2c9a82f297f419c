"""A whole sandbox: what it starts, how it listens, and that it takes everything down again."""

import base64
import contextlib
import os
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from estafeta_testing.sandbox import QUICK, Delivered, Sandbox, queue_id, running, wait_for

# What some servers take for the end of a message, and RFC 5321 does not.
NO_ENDS = (
    *(b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r.\r"),
    *(b"\n.\r", b"\r\n.\r", b"\r\n\0.\r\n", b"\r.\n"),
)
LISTENERS = ("sparkpost-587", "sparkpost-2525")
MESSAGE = b"From: news@acme.example\r\nTo: x@example.com\r\nSubject: test\r\n\r\nbody\r\n"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Postfix's daemons can reach; pytest's own is closed to them."""
    with tempfile.TemporaryDirectory(prefix="estafeta-test-") as root:
        Path(root).chmod(0o755)
        yield Path(root) / "box"


def processes(folder: Path) -> list[str]:
    """Return the command line of every process that has to do with the sandbox in `folder`."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (path / "cmdline").read_bytes()
            if str(folder).encode() in command + (path / "environ").read_bytes() and command:
                found.append(command.replace(b"\0", b" ").decode())
    return found


def send(sandbox: Sandbox, recipient: str, listener: str = LISTENERS[0]) -> str:
    """Send one message; return its queue id."""
    with sandbox.login(listener=listener) as client:
        client.mail("bounces@acme.example")
        client.rcpt(recipient)
        code, reply = client.data(MESSAGE)
        assert code == 250, reply
        return queue_id(reply)


def talk(place: tuple[str, int], *pieces: bytes) -> list[str]:
    """Send `pieces` one after another; return the last line of the reply to each."""
    replies = []
    with socket.create_connection(place, timeout=30) as connection, connection.makefile("rb") as stream:
        for piece in (b"", *pieces):
            connection.sendall(piece)
            line = stream.readline()
            while line[3:4] == b"-":
                line = stream.readline()
            replies.append(line.decode().rstrip())
    return replies[1:]


def place(sandbox: Sandbox, listener: str = "sparkpost-587") -> tuple[str, int]:
    found = sandbox.listener(listener)
    return found.host, found.port


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_listener_offers_what_its_dialect_documents_and_nothing_else(
    sandbox: Sandbox, listener: str
) -> None:
    with sandbox.connect(listener, starttls=False) as client:
        assert set(client.esmtp_features) == {
            "pipelining", "size", "starttls", "auth", "enhancedstatuscodes", "8bitmime", "dsn", "smtputf8",
        }  # fmt: skip
        assert set(client.esmtp_features["auth"].split()) == {"LOGIN", "PLAIN"}
        assert client.esmtp_features["size"] == str(20 * 1024 * 1024)
        assert client.docmd("VRFY", "root")[0] == 502
        assert client.docmd("ETRN", "example.com")[0] == 459


def test_nobody_sends_without_a_login_from_this_host_either(sandbox: Sandbox) -> None:
    replies = talk(
        place(sandbox), b"EHLO x\r\n", b"MAIL FROM:<a@acme.example>\r\n", b"RCPT TO:<b@example.com>\r\n"
    )
    assert replies[1].startswith("530 5.7.0 ")
    assert replies[2].startswith("503 ")


def test_a_message_reaches_the_outbox_with_its_envelope(sandbox: Sandbox) -> None:
    found = send(sandbox, "outbox-1@example.com")
    [delivered] = sandbox.wait_for_outbox("outbox-1@example.com")
    assert isinstance(delivered, Delivered)
    assert delivered.return_path.endswith("@bounce.estafeta.example")
    assert delivered.body == b"body\r\n"
    assert delivered.parsed()["Subject"] == "test"
    kinds = [event["type"] for event in sandbox.wait_for_events(found, "injection", "delivery")]
    assert kinds == ["injection", "delivery"]


def test_refused_and_deferred_recipients_become_events(sandbox: Sandbox) -> None:
    refused = send(sandbox, "bounce-1@example.com")
    deferred = send(sandbox, "defer-1@example.com")
    bounce = sandbox.wait_for_events(refused, "bounce")[-1]
    assert (bounce["error_code"], bounce["bounce_class"], bounce["num_retries"]) == ("550", "10", "0")
    sandbox.wait_for_events(deferred, "delay")
    time.sleep(1.0)  # a message is not tried again within the second
    sandbox.flush()

    def twice() -> list[str] | None:
        kinds = [event["type"] for event in sandbox.wait_for_events(deferred, "delay")]
        return kinds if kinds.count("delay") == 2 else None

    assert wait_for(twice)
    delays = [event for event in sandbox.wait_for_events(deferred) if event["type"] == "delay"]
    assert [event["num_retries"] for event in delays] == ["0", "1"]


def test_mail_for_people_is_kept_and_nothing_that_is_nobodys_is_taken(sandbox: Sandbox) -> None:
    replies = talk(
        sandbox.bounce_smtp,
        b"EHLO x\r\n",
        b"MAIL FROM:<>\r\n",
        b"RCPT TO:<someone@example.com>\r\n",
        b"RCPT TO:<b+token@bounce.estafeta.example>\r\n",
        b"RCPT TO:<postmaster>\r\n",
        b"DATA\r\n",
        b"Subject: kept-for-later\r\n\r\nx\r\n.\r\n",
    )
    assert [reply[:3] for reply in replies] == ["250", "250", "554", "550", "250", "354", "250"]
    kept = sandbox.dir / "state" / "intake" / "new"
    assert wait_for(
        lambda: next((path for path in kept.glob("*") if b"kept-for-later" in path.read_bytes()), None)
    )


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize(
    "end",
    [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r.\r", b"\n.\r", b"\r\n.\r", b"\r\n\0.\r\n", b"\r.\n"],
)
def test_only_one_message_comes_of_one_data(sandbox: Sandbox, listener: str, end: bytes) -> None:
    marker = f"smuggle-{listener}-{end.hex()}"
    recipient = f"{marker}@example.com"
    inner = (
        f"MAIL FROM:<a@acme.example>\r\nRCPT TO:<{recipient}>\r\nDATA\r\nFrom: a@acme.example\r\n\r\nsecond"
    )
    secret = base64.b64encode(b"\0SMTP_Injection\0" + sandbox.credential().password.encode())
    replies = talk(
        place(sandbox, listener),
        b"EHLO x\r\n",
        b"AUTH PLAIN " + secret + b"\r\n",
        b"MAIL FROM:<a@acme.example>\r\n",
        f"RCPT TO:<{recipient}>\r\n".encode(),
        b"DATA\r\n",
        b"From: a@acme.example\r\n\r\nfirst" + end + inner.encode() + b"\r\n.\r\n",
    )
    assert replies[-1].startswith("250 "), replies
    sandbox.wait_for_outbox(recipient)
    send(sandbox, f"after-{recipient}")
    sandbox.wait_for_outbox(f"after-{recipient}")
    [delivered] = sandbox.outbox(recipient)
    assert b"second" in delivered.body


def test_what_is_pipelined_behind_starttls_is_not_obeyed(sandbox: Sandbox) -> None:
    with socket.create_connection(place(sandbox), timeout=30) as connection:
        connection.recv(1000)
        connection.sendall(b"EHLO x\r\n")
        connection.recv(4000)
        connection.sendall(b"STARTTLS\r\nMAIL FROM:<injected@acme.example>\r\n")
        connection.settimeout(2)
        answers = b""
        with contextlib.suppress(TimeoutError):
            while piece := connection.recv(4000):
                answers += piece
    assert answers.count(b"\r\n") <= 1, answers
    assert "injected@acme.example" not in sandbox.maillog.read_text()


@pytest.mark.parametrize(
    "role",
    ["milter", "postfix"]
    + [pytest.param(role, marks=pytest.mark.release) for role in ("sasl", "policy", "web", "worker")],
)
def test_whatever_is_killed_comes_back(role: str) -> None:
    with running() as box:
        send(box, "before@example.com")
        os.kill(box.processes[role], signal.SIGKILL)

        def again() -> str | None:
            try:
                return send(box, "after@example.com")
            except (smtplib.SMTPException, OSError, AssertionError):
                return None

        found = wait_for(again)
        assert found
        box.wait_for_outbox("after@example.com")
        box.wait_for_events(found, "injection", "delivery")


def test_nothing_is_left_when_it_is_told_to_stop(folder: Path) -> None:
    with running(["--dir", str(folder)]) as box:
        send(box, "a@example.com")
        assert len(processes(folder)) > len(box.processes)
    assert processes(folder) == []
    assert (folder / "outbox" / "new").is_dir()


def test_nothing_is_left_when_it_is_killed(folder: Path) -> None:
    command = [sys.executable, "-m", "estafeta_postfix", "sandbox", "--json", "--dir", str(folder)]
    sandbox = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert sandbox.stdout is not None
    assert sandbox.stdout.readline()
    sandbox.kill()
    sandbox.wait()
    sandbox.stdout.close()
    assert wait_for(lambda: True if not processes(folder) else None), processes(folder)


@pytest.mark.parametrize("after", [0.3, 0.8, 1.5, 2.2])
def test_nothing_is_left_when_it_is_interrupted_half_started(folder: Path, after: float) -> None:
    # As in a terminal: tests that run in the background are begun with SIGINT ignored, and hand that on.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "estafeta_postfix", "sandbox"]
    sandbox = subprocess.Popen(
        [*command, "--dir", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(after)
    sandbox.send_signal(signal.SIGINT)
    sandbox.wait(30)
    assert processes(folder) == []


def test_a_folder_is_used_again_with_everything_that_was_in_it(folder: Path) -> None:
    with running(["--dir", str(folder)]) as box:
        first = send(box, "first@example.com")
        box.wait_for_outbox("first@example.com")
        box.wait_for_events(first, "delivery")
        key = box.credential().password
        deferred = send(box, "defer@example.com")
        box.wait_for_events(deferred, "delay")
    with running(["--dir", str(folder)]) as box:
        assert box.credential().password != key
        box.wait_for_outbox("first@example.com")
        assert [event["type"] for event in box.wait_for_events(first)] == ["injection", "delivery"]
        assert [entry["queue_id"] for entry in box.queue()] == [deferred]
        send(box, "second@example.com")
        box.wait_for_outbox("second@example.com")


def test_a_second_sandbox_in_the_same_folder_is_refused(folder: Path) -> None:
    command = [sys.executable, "-m", "estafeta_postfix", "sandbox", "--dir", str(folder)]
    with running(["--dir", str(folder)]) as box:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2
        assert "already" in done.stderr
        send(box, "still@example.com")


def test_a_listener_may_require_tls_or_begin_with_it() -> None:
    config = QUICK.replace("port: 587, tls: starttls", "port: 587, tls: required")
    config = config.replace("port: 2525, tls: starttls", "port: 465, tls: implicit")
    with running(config=config) as box:
        with box.connect("sparkpost-587", starttls=False) as client:
            assert "auth" not in client.esmtp_features
            assert client.docmd("MAIL FROM:<a@acme.example>")[0] == 530
        send(box, "required@example.com", listener="sparkpost-587")
        send(box, "implicit@example.com", listener="sparkpost-2525")
        box.wait_for_outbox("required@example.com")
        box.wait_for_outbox("implicit@example.com")


def test_a_folder_too_deep_for_its_sockets_is_refused_with_the_reason(folder: Path) -> None:
    deep = folder / ("x" * 60) / ("y" * 60)
    command = [sys.executable, "-m", "estafeta_postfix", "sandbox", "--dir", str(deep)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "107 bytes" in done.stderr
    assert processes(folder) == []


def test_the_outbox_is_shown_in_a_browser(sandbox: Sandbox) -> None:
    send(sandbox, "looked-at@example.com")
    sandbox.wait_for_outbox("looked-at@example.com")
    page = httpx2.get(sandbox.description["outbox_web"]).raise_for_status()
    assert "looked-at@example.com" in page.text
