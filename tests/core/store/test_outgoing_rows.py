from dataclasses import fields
from typing import Any

import pytest

from estafeta_core.store import Store
from estafeta_core.store.outgoing_rows import Batch, Webhook
from estafeta_testing.stored import columns_of


@pytest.mark.parametrize(
    ("table", "row", "more"), [("webhooks", Webhook, []), ("webhook_batches", Batch, ["size"])]
)
def test_a_table_has_the_columns_of_its_dataclass(
    table: str, row: type[Any], more: list[str], store: Store, url: str
) -> None:
    columns = columns_of(url, table)
    assert set(columns) == {field.name for field in fields(row)} | set(more)
