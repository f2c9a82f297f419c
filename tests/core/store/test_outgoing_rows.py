import sqlite3
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from estafeta_core.store import Store
from estafeta_core.store.outgoing_rows import Batch, Webhook


@pytest.mark.parametrize(
    ("table", "row", "more"), [("webhooks", Webhook, []), ("webhook_batches", Batch, ["size"])]
)
def test_a_table_has_the_columns_of_its_dataclass(
    table: str, row: type[Any], more: list[str], store: Store, tmp_path: Path
) -> None:
    connection = sqlite3.connect(tmp_path / "estafeta.db")
    columns = {column[1] for column in connection.execute(f"PRAGMA table_info({table})")}
    connection.close()
    assert columns == {field.name for field in fields(row)} | set(more)
