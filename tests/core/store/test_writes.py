import re
import sqlite3
from pathlib import Path

import pytest

from estafeta_core.store import Store
from estafeta_core.store.writes import STATEMENTS


@pytest.mark.sqlite
@pytest.mark.parametrize("name", STATEMENTS)
def test_the_schema_knows_every_table_and_column_of_a_statement(
    name: str, store: Store, tmp_path: Path
) -> None:
    sql = STATEMENTS[name]
    numbered = [int(number) for number in re.findall(r"\?(\d+)", sql)]
    values = [None] * (max(numbered) if numbered else sql.count("?"))
    connection = sqlite3.connect(tmp_path / "estafeta.db")
    connection.execute(f"EXPLAIN {sql}", values)
    connection.close()
