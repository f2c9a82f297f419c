"""`estafeta key list` and `activate`, for a credential that is suspended by itself."""

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from estafeta_core import secrets
from estafeta_core.store import Store, open_store
from estafeta_core.store.standing_rows import Suspension
from estafeta_postfix.cli.failure import Failure

Run = Callable[..., Result]
SUSPENDED = Suspension("acme", "main", 1, None, "complaint_rate", 200, 1, 0)


@pytest.fixture(autouse=True)
def account(config: Path) -> Path:
    """The file of an account with three credentials."""
    entries = {"main": "", "old": ", status: suspended", "gone": ", status: revoked"}
    file = config.parent / "accounts.d" / "acme.yaml"
    file.write_text(
        "account: acme\ndialect: sparkpost\ncredentials:\n"
        + "".join(
            f'  {name}: {{key: "{secrets.hash_key(secrets.generate_key())}"{more}}}\n'
            for name, more in entries.items()
        )
    )
    return file


@pytest.fixture
def file(config: Path) -> Path:
    """Where the store is, or will be."""
    return config.parent / "estafeta.db"


def store(file: Path) -> "contextlib.closing[Store]":
    return contextlib.closing(open_store(f"sqlite:///{file}"))


def in_force(file: Path) -> list[str]:
    with store(file) as opened:
        return list(opened.suspended())


def suspend(file: Path, name: str = "main") -> None:
    with store(file) as opened:
        opened.record([Suspension("acme", name, 1, None, "complaint_rate", 200, 1, 0)])


def test_the_list_says_why_a_credential_is_suspended(run: Run, file: Path) -> None:
    suspend(file)
    lines = run("key", "list").stdout.splitlines()
    assert re.search(r"suspended \(complaints 0\.5 %\) +send +-$", lines[1])
    assert lines[0].index("PERMISSIONS") == lines[1].index("send  ") == lines[2].index("send  ")
    rows = {row["id"]: row for row in json.loads(run("key", "list", "--json").stdout)}
    assert rows["acme/main"]["status"] == "suspended"
    assert rows["acme/main"]["suspended_for"] == "complaints 0.5 %"
    assert rows["acme/old"]["suspended_for"] is None


def test_what_the_file_says_is_shown_before_what_came_by_itself(run: Run, file: Path) -> None:
    suspend(file, "gone")
    rows = {row["id"]: row for row in json.loads(run("key", "list", "--json").stdout)}
    assert rows["acme/gone"]["status"] == "revoked"


def test_the_list_is_shown_without_a_store_and_with_one_that_cannot_be_read(run: Run, file: Path) -> None:
    shown = run("key", "list")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert not file.exists()
    file.write_bytes(b"this is no store" * 1000)
    shown = run("key", "list")
    assert shown.exit_code == 0
    assert "suspended by itself is not known" in shown.stderr
    assert "acme/main" in shown.stdout


def test_activate_lifts_it_and_leaves_the_file_alone(run: Run, file: Path, account: Path) -> None:
    suspend(file)
    before = account.read_bytes()
    assert run("key", "activate", "acme/main").stderr == "acme/main: suspended by itself -> active\n"
    assert in_force(file) == []
    assert account.read_bytes() == before
    assert run("key", "activate", "acme/main").stderr == "acme/main: it is active already\n"


def test_activate_lifts_both_kinds_of_suspension(run: Run, file: Path, account: Path) -> None:
    suspend(file, "old")
    assert run("key", "activate", "acme/old").exit_code == 0
    assert in_force(file) == []
    assert "status: suspended" not in account.read_text()


def test_a_revoked_credential_stays_as_it_is(run: Run, file: Path) -> None:
    suspend(file, "gone")
    assert isinstance(run("key", "activate", "acme/gone").exception, Failure)
    assert in_force(file) == ["acme/gone"]


def test_activate_says_when_the_store_cannot_tell_and_the_file_is_changed_all_the_same(
    run: Run, file: Path, account: Path
) -> None:
    file.write_bytes(b"this is no store" * 1000)
    failed = run("key", "activate", "acme/old").exception
    assert isinstance(failed, Failure)
    assert "acme/old may be suspended by itself" in str(failed)
    assert "status: suspended" not in account.read_text()


def test_without_a_store_there_is_nothing_to_lift(run: Run, file: Path) -> None:
    assert run("key", "activate", "acme/main").exit_code == 0
    assert not file.exists()
