import socket

import pytest

from estafeta_postfix.checks.listeners import look
from estafeta_postfix.checks.setup import Setup

from .conftest import known, listening


def codes(setup: Setup) -> list[str]:
    del setup.__dict__["silent"]
    return [each.code for each in look(setup)]


def test_a_server_without_auth_is_no_listener_of_ours(setup: Setup, world: int) -> None:
    listening(setup, world)
    del setup.__dict__["silent"]
    (found,) = look(setup)
    assert (found.code, found.reason) == ("listener", "AUTH is not offered")
    assert found.subject == f"listeners.a (127.0.0.1 port {world})"


def test_nobody_there_is_told(setup: Setup) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        listening(setup, closed.getsockname()[1])
        assert codes(setup) == ["listener"]


def test_a_port_that_two_listen_on_is_told_before_anything_else(setup: Setup) -> None:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(("127.0.0.1", 0))
        other.bind(one.getsockname())
        one.listen()
        other.listen()
        listening(setup, one.getsockname()[1])
        assert codes(setup) == ["port-shared"]


def test_the_listener_of_copies_is_asked_where_postfix_has_it(setup: Setup) -> None:
    listening(setup, 1)
    known(setup, listeners={}, splits=True)
    (found,) = look(setup)
    assert found.subject.startswith("delivery_port")


@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_listeners_that_answer_are_not_spoken_of(setup: Setup, world: int, tls: str) -> None:
    listening(setup, world, tls=tls)
    assert list(look(setup)) == []
