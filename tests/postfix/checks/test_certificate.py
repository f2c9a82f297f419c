import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estafeta_postfix import certificate as made_up
from estafeta_postfix.checks.certificate import SOON, look
from estafeta_postfix.checks.setup import Setup

from .conftest import listening

NOW = datetime.datetime.now(datetime.UTC)
Serve = Callable[[bytes], None]


@pytest.fixture
def serve(setup: Setup, tmp_path: Path) -> Iterator[Serve]:
    """Return a function that has the listener speak TLS from the first byte, with a chain in PEM."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(chain: bytes) -> None:
        file = tmp_path / "chain.pem"
        file.write_bytes(chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        threading.Thread(target=_shake_hands, args=(server, context)).start()
        listening(setup, server.getsockname()[1], tls="implicit")

    yield serve
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def _shake_hands(server: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(client, server_side=True) as channel:
                channel.recv(1)
        except OSError:
            continue


def codes(setup: Setup) -> list[tuple[str, str]]:
    return [(each.severity, each.code) for each in look(setup)]


AUTHORITY = ("note", "certificate-authority")


def test_a_certificate_of_an_authority_of_ones_own_is_a_note(setup: Setup, serve: Serve) -> None:
    serve(made_up.make("mx.example.com", NOW).chain)
    assert codes(setup) == [AUTHORITY]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (NOW - made_up.LIFETIME - SOON, ("error", "certificate-expired")),
        (NOW - made_up.LIFETIME + SOON / 2, ("warning", "certificate-expires")),
        (NOW + SOON, ("error", "certificate-early")),
    ],
)
def test_its_time_is_told(
    setup: Setup, serve: Serve, made: datetime.datetime, expected: tuple[str, str]
) -> None:
    serve(made_up.make("mx.example.com", made).chain)
    assert expected in codes(setup)
    assert ("error", "certificate-name") not in codes(setup)


def test_another_name_is_told_with_the_names_that_it_has(setup: Setup, serve: Serve) -> None:
    serve(made_up.make("other.example.com", NOW).chain)
    (found,) = look(setup)
    assert (found.severity, found.code) == ("error", "certificate-name")
    assert "not for mx.example.com" in found.reason
    assert "other.example.com, localhost, 127.0.0.1" in found.reason


def test_a_certificate_without_its_issuer_is_told(setup: Setup, serve: Serve) -> None:
    chain = made_up.make("mx.example.com", NOW)
    serve(chain.chain.removesuffix(chain.authority))
    assert codes(setup) == [("warning", "certificate-chain")]
