import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from estafeta_postfix.log_follower.timestamp import Moment, Timestamps

Parts = tuple[int, int, int, int, int, int]


@pytest.fixture(params=["UTC", "America/New_York"], autouse=True)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def local(year: int, month: int, day: int, hour: int, minute: int, second: int) -> float:
    return time.mktime((year, month, day, hour, minute, second, 0, 0, -1))


@pytest.mark.parametrize(
    ("now", "text", "expected"),
    [
        ((2026, 11, 20, 13, 0, 5), "Nov 20 13:00:00", (2026, 11, 20, 13, 0, 0)),
        ((2026, 11, 20, 13, 0, 5), "Nov  2 03:02:01", (2026, 11, 2, 3, 2, 1)),
        ((2027, 1, 1, 0, 0, 1), "Dec 31 23:59:59", (2026, 12, 31, 23, 59, 59)),
        ((2026, 12, 31, 23, 59, 59), "Jan  1 00:00:00", (2027, 1, 1, 0, 0, 0)),
        ((2026, 11, 20, 13, 0, 0), "Nov 20 13:00:02", (2026, 11, 20, 13, 0, 2)),
        ((2026, 11, 20, 13, 0, 0), "Nov 22 13:00:00", (2025, 11, 22, 13, 0, 0)),
        ((2026, 3, 1, 0, 0, 0), "Feb 29 12:00:00", (2024, 2, 29, 12, 0, 0)),
        ((2026, 7, 20, 13, 0, 5), "Jul 20 13:00:00", (2026, 7, 20, 13, 0, 0)),
    ],
)
def test_a_time_without_year_and_zone_is_the_last_such_local_time(
    now: Parts, text: str, expected: Parts
) -> None:
    read = Timestamps(lambda: local(*now)).read(text)
    assert read == Moment(int(local(*expected)) * 1000, 1000)


def test_a_time_with_zone_says_everything_itself() -> None:
    moment = datetime(2026, 11, 20, 13, 0, 0, 123000, tzinfo=UTC)
    assert Timestamps().read("2026-11-20T14:00:00.123456+01:00") == Moment(int(moment.timestamp() * 1000), 1)
    assert Timestamps().read("2026-11-20T13:00:00Z") == Moment(int(moment.timestamp()) * 1000, 1000)


@pytest.mark.parametrize(
    "text", ["Foo 20 13:00:00", "Nov 31 13:00:00", "Nov 20 13:00", "2026-13-40T99:00:00Z", ""]
)
def test_what_is_no_time_is_now(text: str) -> None:
    assert Timestamps(lambda: 1_800_000_000.5).read(text) == Moment(1_800_000_000_500, 1)


@pytest.mark.parametrize(("estimate", "expected"), [(500, 1000), (1500, 1500), (1999, 1999), (2000, 1999)])
def test_an_estimate_is_taken_as_far_as_the_second_allows(estimate: int, expected: int) -> None:
    assert Moment(1000).nearest(estimate) == expected
