"""The files of migrations, and their statements."""

import re
import sqlite3

from estafeta_core.store.scripts import migrations, own_of_postgresql, split


def test_migrations_are_numbered_from_one_without_a_gap() -> None:
    assert list(migrations()) == list(range(1, len(migrations()) + 1))


def test_what_postgresql_cannot_read_is_worded_anew() -> None:
    native = {number for number, sql in migrations().items() if re.search("CREATE (TRIGGER|VIEW)", sql)}
    assert native <= set(own_of_postgresql()) <= set(migrations())


def test_a_script_is_split_at_its_statements_and_not_inside_them() -> None:
    script = "-- a; b\nCREATE TABLE t (a);\n\nINSERT INTO t VALUES ('x;\ny');\n"
    connection = sqlite3.connect(":memory:")
    statements = list(split(script))
    for statement in statements:
        connection.execute(statement)
    assert len(statements) == 2
    assert connection.execute("SELECT a FROM t").fetchall() == [("x;\ny",)]
    connection.close()
