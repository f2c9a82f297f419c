import json
import re
from pathlib import Path

import pytest

from estafeta_core.config.load import load
from estafeta_core.dialects import DIALECTS
from estafeta_core.store import open_store
from estafeta_postfix import box
from estafeta_postfix.cli.demo import NAMES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """What the package has made, and the box's own configuration."""
    text = (ROOT / "vagrant" / "estafeta.yaml").read_text()
    (tmp_path / "estafeta.yaml").write_text(f"{text}\nstore: sqlite:///estafeta.db\n")
    (tmp_path / "accounts.d").mkdir()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "link-2026.key").write_text("0" * 64)
    return tmp_path


def prepared(etc: Path) -> dict[str, list[dict[str, str]]]:
    box.prepare(etc / "estafeta.yaml", etc / "box", Path("/var/lib/outbox"))
    said: dict[str, list[dict[str, str]]] = json.loads((etc / "box" / "running.json").read_text())
    return said


def test_every_dialect_has_a_listener_and_a_key_that_is_known(etc: Path) -> None:
    said = prepared(etc)
    assert said.keys() >= NAMES
    spoken = [dialect for each in said["listeners"] for dialect in each["dialects"]]
    assert set(spoken) == {each["dialect"] for each in said["credentials"]} == set(DIALECTS)
    known = {each["id"]: each["password"] for each in said["credentials"]}
    assert known["acme/main"] == "acme-main-everybody-knows-this-key-of-the-box"
    assert known["plan/usuario"] == "plan-usuario"
    assert {each["host"] for each in said["listeners"]} == {"127.0.0.1"}


def test_the_daemons_take_all_of_it(etc: Path) -> None:
    prepared(etc)
    directory = load(etc / "estafeta.yaml").directory
    assert directory.accounts.keys() >= {"acme", "mailgun", "micuenta", "plan", "website", "yourdomain"}
    assert "10.0.0.0/8" in directory.accounts["website"].credentials["1website"].allow_from
    store = open_store(f"sqlite:///{etc}/estafeta.db")
    try:
        assert store.is_suppressed("acme", None, ["suppressed@example.net"], ["transactional"])
    finally:
        store.close()


def test_a_second_run_leaves_certificate_and_dkim_keys(etc: Path) -> None:
    first = prepared(etc)
    kept = [etc / "box" / "ca.pem", etc / "box" / "tls.pem", *(etc / "box" / "dkim").iterdir()]
    before = [path.read_bytes() for path in kept]
    assert prepared(etc) == first
    assert [path.read_bytes() for path in kept] == before
    assert (etc / "box" / "tls.pem").stat().st_mode & 0o077 == 0


def test_the_host_forwards_every_port_that_the_box_has(etc: Path) -> None:
    forwarded = dict(re.findall(r"^  (\d+) => (\d+),", (ROOT / "Vagrantfile").read_text(), re.MULTILINE))
    config = load(etc / "estafeta.yaml").config
    page = (ROOT / "vagrant" / "outbox-page.service").read_text().split()
    wanted = {
        *(str(each.port) for each in config.listeners.values()),
        str(config.web.port),
        page[page.index("0.0.0.0") + 1],
    }
    assert forwarded.keys() == wanted
    assert len(set(forwarded.values())) == len(forwarded)
    assert all(int(port) >= 1024 for port in forwarded.values())
    assert {each.bind for each in config.listeners.values()} == {"0.0.0.0"}
    documented = re.findall(
        r"^\| (\d+) \| `localhost:(\d+)` \|", (ROOT / "docs" / "box.md").read_text(), re.MULTILINE
    )
    assert dict(documented) == forwarded
