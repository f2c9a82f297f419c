"""A batch: written together, or without what is refused. The back ends' own tests ask the rest."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from estafeta_core.store.backend import Transactions
from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.statements import Values


class Noted(Transactions):
    """Notes what it is told; a row of which the first value is negative is refused, one of 0 breaks it."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def begin(self) -> None:
        self.said.append("BEGIN")

    def command(self, sql: str) -> None:
        self.said.append(sql)

    def run(self, place: int, rows: list[Values]) -> None:
        self.said.append((place, [row[0] for row in rows]))
        if any(row[0] < 0 for row in rows):
            raise ValueError("negative")
        if any(row[0] == 0 for row in rows):
            raise OSError("broken")

    def finish(self) -> None:
        self.said.append("COMMIT")

    def end(self) -> None:
        self.said.append("end")

    def disconnect(self) -> None:
        self.said.append("disconnect")

    def after_fork(self) -> None:
        self.said.clear()

    def refuses(self, error: Exception) -> bool:
        return isinstance(error, ValueError)

    @contextmanager
    def translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailable(str(error)) from error


def never() -> bool:
    return False


def test_the_rows_of_a_batch_go_by_statement_in_the_order_of_the_table() -> None:
    noted = Noted()
    assert noted.commit([[(3, (1,)), (1, (2,))], [(1, (3,))]], never) == {}
    assert noted.said == [(1, [2, 3]), (3, [1]), "COMMIT"]


def test_what_is_refused_is_left_out_and_the_others_are_written() -> None:
    noted = Noted()
    assert noted.commit([[(1, (1,))], [(1, (2,)), (2, (-1,))]], never) == {1: "negative"}
    again = noted.said[noted.said.index("ROLLBACK") :]
    first, second = "SAVEPOINT submission", "RELEASE SAVEPOINT submission"
    undone = ["ROLLBACK TO SAVEPOINT submission", second, "COMMIT"]
    assert again == ["ROLLBACK", "BEGIN", first, (1, [1]), second, first, (1, [2]), (2, [-1]), *undone]


def test_a_fault_of_the_store_is_the_whole_batchs() -> None:
    noted = Noted()
    with pytest.raises(StoreUnavailable, match="broken"):
        noted.commit([[(1, (1,))], [(1, (0,))]], never)
    assert "COMMIT" not in noted.said


def test_what_somebody_has_given_up_is_not_committed() -> None:
    noted = Noted()
    with pytest.raises(StoreUnavailable, match="stood still"):
        noted.commit([[(1, (1,))]], lambda: True)
    assert "COMMIT" not in noted.said


def test_closing_closes_the_connection_and_there_is_nothing_to_do_from_time_to_time() -> None:
    noted = Noted()
    noted.idle()
    noted.close()
    assert noted.said == ["disconnect"]
