"""Every statement is understood by the server, and means the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.store import Store
from estafeta_core.store.postgresql.connecting import connect
from estafeta_core.store.postgresql.sql import plain, translated
from estafeta_core.store.queries import QUERIES
from estafeta_core.store.writes import STATEMENTS


def test_the_server_understands_every_statement(store: Store, url: str) -> None:
    store.record([])
    with connect(url, 5.0) as connection:
        for name, sql in {**QUERIES, **STATEMENTS}.items():
            done = connection.pgconn.prepare(b"", translated(sql).text.encode())
            assert done.status == 1, (name, done.error_message.decode())  # PGRES_COMMAND_OK


@pytest.mark.parametrize(
    ("sql", "text", "values"),
    [
        ("INSERT INTO t VALUES (?,?)", "INSERT INTO t VALUES ($1,$2)", ["a", "b"]),
        ("SELECT ?3, ?1, ?3", "SELECT $2, $1, $2", ["a", "c"]),
        ("SELECT 1 WHERE ?2 IS NULL OR a = ?2", "SELECT 1 WHERE $1::text IS NULL OR a = $1", ["b"]),
        ("SELECT value FROM json_each(?1) p", "SELECT value FROM elements($1) p", ["a"]),
        ("FROM a x CROSS JOIN b y ON y.i = x.i", "FROM a x JOIN b y ON y.i = x.i", []),
        ("FROM elements(1) CROSS JOIN b y WHERE y.i", "FROM elements(1) CROSS JOIN b y WHERE y.i", []),
        ("a LIKE ?1 ESCAPE '/'", "a ILIKE $1 ESCAPE '/'", ["a"]),
    ],
)
def test_what_sqlite_says_otherwise_is_put_in_other_words(sql: str, text: str, values: list[str]) -> None:
    found = translated(sql)
    assert found.text == text
    assert found.values(["a", "b", "c"]) == values


texts = st.text(st.characters() | st.sampled_from("\0\\u"), max_size=10)


@given(texts)
def test_text_without_nul_is_left_as_it_is(text: str) -> None:
    assert plain(f"x{text}") == f"x{text}".replace("\0", "\ufffd")


@given(st.lists(texts, max_size=4))
def test_json_keeps_all_that_postgresql_can_hold(list_: list[str]) -> None:
    kept = json.loads(plain(json.dumps(list_)))
    expected = [each.replace("\0", "\ufffd").encode("utf-16", "surrogatepass") for each in list_]
    assert kept == [each.decode("utf-16", "replace") for each in expected]


@pytest.mark.parametrize("value", [5, None, "[]", ""])
def test_other_values_pass(value: object) -> None:
    assert plain(value) == value
