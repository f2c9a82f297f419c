"""Migrations: in order, once, all or nothing, and none by a program that is too old."""

import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from estafeta_core.store import open_store
from estafeta_core.store.errors import SchemaTooNew
from estafeta_core.store.postgresql import schema
from estafeta_core.store.postgresql.connecting import connect
from estafeta_core.store.scripts import migrations
from estafeta_testing.postgresql import Cluster
from estafeta_testing.stored import columns_of

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def test_both_stores_have_the_same_tables_with_the_same_columns(url: str) -> None:
    open_store(url).close()
    with sqlite3.connect(":memory:") as connection:
        for sql in migrations().values():
            connection.executescript(sql)
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        columns = {
            name: [column[1] for column in connection.execute(f"PRAGMA table_info({name})")]
            for (name,) in tables
        }
    connection.close()
    assert {name: columns_of(url, name) for name in columns} == columns


def test_migrating_twice_changes_nothing(url: str) -> None:
    with connect(url, 5.0) as connection:
        assert schema.version(connection) == 0
        assert not schema.is_made(connection)
        for _ in range(2):
            schema.migrate(connection)
            assert schema.version(connection) == max(migrations())
            assert schema.is_made(connection)


def test_k7_a_newer_schema_is_refused_with_both_numbers(url: str) -> None:
    with connect(url, 5.0) as connection:
        schema.migrate(connection)
        connection.script(f"INSERT INTO {schema.TABLE} VALUES (99, now())")
        with pytest.raises(SchemaTooNew, match=r"schema 99, this version of Estafeta knows up to \d"):
            schema.migrate(connection)


DYING = """
import os, signal, sys
from estafeta_core.store.postgresql import connecting, schema

class Dying(connecting.Connection):
    left = int(sys.argv[2])
    def script(self, sql):
        if Dying.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        Dying.left -= 1
        return super().script(sql)

connecting.Connection = Dying
schema.migrate(connecting.connect(sys.argv[1], 5.0))
"""


@pytest.mark.parametrize("after", [0, 1, 4, 8])
def test_k7_a_migration_killed_at_any_point_can_be_run_again(after: int, url: str) -> None:
    killed = subprocess.run([sys.executable, "-c", DYING, url, str(after)], check=False, env=ENVIRONMENT)
    assert killed.returncode == -signal.SIGKILL
    with connect(url, 5.0) as connection:
        assert schema.version(connection) == 0
        schema.migrate(connection)
        assert schema.version(connection) == max(migrations())


def test_processes_that_start_at_once_migrate_once(url: str, cluster: Cluster) -> None:
    script = "import sys; from estafeta_core.store import open_store; open_store(sys.argv[1]).close()"
    started = [
        subprocess.Popen([sys.executable, "-c", script, url], env=ENVIRONMENT, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [process.communicate()[1] for process in started] == [b""] * 4
    assert all(process.returncode == 0 for process in started)
    assert cluster.sql(f"SELECT count(*) FROM {schema.TABLE}", url=url) == [(max(migrations()),)]
