import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from estafeta_core.store import open_store
from estafeta_core.store.rows import Event, Message, Row, Transmission
from estafeta_postfix.cli import estafeta

INJECTED = 1_795_182_755_174

Run = Callable[..., Result]


def transmission(number: int, **others: object) -> Transmission:
    fields: dict[str, object] = {
        "transmission_id": number,
        "queue_id": f"4jQueue{number}",
        "account": "acme",
        "credential": "main",
        "subaccount": "123",
        "dialect": "sparkpost",
        "listener": "sparkpost-587",
        "customer_id": "acme",
        "injection_time": INJECTED,
        "msg_from": "b+x@bounce.example",
        "friendly_from": "news@acme.example",
        "subject": "Hello \x1b[31m red",
        "msg_size": 100,
        "campaign_id": "spring",
        "metadata": {"key": "välue", "escape": "\x9b\u2028"},
        "tags": ("a", "b"),
        "open_tracking": True,
        "click_tracking": True,
        "initial_pixel": True,
        "transactional": False,
    }
    return Transmission(**fields | others)  # type: ignore[arg-type] # the keys are the fields


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose store does not exist yet."""
    (tmp_path / "accounts.d").mkdir()
    (tmp_path / "link.key").write_text("k" * 64)
    path = tmp_path / "estafeta.yaml"
    path.write_text(
        "hostname: mx.example.com\nbase_url: http://localhost\nbounce_domain: bounce.example.com\n"
        "listeners: {a: {dialects: [sparkpost], port: 587}}\nsigning_keys: [link.key]\n"
        "store: sqlite:///estafeta.db\nmaillog: mail.log\nrun_dir: run\nstate_dir: state\n"
    )
    return path


@pytest.fixture
def filled(config: Path) -> Path:
    """The same with two transmissions, one of two recipients, and their events."""
    acme = transmission(100)
    other = transmission(
        200, account="other", subaccount=None, campaign_id="", metadata={}, tags=(), subject=""
    )
    link = {"target_link_url": "https://example.com/", "ip_address": "192.0.2.9"}
    said = {"raw_reason": "550 5.1.1 No", "reason": "550 5.1.1 No", "error_code": "550", "bounce_class": "10"}
    rows: list[Row] = [
        acme,
        Message(101, 100, "a@example.com", "A@example.com"),
        Message(102, 100, "b@example.com", "b@example.com", "cc"),
        other,
        Message(201, 200, "a@example.com", "a@example.com"),
        Event(1, "injection", INJECTED, 100, 101, "acme", "123"),
        Event(2, "injection", INJECTED, 100, 102, "acme", "123"),
        Event(
            3,
            "delivery",
            INJECTED + 500,
            100,
            101,
            "acme",
            "123",
            {"queue_time": "420", "ip_address": "192.0.2.1"},
        ),
        Event(4, "bounce", INJECTED + 600, 100, 102, "acme", "123", said),
        Event(5, "click", INJECTED + 7000, 100, 101, "acme", "123", link),
        Event(6, "open", INJECTED + 8000, 100, None, "acme", "123", {"ip_address": "192.0.2.9"}),
        Event(7, "injection", INJECTED + 9000, 200, 201, "other", None),
    ]
    with contextlib.closing(open_store(f"sqlite:///{config.parent}/estafeta.db")) as store:
        store.record(rows)
    return config


@pytest.fixture
def run(config: Path) -> Run:
    """Return a function that runs `estafeta` on the configuration."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(estafeta, ["--config", str(config), *arguments])

    return run
