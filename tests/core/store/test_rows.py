"""Dataclasses and tables say the same."""

from dataclasses import fields
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
from estafeta_testing.stored import columns_of


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
    table: str, row: type[Any], store: Store, url: str
) -> None:
    columns = columns_of(url, table)
    assert columns == [field.name for field in fields(row)]
