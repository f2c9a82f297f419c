import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from estafeta_postfix.cli import events

Run = Callable[..., Result]


def kinds(done: Result) -> list[str]:
    assert done.exit_code == 0, done.output
    return [json.loads(line)["type"] for line in done.output.splitlines()]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((), ["injection", "injection", "delivery", "bounce", "click", "open", "injection"]),
        (("--type", "click", "--type", "open"), ["click", "open"]),
        (("--account", "other"), ["injection"]),
        (("--recipient", "B@example.com"), ["injection", "bounce"]),
        (("--limit", "2"), ["open", "injection"]),
        (("--recipient", "a@example.com", "--limit", "2"), ["click", "injection"]),
        (("--domain", "example.*", "--type", "bounce"), ["bounce"]),
        (("--campaign", "spr*", "--type", "click"), ["click"]),
        (("--campaign", "autumn"), []),
        (("--subject", "hello*", "--type", "click"), ["click"]),
        (("--reason", "*no"), ["bounce"]),
        (("--bounce-class", "10"), ["bounce"]),
        (("--transmission", "4jQueue200"), ["injection"]),
        (("--transmission", "101", "--limit", "1"), ["open"]),
        (("--transmission", "100", "--account", "other"), []),
        (("--since", "2026-11-20T13:52:36+00:00", "--until", "2026-11-20T13:52:43+00:00"), ["click"]),
    ],
)
def test_events_are_chosen_and_shown_newest_last(
    run: Run, filled: Path, filters: tuple[str, ...], expected: list[str]
) -> None:
    assert kinds(run("events", "--json", *filters)) == expected


def test_more_events_than_a_page_are_all_listed_once(
    run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PAGE", 2)
    ids = [json.loads(line)["event_id"] for line in run("events", "--json").output.splitlines()]
    assert ids == ["1", "2", "3", "4", "5", "6", "7"]


def test_a_person_gets_a_line_an_event(run: Run, filled: Path) -> None:
    lines = run("events").output.splitlines()
    assert len(lines) == 7
    assert "bounce" in lines[3]
    assert "4jQueue100  b@example.com  550 5.1.1 No" in lines[3]
