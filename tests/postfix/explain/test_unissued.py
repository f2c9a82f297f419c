import pytest

from estafeta_core.ids import IdSource
from estafeta_postfix.explain.unissued import FIRST_MILLISECOND, Unissued


def test_ids_count_from_one_each_time() -> None:
    for _ in range(2):
        ids = Unissued()
        assert [ids.next() for _ in range(3)] == [1, 2, 3]


def test_no_transmission_has_an_id_as_small_whatever_the_clock_says_since_2024() -> None:
    assert IdSource(lambda: 1_704_067_200_001).next() >= FIRST_MILLISECOND


def test_there_are_enough_for_every_message_and_then_an_error() -> None:
    ids = Unissued()
    ids._last = FIRST_MILLISECOND - 2
    assert ids.next() == FIRST_MILLISECOND - 1
    with pytest.raises(OverflowError):
        ids.next()
