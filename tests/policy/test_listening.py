import grp
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from estafeta_core.sockets import SocketError
from estafeta_policy import listening

GROUP = grp.getgrgid(os.getgid()).gr_name


def test_a_socket_is_open_to_its_group_and_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with listening.bound(path, GROUP):
        found = path.stat()
        assert stat.S_IMODE(found.st_mode) == 0o660
        assert found.st_gid == os.getgid()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_a_dead_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    listening.bound(path, GROUP).close()
    assert path.exists()
    with listening.bound(path, GROUP), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_live_socket_is_left_to_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with listening.bound(path, GROUP), socket.socket(socket.AF_UNIX) as client:
        with pytest.raises(SocketError, match="another process serves"):
            listening.bound(path, GROUP)
        client.connect(str(path))


def test_a_group_that_is_not_there_leaves_no_socket_behind(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with pytest.raises(SocketError, match="no group"):
        listening.bound(path, "no-such-group")
    assert not path.exists()


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SocketError, match="nowhere/s: cannot be bound"):
        listening.bound(tmp_path / "nowhere" / "s", GROUP)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
    ],
)
def test_a_process_that_was_given_no_socket_has_none(environ: dict[str, str]) -> None:
    assert listening.inherited(environ) is None
    assert environ == {}


INHERITS = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
sys.path[:0] = sys.argv[2].split(os.pathsep)
from estafeta_policy import listening
given = listening.inherited(os.environ)
print(given.getsockname(), given.get_inheritable(), "LISTEN_FDS" in os.environ)
"""


def test_a_socket_handed_over_by_systemd_is_taken(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as given:
        given.bind(str(tmp_path / "s"))
        given.listen()
        # -P would hide the sources; the child finds them where this process does.
        ran = subprocess.run(
            [sys.executable, "-c", INHERITS, str(given.fileno()), os.pathsep.join(sys.path)],
            pass_fds=[given.fileno()],
            capture_output=True,
            text=True,
            check=True,
        )
    assert ran.stdout == f"{tmp_path / 's'} False False\n"
