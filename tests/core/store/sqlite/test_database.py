"""The settings every connection must have."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.sqlite.database import Database, translated


def setting(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_k1_k2_a_writer_is_durable_without_mmap_and_never_checkpoints_by_itself(tmp_path: Path) -> None:
    connection = Database(tmp_path / "a.db", 3.0).connect_writer()
    assert setting(connection, "journal_mode") == "wal"
    assert setting(connection, "synchronous") == 2
    assert setting(connection, "wal_autocheckpoint") == 0
    assert setting(connection, "mmap_size") == 0
    assert setting(connection, "busy_timeout") == 3000
    connection.close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", 3.0)
    database.connect_writer().close()
    connection = database.connect_reader()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM events")
    connection.close()


# Four connections read 10 MB, twice; then it tells how many KB more the process has than before.
READING = """
import sys
from pathlib import Path
from estafeta_core.store.sqlite.database import Database

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4

connections = [Database(Path(sys.argv[1]), 3.0).connect_reader() for _ in range(4)]
before = held()
for connection in connections * 2:
    connection.execute("SELECT sum(length(b)) FROM t").fetchall()
print(held() - before)
"""


def test_r5_a_reader_holds_little_of_what_it_has_read(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", 3.0)
    connection = database.connect_writer()
    connection.execute(
        "CREATE TABLE t AS SELECT printf('%01000d', value) AS b FROM json_each(?)", [f"[{'1,' * 9_999}1]"]
    )
    connection.close()
    done = subprocess.run(
        [sys.executable, "-c", READING, database.path], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 4_000  # of the 8,000 that SQLite holds otherwise


def test_a_database_that_vanished_does_not_come_back_empty(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", 3.0)
    database.connect_writer().close()
    (tmp_path / "a.db").unlink()
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        database.connect_writer()
    assert not (tmp_path / "a.db").exists()


def test_no_other_user_of_the_host_can_read_what_is_stored(tmp_path: Path) -> None:
    connection = Database(tmp_path / "a.db", 3.0).connect_writer()
    connection.execute("DELETE FROM events")
    modes = {path.name: path.stat().st_mode & 0o007 for path in tmp_path.iterdir()}
    assert modes == {"a.db": 0, "a.db-wal": 0, "a.db-shm": 0}
    connection.close()


def test_a_path_with_signs_of_a_url_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a?b#c%41.db"
    Database(path, 3.0).connect_writer().close()
    assert path.exists()


@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("x"), FileNotFoundError("x"), sqlite3.DatabaseError("x")]
)
def test_faults_of_sqlite_and_the_file_system_mean_the_store_is_unavailable(error: Exception) -> None:
    with pytest.raises(StoreUnavailable, match="x"), translated():
        raise error
