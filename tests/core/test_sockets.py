import grp
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core import sockets
from estafeta_core.sockets import SocketError


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    with socket.socket(socket.AF_UNIX) as server:
        path = tmp_path / "s"
        server.bind(str(path))
        server.listen()
        yield path


def test_every_daemon_has_a_socket_of_its_own(tmp_path: Path) -> None:
    every = (sockets.sasl, sockets.policy, sockets.milter, sockets.copies, sockets.intake, sockets.receipt)
    names = {of(tmp_path) for of in every}
    assert len(names) == len(every)
    assert {path.parent for path in names} == {tmp_path}


def test_l8_a_socket_that_is_served_is_not_taken_over(served: Path) -> None:
    with pytest.raises(SocketError, match="stop it first"):
        sockets.claim(served)
    assert served.exists()


def test_l8_a_socket_that_nobody_serves_any_more_makes_room(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    sockets.claim(path)
    assert not path.exists()


def test_a_path_that_does_not_exist_is_free(tmp_path: Path) -> None:
    sockets.claim(tmp_path / "s")


def test_a_path_too_long_for_a_socket_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SocketError, match="shorter run_dir"):
        sockets.claim(tmp_path / ("x" * sockets.PATH_LIMIT))


def test_b17_only_owner_and_group_may_connect(served: Path) -> None:
    group = grp.getgrgid(os.getegid()).gr_name
    sockets.share(served, group)
    status = served.stat()
    assert stat.S_IMODE(status.st_mode) == 0o660
    assert status.st_gid == os.getegid()


def test_a_group_that_does_not_exist_is_named(served: Path) -> None:
    with pytest.raises(SocketError, match="no-such-group"):
        sockets.share(served, "no-such-group")
