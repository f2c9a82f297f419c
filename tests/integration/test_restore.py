"""A backup taken and restored with the very commands of docs/maintenance.md: what was sent lives on."""

import functools
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_testing import documents
from estafeta_testing import sandbox as testing
from estafeta_testing.relay import Relay

PAGE = documents.ROOT / "docs" / "maintenance.md"
HTML = (
    "From: remitente@dominio.example\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n"
    '--x\r\n\r\nHola\r\n--x\r\nContent-Type: text/html\r\n\r\n<a href="https://shop.example/">x</a>\r\n--x--\r\n'
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a name that is short enough for sockets."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o711)
        yield Path(made)


def _commands(word: str, names: dict[str, str]) -> Iterator[str]:
    """Yield the commands of the block with `word` that are about files."""
    for block in documents.blocks():
        if block.page == PAGE and any(word in each for each in block.commands):
            for command in block.commands:
                if not command.startswith(("systemctl ", "estafeta ")):
                    yield functools.reduce(lambda text, name: text.replace(*name), names.items(), command)


def test_what_was_restored_is_what_there_was(folder: Path) -> None:
    place = folder / "s"
    state = place / "state"
    names = {
        "/var/lib/estafeta /etc/estafeta /etc/postfix": f"{state} {place}/keys {place}/accounts.d",
        "/var/lib/estafeta": str(state),
        "/var/backups/estafeta": str(folder / "backup"),
        "-o estafeta -g estafeta": "",
    }
    with testing.running(["--dir", str(place)], kind="sqlite") as running:
        relay = Relay(running.description)
        sent = relay.send(
            HTML.encode(),
            "reader@example.com",
            sender="remitente@dominio.example",
            credential="plan/usuario",
            listener="teenvio-58700",
        )
        text = relay.copy(sent).body.decode()
        before = relay.events(sent, "injection", "delivery")
        assert relay.estafeta("suppress", "add", "left@example.com", "--account", "acme").returncode == 0
        for command in _commands(".backup", names):
            subprocess.run(["bash", "-ec", command], check=True, timeout=60)
    for each in (state / "hosted", place / "keys"):
        shutil.rmtree(each)
    for name in ("estafeta.db", "estafeta.db-wal", "estafeta.db-shm"):
        (state / name).write_bytes(b"damaged" * 4096)
    for command in _commands("-xzf", names):
        subprocess.run(["bash", "-ec", command], check=True, timeout=60)
    with testing.running(["--dir", str(place)], kind="sqlite") as running:
        relay = Relay(running.description)
        assert relay.events(sent, "injection", "delivery") == before
        said = relay.estafeta("suppress", "export", "--account", "acme")
        assert "left@example.com" in said.stdout
        for path, status in (("w", 200), ("c", 302)):
            link = re.search(rf'"http://[^/"]+(/{path}/[^"]+)"', text)
            assert link, text
            assert relay.http("GET", relay.web + link[1]).status == status, path
        relay.events(sent, "injection", "delivery", "click")
