from dataclasses import fields
from typing import Any

import pytest

from estafeta_core.claims import Claim
from estafeta_core.store import Store
from estafeta_core.store.standing_rows import DomainCheck, Suspension
from estafeta_testing.stored import columns_of


@pytest.mark.parametrize(
    ("table", "row", "more"),
    [("credential_suspensions", Suspension, []), ("domain_checks", DomainCheck, ["change"])],
)
def test_a_table_has_the_columns_of_its_dataclass(
    table: str, row: type[Any], more: list[str], store: Store, url: str
) -> None:
    columns = columns_of(url, table)
    assert set(columns) == {field.name for field in fields(row)} | set(more)


def test_a_row_says_whom_it_is_about() -> None:
    assert Suspension("acme", "main", 1, None, "bounce_rate", 2, 0, 1).credential_id == "acme/main"
    check = DomainCheck("acme", "a.example", "s1", "", "verified", 1, None, 2, "", 3)
    assert check.claim == Claim("acme", "a.example", "s1")
