"""Pauses grow, and last at least the eight hours that SparkPost tries for."""

import pytest

from estafeta_postfix.webhooks.backoff import pause


@pytest.fixture(autouse=True)
def quick() -> None:
    """Ask about the pauses as they are, not as the tests beside this one have them."""


@pytest.mark.parametrize(
    ("failures", "shortest", "longest"),
    [(1, 1, 2), (2, 2, 4), (5, 16, 32), (8, 128, 256), (9, 150, 300), (9999, 150, 300)],
)
def test_a_pause_doubles_up_to_five_minutes_and_half_of_it_is_chance(
    failures: int, shortest: float, longest: float
) -> None:
    assert (pause(failures, lambda: 0.0), pause(failures, lambda: 1.0)) == (shortest, longest)


def test_a_receiver_that_is_away_for_eight_hours_is_asked_some_hundred_times() -> None:
    seconds, failures = 0.0, 0
    while seconds < 8 * 3600:
        failures += 1
        seconds += pause(failures, lambda: 0.5)
    assert 100 < failures < 200
