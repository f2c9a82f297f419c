import time
from collections.abc import Iterator

import click
import pytest

from estafeta_postfix.cli.text import Moment, local_time, printable


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grün", "grün"),
        ("a\nb", "a\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u2028\u202e", "\\u2028\\u202e"),
        ("\x9b", "\\x9b"),
    ],
)
def test_a_terminal_is_shown_only_what_prints(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_times_are_local() -> None:
    assert local_time(1_795_182_755_174) == "2026-11-20 08:52:35.174"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T08:52:35", 1_795_182_755_000),
        ("2026-11-20T13:52:35Z", 1_795_182_755_000),
        ("2026-11-20T13:52:35.174+00:00", 1_795_182_755_174),
    ],
)
def test_a_time_without_zone_is_local(text: str, expected: int) -> None:
    assert Moment().convert(text, None, None) == expected


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("2h", 7200), ("7d", 604_800), ("1w", 604_800)]
)
def test_a_span_counts_back_from_now(text: str, seconds: int) -> None:
    assert abs(Moment().convert(text, None, None) - (time.time() - seconds) * 1000) < 5000


@pytest.mark.parametrize("text", ["yesterday", "", "5", "99999999999999w", "2026-13-01"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is n"):
        Moment().convert(text, None, None)
