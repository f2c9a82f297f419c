"""Patterns, and that every filter is one parameter of the statement."""

import sqlite3
from dataclasses import fields

import pytest

from estafeta_core.store.event_filter import FIRST, MATCHES, EventFilter, pattern


@pytest.mark.parametrize(
    ("text", "found", "missed"),
    [
        ("spring", ["spring", "SPRING"], ["spring2", "aspring", ""]),
        ("spring*", ["spring", "spring-2"], ["aspring"]),
        ("*ring*", ["spring", "ring"], ["sprig"]),
        ("50%", ["50%"], ["50", "500"]),
        ("a_b", ["a_b"], ["axb"]),
        ("a\\b*", ["a\\bc"], ["abc"]),
        ("*", ["", "anything"], []),
    ],
)
def test_a_star_stands_for_anything_and_every_other_sign_for_itself(
    text: str, found: list[str], missed: list[str]
) -> None:
    connection = sqlite3.connect(":memory:")
    for value in [*found, *missed]:
        [(like,)] = connection.execute("SELECT ? LIKE ? ESCAPE '\\'", (value, pattern(text)))
        assert bool(like) is (value in found), value
    connection.close()


def test_a_pattern_of_many_stars_is_compared_quickly() -> None:
    connection = sqlite3.connect(":memory:")
    hostile = pattern("*a" * 200 + "b")
    [(like,)] = connection.execute("SELECT ? LIKE ? ESCAPE '\\'", ("a" * 998, hostile))
    assert not like
    connection.close()


def test_every_filter_has_a_parameter_in_the_statement() -> None:
    assert len(EventFilter().parameters()) == len(fields(EventFilter))
    for number in range(FIRST, FIRST + len(fields(EventFilter))):
        assert f"?{number} IS NULL" in MATCHES


def test_nothing_asked_for_and_nothing_allowed_are_different() -> None:
    assert EventFilter().parameters()[0] is None
    assert EventFilter(types=()).parameters()[0] == "[]"
