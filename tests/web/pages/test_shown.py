import pytest

from estafeta_web.pages import shown


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (5967, "5967"), (10_000, "10\u202f000"), (1_234_567, "1\u202f234\u202f567")],
)
def test_digits_are_grouped_where_there_are_many(count: int, text: str) -> None:
    assert shown.number(count) == text


@pytest.mark.parametrize(
    ("share", "decimal", "text"),
    [(84.21, ".", "84.21\u00a0%"), (0.5, ",", "0,50\u00a0%"), (100.0, ",", "100\u00a0%"), (None, ".", "")],
)
def test_a_percentage_has_two_decimals_unless_it_is_nothing_or_all(
    share: float | None, decimal: str, text: str
) -> None:
    assert shown.percent(share, decimal) == text


def test_times_are_local_and_their_zone_is_said(madrid: None) -> None:
    summer = 1_780_000_000_000
    assert shown.time(summer) == "2026-05-28 22:26:40"
    assert shown.machine_time(summer) == "2026-05-28T22:26:40+02:00"
    assert shown.zone() in {"CET, UTC+01:00", "CEST, UTC+02:00"}
