from dataclasses import replace
from pathlib import Path

import pytest

from estafeta_core.claims import Claim
from estafeta_core.store import open_store
from estafeta_core.store.standing_rows import DomainAwaited, DomainChecked
from estafeta_postfix.checks.domains import look
from estafeta_postfix.checks.setup import Setup

CLAIM = Claim("acme", "acme.example")
GONE = "its record is gone (the name does not exist)"


@pytest.fixture
def waiting(config: Path) -> Path:
    account = config.parent / "accounts.d" / "acme.yaml"
    account.write_text(account.read_text().replace("verified: true", "verified: dns"))
    return config


def test_domains_that_wait_for_nothing_are_not_spoken_of(config: Path) -> None:
    assert list(look(Setup(config))) == []


def test_without_a_store_nothing_is_verified_and_nothing_made(waiting: Path) -> None:
    (found,) = look(Setup(waiting))
    assert (found.severity, found.code) == ("warning", "domain-unverified")
    assert found.remedy == "publish the record that `estafeta domain verify acme.example` prints"
    assert not (waiting.parent / "estafeta.db").exists()


@pytest.mark.parametrize(
    ("state", "missing", "told"),
    [
        ("verified", None, None),
        ("unverified", None, ("warning", "not verified by DNS yet (the name does not exist)")),
        ("verified", 1, ("warning", f"{GONE}; 72 hours after that it may not be used")),
        ("lost", None, ("error", f"not verified any more, {GONE}")),
    ],
)
def test_each_state_is_told(
    waiting: Path, state: str, missing: int | None, told: tuple[str, str] | None
) -> None:
    store = open_store(f"sqlite:///{waiting.parent}/estafeta.db")
    store.record([DomainAwaited(*CLAIM, "abc", 1, 1)])
    check = store.domain_checks("acme")[CLAIM]
    after = replace(check, state=state, missing=missing, checked=2, answer="the name does not exist")  # type: ignore[arg-type]
    store.record([DomainChecked(check, after)])
    store.close()
    found = [(each.severity, each.reason) for each in look(Setup(waiting))]
    assert found == ([told] if told else [])


def test_a_store_that_cannot_be_read_is_told(waiting: Path) -> None:
    (waiting.parent / "estafeta.db").write_bytes(
        b"no database, but long enough to look like a file of one" * 20
    )
    (found,) = look(Setup(waiting))
    assert (found.severity, found.code) == ("error", "domain-unknown")


def test_the_password_of_a_server_that_is_away_is_not_told(waiting: Path) -> None:
    text = waiting.read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("store:")]
    waiting.write_text(text.replace(line, "store: postgresql://estafeta:s3cret@127.0.0.1:1/mail"))
    (found,) = look(Setup(waiting))
    assert (found.code, found.subject) == ("domain-unknown", "postgresql://127.0.0.1:1/mail")
    assert "s3cret" not in repr(found)
