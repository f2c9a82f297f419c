import json

import click
import pytest
from click.testing import CliRunner

from estafeta_postfix.cli import listing

FOUND = [("c", "third"), ("b", "second \x1b[2J line"), ("a", "1")]


@click.command()
@listing.options
def numbers(*, account: str | None, limit: int, as_json: bool) -> None:
    """List letters."""
    chosen = [each for each in FOUND if account in (None, each[0])][:limit]
    listing.show(chosen, ("L", "TEXT"), lambda each: each, lambda each: {each[0]: each[1]}, as_json=as_json)


def lines(*arguments: str) -> list[str]:
    done = CliRunner().invoke(numbers, arguments)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_a_person_gets_a_table_with_the_newest_last_and_nothing_a_terminal_obeys() -> None:
    assert lines() == ["L  TEXT", "a  1", "b  second \\x1b[2J line", "c  third"]


def test_a_program_gets_nothing_that_it_or_a_terminal_obeys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "FOUND", [("a", "1\u2028\x9b2J")])
    assert lines("--json") == [r'{"a": "1\u2028\u009b2J"}']


def test_a_program_gets_one_object_a_line() -> None:
    assert [json.loads(line) for line in lines("--json")] == [
        {"a": "1"},
        {"b": "second \x1b[2J line"},
        {"c": "third"},
    ]


@pytest.mark.parametrize(("arguments", "count"), [((), 3), (("--limit", "2"), 2), (("--account", "b"), 1)])
def test_the_options_of_every_list(arguments: tuple[str, ...], count: int) -> None:
    assert len(lines("--json", *arguments)) == count


def test_columns_are_as_wide_as_their_widest_word() -> None:
    assert lines("--account", "c") == ["L  TEXT", "c  third"]


def test_nothing_found_is_a_head_for_people_and_nothing_for_programs() -> None:
    assert lines("--account", "x") == ["L  TEXT"]
    assert lines("--account", "x", "--json") == []


def test_a_list_of_none_is_no_list() -> None:
    assert CliRunner().invoke(numbers, ["--limit", "0"]).exit_code == 2
