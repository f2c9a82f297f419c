import socket
import threading
from collections.abc import Iterator

import pytest

from estafeta_postfix.checks import smuggling
from estafeta_postfix.checks.setup import Setup

from .conftest import listening


def test_a_server_that_obeys_too_early_is_told(setup: Setup, world: int) -> None:
    listening(setup, world)
    (found,) = smuggling.look(setup)
    assert (found.severity, found.code) == ("error", "early-commands")


@pytest.fixture(params=[b"\r\n.\r\n", b"\n.\n", b"\r\n.\n"])
def ending(request: pytest.FixtureRequest) -> Iterator[tuple[bytes, int]]:
    """A server that takes this for the end of a message, and its port."""
    server = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve, args=(server, request.param))
    thread.start()
    yield request.param, server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def _serve(server: socket.socket, end: bytes) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client, client.makefile("rb") as commands:
            client.sendall(b"220 x\r\n")
            while (command := commands.readline()) and command != b"DATA\r\n":
                client.sendall(b"250-x\r\n250 x\r\n")
            client.sendall(b"354 x\r\n")
            if end in commands.read():
                client.sendall(b"451 taken\r\n")


def test_a1_what_is_no_end_to_us_must_be_none_to_postfix(ending: tuple[bytes, int]) -> None:
    end, port = ending
    assert smuggling._smuggled(port) is (end != b"\r\n.\r\n")
