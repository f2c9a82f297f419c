import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from estafeta_postfix import ports


def test_no_port_is_given_out_twice(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    taken = [port for _ in range(20) for port in ports.take(5, notes)]
    assert len(set(taken)) == 100
    assert all(ports.LOWEST <= port < ports.HIGHEST for port in taken)


def test_a_port_somebody_listens_on_is_not_given_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        # As Postfix's master listens: another listener with the same option would be let in.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        port = ports.take(1, tmp_path / "other")[0]
        listener.bind((ports.LOOPBACK, port))
        listener.listen()
        monkeypatch.setattr(ports, "LOWEST", port)
        monkeypatch.setattr(ports, "HIGHEST", port + 1)
        with pytest.raises(ports.PortError):
            ports.take(1, tmp_path / "notes")


def test_ports_are_free_again_when_their_process_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "notes"
    code = f"import pathlib, estafeta_postfix.ports as p; print(p.take(1, pathlib.Path({str(notes)!r})))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    port = int(said.strip("[]\n"))
    monkeypatch.setattr(ports, "LOWEST", port)
    monkeypatch.setattr(ports, "HIGHEST", port + 1)
    assert ports.take(1, notes) == [port]
    with pytest.raises(ports.PortError):
        ports.take(1, notes)


def test_notes_that_are_a_link_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ports.PortError):
        ports.take(1, tmp_path / "notes")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's file")
def test_notes_of_another_user_are_refused(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    os.chown(notes, 12345, 12345)
    with pytest.raises(ports.PortError, match="another user"):
        ports.take(1, notes)
