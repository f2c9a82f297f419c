import json
import time
from collections.abc import Iterator

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_postfix.cli.text import Moment, json_text, local_time, printable


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


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("grün \U0001f600", '"grün \U0001f600"'),
        ("\x9b31m\x7f", r'"\u009b31m\u007f"'),
        ("a\u2028b\u2029c\x85d\ne", r'"a\u2028b\u2029c\u0085d\ne"'),
        ("\u202egpj.exe", r'"\u202egpj.exe"'),
        ("\U000e0041", r'"\udb40\udc41"'),
        ("\udcff", r'"\udcff"'),
    ],
)
def test_json_holds_nothing_that_a_terminal_or_a_reader_of_lines_obeys(text: str, written: str) -> None:
    assert json_text(text) == written


@given(st.text(), st.text())
def test_json_says_what_it_was_given(name: str, text: str) -> None:
    assert json.loads(json_text({name: text})) == {name: text}
    assert len(json_text({name: text}).splitlines()) == 1
    assert json.loads(json_text({name: text}, indent=2)) == {name: text}
    assert len(json_text({name: text}, indent=2).splitlines()) == 3


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
