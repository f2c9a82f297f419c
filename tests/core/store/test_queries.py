"""No question and no statement reads a whole table."""

import sqlite3
from pathlib import Path

import pytest

from estafeta_core.store import Store
from estafeta_core.store.queries import QUERIES
from estafeta_core.store.statements import SQL

pytestmark = pytest.mark.sqlite

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
    "search_account",
    "search_everybody",
    "suppressions",
    "suppressions_newest",
    "account_webhooks",
    "webhooks",
    "outbox",
    "due_batch",
    "batches",
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
    """Return the steps that read a whole table; a list of values and a bounded subquery are none."""
    bounded = ("VIRTUAL TABLE", "SCAN (subquery", "SCAN found")
    return [
        step for step in plan(folder, sql) if "SCAN" in step and not any(word in step for word in bounded)
    ]


def plan(folder: Path, sql: str) -> list[str]:
    connection = sqlite3.connect(folder / "estafeta.db")
    steps = [str(step[3]) for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values(sql))]
    connection.close()
    return steps


def values(sql: str) -> list[None]:
    return [None] * max((number for number in range(40) if f"?{number}" in sql), default=0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("search_account", "events_account (account=? AND timestamp>? AND timestamp<?)"),
        ("count_account", "events_account (account=? AND timestamp>? AND timestamp<?)"),
        ("search_transmissions", "events_transmission (transmission_id=?)"),
        ("count_transmissions", "events_transmission (transmission_id=?)"),
        ("search_ids", "INTEGER PRIMARY KEY (rowid=?)"),
        ("metrics", "events_account (account=? AND timestamp>? AND timestamp<?)"),
        ("suppressions", "suppressions_updated (account=? AND updated>? AND updated<?)"),
        ("suspended", "credential_suspensions_until (<expr>=?)"),
        ("outcomes", "transmissions_account (account=? AND transmission_id>?)"),
        ("outcomes", "events_transmission (transmission_id=?)"),
        ("suppressions_of", "PRIMARY KEY (account=? AND subaccount=? AND recipient=? AND type=?)"),
    ],
)
def test_what_leads_to_the_rows_is_what_was_asked_for(
    name: str, expected: str, store: Store, tmp_path: Path
) -> None:
    assert [step for step in plan(tmp_path, QUERIES[name]) if expected in step]
