import contextlib
import re
import sqlite3
from pathlib import Path

import pytest

from estafeta_core.store import open_store
from estafeta_core.store.scripts import migrations
from estafeta_postfix.checks import store
from estafeta_postfix.checks.setup import Setup
from estafeta_testing.postgresql import Cluster
from estafeta_testing.stored import make_rows

UNSAFE = [("error", "store-unsafe")]  # the tests' server syncs nothing, and is told so each time


@pytest.fixture
def file(setup: Setup) -> Path:
    """A store with a message in it, and everything in its one file."""
    with contextlib.closing(open_store(setup.config.store)) as opened:
        opened.record(make_rows("alice@example.net"))
    assert setup.store is not None
    return setup.store


def codes(setup: Setup) -> list[tuple[str, str]]:
    return [(each.severity, each.code) for each in store.look(setup)]


def pragma(path: Path, text: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA {text}")


def test_a_store_that_is_whole_is_not_spoken_of(setup: Setup, file: Path) -> None:
    assert codes(setup) == []


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have something of ours run."""
    monkeypatch.setattr(Setup, "idle", False)


@pytest.mark.usefixtures("served")
def test_no_store_is_told_and_none_is_made(setup: Setup) -> None:
    assert codes(setup) == [("error", "store-missing")]
    assert setup.store is not None
    assert not setup.store.exists()


@pytest.mark.parametrize("begin", [0, 4096])
def test_a_damaged_file_is_told(setup: Setup, file: Path, begin: int) -> None:
    data = bytearray(file.read_bytes())
    data[begin : begin + 4096 * 8] = b"\xff" * 4096 * 8
    file.write_bytes(data)
    assert codes(setup) == [("error", "store-corrupt")]


@pytest.mark.parametrize(
    ("difference", "expected"), [(1, ("error", "store-newer")), (-1, ("warning", "store-older"))]
)
def test_another_schema_is_told(setup: Setup, file: Path, difference: int, expected: tuple[str, str]) -> None:
    pragma(file, f"user_version = {max(migrations()) + difference}")
    assert codes(setup) == [expected]


def test_a_long_wal_is_told(setup: Setup, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(open_store(setup.config.store)) as opened:
        opened.record(make_rows("bob@example.net"))
        assert codes(setup) == []
        monkeypatch.setattr(store, "LONG_WAL", 1)
        assert codes(setup) == [("warning", "store-wal")]


def test_a_store_too_large_to_be_looked_through_is_a_note(
    setup: Setup, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SECONDS", -1.0)
    monkeypatch.setattr(store, "STEPS", 1)
    assert codes(setup) == [("note", "store-unlooked")]


def on(setup: Setup, url: str) -> Setup:
    """Return the same with another store."""
    text = setup.path.read_text()
    setup.path.write_text(re.sub("^store:.*", f"store: {url}", text, flags=re.MULTILINE))
    return Setup(setup.path, None)


def test_before_the_first_start_there_need_be_no_store(setup: Setup, cluster: Cluster) -> None:
    assert codes(setup) == []
    with cluster.store() as url:
        assert codes(on(setup, url)) == UNSAFE


@pytest.mark.usefixtures("served")
def test_a_server_is_asked_whether_it_answers_and_has_a_store(setup: Setup, cluster: Cluster) -> None:
    with cluster.store() as url:
        assert codes(on(setup, url)) == [*UNSAFE, ("error", "store-missing")]
        open_store(url).close()
        assert codes(on(setup, url)) == UNSAFE


def test_a_server_that_is_away_is_told_before_the_first_start_too(setup: Setup) -> None:
    (away,) = store.look(on(setup, f"postgresql:///mail?host={setup.path.parent}"))
    assert (away.code, away.subject) == ("store-away", f"postgresql://{setup.path.parent}/mail")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("INSERT INTO estafeta_migrations VALUES (999, now())", ("error", "store-newer")),
        (f"DELETE FROM estafeta_migrations WHERE number = {max(migrations())}", ("warning", "store-older")),
    ],
)
def test_another_schema_on_a_server_is_told(
    setup: Setup, cluster: Cluster, statement: str, expected: tuple[str, str]
) -> None:
    with cluster.store() as url:
        open_store(url).close()
        cluster.sql(statement, url=url)
        assert codes(on(setup, url)) == [*UNSAFE, expected]


def test_a_server_where_nothing_can_be_written_is_told(setup: Setup, cluster: Cluster) -> None:
    with cluster.store() as url:
        open_store(url).close()
        reading = on(setup, f"{url}%20-cdefault_transaction_read_only%3Don")
        assert codes(reading) == [("error", "store-read-only"), *UNSAFE]


def test_a_user_without_rights_is_told(setup: Setup, cluster: Cluster) -> None:
    cluster.sql("CREATE ROLE stranger LOGIN")
    try:
        with cluster.store() as url:
            strange = on(setup, url.replace("user=estafeta", "user=stranger"))
            assert codes(strange) == [*UNSAFE, ("error", "store-closed")]
            open_store(url).close()
            ((place,),) = cluster.sql("SELECT current_schema()", url=url)
            cluster.sql(f"GRANT USAGE ON SCHEMA {place} TO stranger")
            (*_, closed) = store.look(strange)
            assert closed.code == "store-closed"
            assert "messages" in closed.reason
    finally:
        cluster.sql("DROP ROLE stranger")
