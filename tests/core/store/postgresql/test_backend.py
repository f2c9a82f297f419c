"""The database as a store."""

import contextlib
import subprocess
from pathlib import Path

import pytest

from estafeta_core.store import open_store
from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.postgresql.backend import PostgresBackend
from estafeta_testing.postgresql import Cluster, program
from estafeta_testing.stored import make_rows


def test_the_tables_are_made_by_whoever_prepares_them_and_by_nobody_who_looks(url: str) -> None:
    there = PostgresBackend(url, 5.0)
    assert there.name.startswith("postgresql:///tmp/")
    assert not there.made()
    there.asking().close()
    there.writing(checkpoints=False).close()
    assert not there.made()
    there.prepare()
    assert there.made()


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    there = PostgresBackend(f"postgresql:///mail?host={tmp_path}", 2.0)
    with pytest.raises(StoreUnavailable, match="No such file or directory"):
        there.made()
    with pytest.raises(StoreUnavailable, match="No such file or directory"):
        there.prepare()


def test_a_backup_is_restored_as_the_documents_do_it(cluster: Cluster, tmp_path: Path) -> None:
    cluster.sql("CREATE DATABASE backed_up")
    url, file = cluster.url("backed_up"), tmp_path / "estafeta.dump"
    rows = make_rows()
    with contextlib.closing(open_store(url)) as store:
        store.record(rows)
    subprocess.run([program("pg_dump"), "--format=custom", f"--file={file}", url], check=True)
    with contextlib.closing(open_store(url)) as store:
        store.record(make_rows())
    cluster.sql("DROP DATABASE backed_up")
    cluster.sql("CREATE DATABASE backed_up")
    subprocess.run([program("pg_restore"), f"--dbname={url}", str(file)], check=True)
    with contextlib.closing(open_store(url)) as store:
        assert [each.event for each in store.events()] == [rows[2]]
        store.record(make_rows())
