"""Migrations: in order, once, all or nothing, and none by a program that is too old."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from estafeta_core.store.errors import SchemaTooNew
from estafeta_core.store.scripts import migrations
from estafeta_core.store.sqlite.migrate import migrate, version


def opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=10)


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    connection = opened(tmp_path / "a.db")
    migrate(connection)
    schema = connection.execute("SELECT sql FROM sqlite_schema").fetchall()
    migrate(connection)
    assert connection.execute("SELECT sql FROM sqlite_schema").fetchall() == schema
    assert version(connection) == max(migrations())
    connection.close()


def test_k7_a_newer_schema_is_refused_with_both_numbers(tmp_path: Path) -> None:
    connection = opened(tmp_path / "a.db")
    migrate(connection)
    connection.execute("PRAGMA user_version = 99")
    with pytest.raises(SchemaTooNew, match=r"schema 99, this version of Estafeta knows up to \d"):
        migrate(connection)
    connection.close()


DYING = """
import os, signal, sqlite3, sys
from estafeta_core.store.sqlite.migrate import migrate

class Dying(sqlite3.Connection):
    left = int(sys.argv[2])
    def execute(self, *arguments):
        if Dying.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        Dying.left -= 1
        return super().execute(*arguments)

migrate(sqlite3.connect(sys.argv[1], isolation_level=None, factory=Dying))
"""


def schema_of(number: int) -> list[tuple[str]]:
    """Return the schema after so many migrations."""
    connection = sqlite3.connect(":memory:")
    for sql in list(migrations().values())[:number]:
        connection.executescript(sql)
    schema = connection.execute("SELECT sql FROM sqlite_schema ORDER BY rowid").fetchall()
    connection.close()
    return schema


@pytest.mark.parametrize(
    "after", [0, 1, 2, 5, 10, 13, 14, 15, 16, 17, 20, 25, 30, 35, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47]
)
def test_k7_a_migration_killed_at_any_point_can_be_run_again(after: int, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    command = [sys.executable, "-c", DYING, str(path), str(after)]
    killed = subprocess.run(command, check=False, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert killed.returncode == -signal.SIGKILL
    connection = opened(path)
    schema = connection.execute("SELECT sql FROM sqlite_schema ORDER BY rowid").fetchall()
    assert schema == schema_of(version(connection))
    migrate(connection)
    assert version(connection) == max(migrations())
    connection.close()


def test_two_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    script = "import sys; from estafeta_core.store import open_store; open_store(sys.argv[1]).close()"
    url = f"sqlite:///{tmp_path}/a.db"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    started = [
        subprocess.Popen([sys.executable, "-c", script, url], env=environment, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [process.communicate()[1] for process in started] == [b""] * 4
    assert all(process.returncode == 0 for process in started)
