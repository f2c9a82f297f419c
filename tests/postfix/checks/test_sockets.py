import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from estafeta_core import sockets as paths
from estafeta_postfix.checks import sockets
from estafeta_postfix.checks.setup import Setup

from .conftest import known

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="asks for another user")

ANSWERS = {"sasl.sock": b"VERSION\t1\t1\n", "milter.sock": b"\0\0\0\rO" + bytes(12)}
ANSWERS["copies.sock"] = ANSWERS["milter.sock"]


@pytest.fixture
def daemons(setup: Setup, tmp_path: Path) -> Iterator[dict[str, socket.socket]]:
    """Something at every socket that says what a daemon says first."""
    run_dir = setup.config.run_dir
    run_dir.mkdir()
    known(setup, installed=False)
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    made = {}
    with ExitStack() as stack:
        for path in (paths.sasl, paths.policy, paths.milter, paths.copies, paths.intake):
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(str(path(run_dir)))
            server.listen()
            paths.share(path(run_dir), "postfix")
            made[path(run_dir).name] = server
            threading.Thread(target=_answer, args=(server, ANSWERS.get(path(run_dir).name, b""))).start()
        yield made
        for server in made.values():
            server.shutdown(socket.SHUT_RDWR)


def _answer(server: socket.socket, answer: bytes) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client, contextlib.suppress(OSError):  # some only look whether it is there
            client.sendall(answer)
            client.recv(100)


def told(setup: Setup) -> list[tuple[str, str]]:
    return [(each.code, each.reason) for each in sockets.look(setup)]


def test_daemons_that_answer_are_right(setup: Setup, daemons: dict[str, socket.socket]) -> None:
    assert told(setup) == []


def test_b17_each_daemon_is_told_once_with_its_sockets(
    setup: Setup, daemons: dict[str, socket.socket]
) -> None:
    for name in ("milter.sock", "copies.sock", "policy.sock"):
        (setup.config.run_dir / name).unlink()
    gone = "no such file or directory"
    assert told(setup) == [
        ("policy-socket", f"policy.sock: {gone}"),
        ("milter-socket", f"milter.sock: {gone}, copies.sock: {gone}"),
    ]


def test_b17_a_socket_that_postfix_may_not_open_is_told(
    setup: Setup, daemons: dict[str, socket.socket]
) -> None:
    (setup.config.run_dir / "sasl.sock").chmod(0o600)
    assert told(setup) == [("sasl-socket", "sasl.sock: postfix may not open it")]


@pytest.mark.usefixtures("daemons")
def test_b01_a_daemon_that_says_nothing_is_told(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "REPLY", 0.3)
    path = setup.config.run_dir / "sasl.sock"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(path))
        hung.listen()
        paths.share(path, "postfix")
        assert told(setup) == [("sasl-socket", "sasl.sock: it does not answer within 0.3 s")]


def test_no_daemon_at_all_is_one_finding(setup: Setup) -> None:
    known(setup, installed=True, served=None, broken_sockets=[("x", Path("x"), "gone")] * 5)
    assert [code for code, _ in told(setup)] == ["daemons-down"]
