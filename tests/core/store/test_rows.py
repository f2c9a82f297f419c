"""Dataclasses and tables say the same."""

import sqlite3
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from estafeta_core.store import Store
from estafeta_core.store.rows import (
    Contact,
    Content,
    Count,
    Event,
    File,
    Group,
    GroupContact,
    LogPosition,
    Message,
    Requeued,
    Suppression,
    Tag,
    Transmission,
)


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("transmissions", Transmission),
        ("messages", Message),
        ("events", Event),
        ("suppressions", Suppression),
        ("log_positions", LogPosition),
        ("tags", Tag),
        ("files", File),
        ("contents", Content),
        ("groups", Group),
        ("group_contacts", GroupContact),
        ("contacts", Contact),
        ("requeued", Requeued),
        ("counters", Count),
    ],
)
def test_a_table_has_the_columns_of_its_dataclass_in_order(
    table: str, row: type[Any], store: Store, tmp_path: Path
) -> None:
    connection = sqlite3.connect(tmp_path / "estafeta.db")
    columns = [column[1] for column in connection.execute(f"PRAGMA table_info({table})")]
    connection.close()
    assert columns == [field.name for field in fields(row)]
