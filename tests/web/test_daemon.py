"""The process: what survives its death, how it stops, reloads and refuses."""

import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from estafeta_core.links import Links
from estafeta_core.store import Store, open_store
from estafeta_core.store.rows import Message
from estafeta_testing.journals import catch_up
from estafeta_testing.stored import make_rows

OLD, NEW = b"old" * 20, b"new" * 20
SERVE = "import sys, pathlib, estafeta_web.daemon as d; sys.exit(d.run_web(pathlib.Path(sys.argv[1])))"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@dataclass
class Installation:
    """A configuration, its store, and processes that serve it."""

    folder: Path
    port: int
    store: Store
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def base(self) -> str:
        """The URL of the service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def links(self) -> Links:
        """Links with the first key."""
        return Links([OLD], self.base, "bounce.example.com")

    def message(self) -> Message:
        """Record a message and return its copy."""
        rows = make_rows()
        self.store.record(rows)
        assert isinstance(rows[1], Message)
        return rows[1]

    def start(self, *, wait: bool = True) -> subprocess.Popen[bytes]:
        """Start the process and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(self.folder / "estafeta.yaml")],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
                stderr=log,
            )
        self.processes.append(process)
        deadline = time.monotonic() + 20
        while wait:
            assert process.poll() is None, self.log()
            assert time.monotonic() < deadline
            try:
                httpx2.get(self.base + "/healthz")
                break
            except httpx2.TransportError:
                time.sleep(0.02)
        return process

    def log(self) -> str:
        """Return what the processes have logged."""
        return (self.folder / "log").read_text()

    def lock(self) -> sqlite3.Connection:
        """Stand in the way of every write to the store."""
        connection = sqlite3.connect(self.folder / "estafeta.db", isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        return connection


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (tmp_path / "old.key").write_bytes(OLD)
    (tmp_path / "new.key").write_bytes(NEW)
    (tmp_path / "accounts.d").mkdir()
    (tmp_path / "estafeta.yaml").write_text(
        f"""
hostname: mx.example.com
base_url: http://127.0.0.1:{port}
bounce_domain: bounce.example.com
store: sqlite:///{tmp_path}/estafeta.db
state_dir: {tmp_path}
listeners:
  submission: {{dialects: [sparkpost], port: 58700}}
signing_keys: [old.key]
web: {{port: {port}}}
"""
    )
    store = open_store(f"sqlite:///{tmp_path}/estafeta.db", timeout=5)
    made = Installation(tmp_path, port, store)
    yield made
    for process in made.processes:  # whatever a failed test left behind
        process.kill()
        process.wait()
    store.close()


def ended(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(15)


def count(installation: Installation, *types: str) -> int:
    """Return how many events there are when the journal has been read, as the worker does."""
    catch_up(installation.folder, installation.store)
    return len(installation.store.events(types=types))


def test_l6_sigterm_ends_the_process_with_status_0(installation: Installation) -> None:
    process = installation.start()
    started = time.monotonic()
    assert ended(process) == 0
    assert time.monotonic() - started < 10
    assert "info: stopped" in installation.log()
    assert "Traceback" not in installation.log()


def test_h6_an_unsubscribe_answered_200_survives_kill_9(installation: Installation) -> None:
    for turn in range(3):
        process = installation.start()
        url = installation.links.unsubscribe(installation.message().message_id)
        assert httpx2.post(url, data=ONE_CLICK).status_code == 200
        process.kill()
        process.wait()
        assert count(installation, "list_unsubscribe") == turn + 1
    assert installation.store.is_suppressed("acme", None, ["alice@example.net"], ["non_transactional"])


def test_h12_what_was_answered_survives_kill_9_and_is_in_the_store_once(installation: Installation) -> None:
    message = installation.message()
    held = installation.lock()
    process = installation.start()
    unsubscribe = installation.links.unsubscribe(message.message_id)
    click = installation.links.click(message.message_id, "https://example.com/")
    with httpx2.Client(timeout=5) as http:
        assert http.post(unsubscribe, data=ONE_CLICK).status_code == 200
        for _ in range(20):
            assert http.get(click).status_code == 302
    process.kill()
    process.wait()
    held.execute("ROLLBACK")
    held.close()
    for _ in range(2):
        process = installation.start()
        assert httpx2.get(click).status_code == 302
        process.kill()
        process.wait()
    assert count(installation, "click") == 22
    assert count(installation, "list_unsubscribe") == 1
    assert installation.store.is_suppressed("acme", None, ["alice@example.net"], ["non_transactional"])


def test_h12_links_work_from_a_start_without_any_store(installation: Installation) -> None:
    click = installation.links.click(installation.message().message_id, "https://example.com/")
    installation.store.close()
    hidden = installation.folder / "hidden"
    hidden.mkdir()
    for file in installation.folder.glob("estafeta.db*"):
        file.rename(hidden / file.name)
    (installation.folder / "estafeta.db").mkdir()  # no file can be made here
    process = installation.start()
    answer = httpx2.get(click)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://example.com/")
    assert httpx2.get(installation.base + "/healthz").json()["store"] is False
    (installation.folder / "estafeta.db").rmdir()
    for file in hidden.iterdir():
        file.rename(installation.folder / file.name)
    deadline = time.monotonic() + 10
    while httpx2.get(installation.base + "/healthz").json()["status"] != "ok":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert ended(process) == 0
    installation.store = open_store(f"sqlite:///{installation.folder}/estafeta.db", timeout=5)
    assert count(installation, "click") == 1


def test_a_reload_rotates_keys_without_breaking_links_that_have_been_sent(installation: Installation) -> None:
    process = installation.start()
    message = installation.message()
    sent = installation.links.click(message.message_id, "https://example.com/")
    later = Links([NEW], installation.base, "x.example").click(message.message_id, "https://example.com/")
    assert httpx2.get(later).status_code == 404
    config = installation.folder / "estafeta.yaml"
    config.write_text(config.read_text().replace("[old.key]", "[new.key, old.key]"))
    process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while httpx2.get(later).status_code == 404:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert httpx2.get(sent).status_code == 302
    assert ended(process) == 0


def test_h8_no_token_and_no_query_stands_in_the_log(installation: Installation) -> None:
    process = installation.start()
    message = installation.message()
    urls = [
        installation.links.click(message.message_id, "https://example.com/"),
        installation.links.pixel(message.message_id, initial=True),
        installation.links.unsubscribe(message.message_id),
        installation.links.web_version(message.message_id),
        installation.links.image(message.transmission_id, bytes(32)),
        installation.links.file(message.transmission_id, bytes(32), "a.pdf"),
    ]
    for url in urls:
        httpx2.get(url + "?secret=1")
    httpx2.post(urls[2], data=ONE_CLICK)
    (installation.folder / "estafeta.db").rename(installation.folder / "away")
    assert httpx2.get(urls[3]).status_code == 503  # and a line in the log
    (installation.folder / "away").rename(installation.folder / "estafeta.db")
    with socket.create_connection(("127.0.0.1", installation.port)) as connection:
        connection.sendall(b"GET /c/secret\x00 nonsense\r\n\r\n")
        connection.recv(1000)
    assert ended(process) == 0
    log = installation.log()
    assert "secret" not in log
    assert "nothing can be read for a request" in log
    assert not any(url.split("/")[4][:20] in log for url in urls)


def test_h9_a_service_takes_every_descriptor_it_may_have(installation: Installation) -> None:
    """So that slow clients are not soon as many as connections may be."""
    process = installation.start()
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard
    assert ended(process) == 0


def test_l8_a_second_process_on_the_same_port_refuses_to_start(installation: Installation) -> None:
    process = installation.start()
    second = installation.start(wait=False)
    assert second.wait(15) == 1
    assert f"cannot listen on 127.0.0.1:{installation.port}: Address already in use" in installation.log()
    assert ended(process) == 0


@pytest.mark.parametrize(
    "line", ["hostname: [", "signing_keys: [missing.key]", "signing_keys: [old.key, old.key]"]
)
def test_a_start_with_a_wrong_configuration_says_why(installation: Installation, line: str) -> None:
    config = installation.folder / "estafeta.yaml"
    name = line.partition(":")[0]
    lines = [old for old in config.read_text().splitlines() if not old.startswith(name)]
    config.write_text("\n".join([*lines, line]))
    with installation.start(wait=False) as process:
        assert process.wait(15) == 1
    assert ": fatal: " in installation.log() or ": error: " in installation.log()
    assert "Traceback" not in installation.log()
