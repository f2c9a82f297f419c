"""No question and no statement reads a whole table."""

import sqlite3
from pathlib import Path

import pytest

from estafeta_core.store import Store
from estafeta_core.store.queries import QUERIES
from estafeta_core.store.statements import SQL

ORDERED = [
    "queue_id",
    "queue_copy",
    "requeued_copy",
    "events",
    "account_events",
    "sends",
    "account_sends",
    "groups",
    "account_groups",
    "group_contacts",
    "contacts",
    "contents",
    "account_contents",
    "mailings",
    "received",
    "suppressions",
    "contacts_in",
]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_no_query_scans_a_table(name: str, store: Store, tmp_path: Path) -> None:
    assert scanned(tmp_path, QUERIES[name]) == []


@pytest.mark.parametrize("name", ORDERED)
def test_what_may_be_many_rows_is_read_in_order_and_not_sorted(
    name: str, store: Store, tmp_path: Path
) -> None:
    assert not [step for step in plan(tmp_path, QUERIES[name]) if "ORDER BY" in step]


@pytest.mark.parametrize("sql", [sql for sql in SQL if "SELECT" in sql])
def test_no_statement_scans_a_table(sql: str, store: Store, tmp_path: Path) -> None:
    assert scanned(tmp_path, sql) == []


def scanned(folder: Path, sql: str) -> list[str]:
    return [step for step in plan(folder, sql) if "SCAN" in step and "json_each" not in step]


def plan(folder: Path, sql: str) -> list[str]:
    connection = sqlite3.connect(folder / "estafeta.db")
    steps = [str(step[3]) for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values(sql))]
    connection.close()
    return steps


def values(sql: str) -> list[None]:
    return [None] * max(number for number in range(10) if f"?{number}" in sql)
