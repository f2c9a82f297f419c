import os
import pwd
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from estafeta_core import sockets
from estafeta_core.config.schema import Config
from estafeta_postfix.install import probes
from estafeta_postfix.instance import mail_owner
from estafeta_postfix.render.service import Service


@pytest.fixture
def bound(config: Config) -> Iterator[list[socket.socket]]:
    """Every socket of the daemons, somebody listening, open to Postfix's group alone."""
    config.run_dir.mkdir()
    made = []
    for path in (sockets.sasl, sockets.policy, sockets.milter, sockets.copies, sockets.intake):
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path(config.run_dir)))
        server.listen()
        sockets.share(path(config.run_dir), "root")
        made.append(server)
    yield made
    for server in made:
        server.close()


def root() -> pwd.struct_passwd:
    return pwd.getpwuid(os.geteuid())


def test_sockets_that_answer_are_right(config: Config, bound: list[socket.socket]) -> None:
    assert len(bound) == 5
    assert list(probes.daemons(config, root())) == []


def test_a_daemon_that_is_not_there_is_named_with_its_role(
    config: Config, bound: list[socket.socket]
) -> None:
    bound[1].close()
    sockets.policy(config.run_dir).unlink()
    (text,) = probes.daemons(config, root())
    assert "policy.sock: no such file or directory; does `estafeta serve policy` run" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="asks for another user")
@pytest.mark.usefixtures("bound")
def test_b17_a_socket_that_postfixs_user_may_not_open_is_named(config: Config) -> None:
    texts = list(probes.daemons(config, mail_owner()))
    assert len(texts) == 5
    assert all(f"{mail_owner().pw_name} may not open it" in text for text in texts)


@pytest.mark.skipif(os.geteuid() != 0, reason="asks for another user")
@pytest.mark.usefixtures("bound")
def test_a_folder_that_is_closed_to_postfixs_user_is_named(config: Config) -> None:
    for path in config.run_dir.iterdir():
        path.chmod(0o666)
    texts = list(probes.daemons(config, mail_owner()))
    assert all(f"is closed to {mail_owner().pw_name}" in text for text in texts)


def test_an_smtpd_without_its_guards_is_named(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")
    guarded = Service("127.0.0.1:1", "smtpd", kind="inet", private="n", options=probes.GUARDS)
    bare = Service("127.0.0.1:2", "smtpd", kind="inet", private="n")
    (tmp_path / "master.cf").write_text(f"{guarded}{bare}")
    assert list(probes.guards(tmp_path, [guarded, Service("x", "cleanup")])) == []
    assert len(list(probes.guards(tmp_path, [guarded, bare]))) == len(probes.GUARDS)


def speaker(lines: list[bytes]) -> tuple[socket.socket, threading.Thread]:
    """Return a server that answers one connection with these replies, one after each command."""
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as commands:
            for line in lines:
                connection.sendall(line)
                commands.readline()

    thread = threading.Thread(target=run)
    thread.start()
    return server, thread


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([b"220 a\r\n", b"250-a\r\n250 AUTH PLAIN\r\n", b"221 bye\r\n"], None),
        ([b"220 a\r\n", b"250 a\r\n", b"221 bye\r\n"], "AUTH is not offered"),
        ([b"554 no\r\n"], "554"),
    ],
)
def test_a_listener_is_asked_up_to_its_login(
    config: Config, monkeypatch: pytest.MonkeyPatch, replies: list[bytes], expected: str | None
) -> None:
    monkeypatch.setattr(probes, "PATIENCE", 0)
    server, thread = speaker(replies)
    copies, other = speaker([b"220 a\r\n", b"250-a\r\n250 XFORWARD NAME\r\n", b"221 bye\r\n"])
    listener = msgspec.structs.replace(config.listeners["perfit"], port=server.getsockname()[1])
    chosen = msgspec.structs.replace(config, listeners={"l": listener}, delivery_port=copies.getsockname()[1])
    with server, copies:
        texts = list(probes.listeners(chosen))
        thread.join()
        other.join()
    assert [expected in text for text in texts if expected] == ([True] if expected else [])


def test_a_listener_that_is_not_there_is_named(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "PATIENCE", 0)
    texts = list(probes.listeners(config))
    assert [text.partition(" ")[0] for text in texts] == ["listeners.perfit", "delivery_port"]
