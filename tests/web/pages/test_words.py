"""Every language has every text."""

import dataclasses
import itertools
import re

import pytest
from starlette.requests import Request

from estafeta_core import statistics
from estafeta_core.dialects import DIALECTS
from estafeta_core.events import ADDITIONAL
from estafeta_core.statistics import PERIODS
from estafeta_core.store.lists import Fate
from estafeta_web.pages import timeline
from estafeta_web.pages.words import WORDS, asked, spoken

_PLACE = re.compile(r"\{\w+\}")


def texts(language: str) -> dict[tuple[str, str], str]:
    say = WORDS[language].say
    return {(section, name): text for section, names in say.items() for name, text in names.items()}


@pytest.mark.parametrize("language", WORDS)
def test_every_language_has_the_same_texts_with_the_same_places(language: str) -> None:
    mine, english = texts(language), texts("en")
    assert mine.keys() == english.keys()
    for key, text in mine.items():
        assert text == text.strip() != "", key
        assert sorted(_PLACE.findall(text)) == sorted(_PLACE.findall(english[key])), key


@pytest.mark.parametrize("language", WORDS)
def test_there_is_a_word_for_everything_that_can_be_shown(language: str) -> None:
    say = WORDS[language].say
    assert set(PERIODS) <= say["period"].keys()
    assert {row.name for row in statistics.rows({})} <= say["status"].keys()
    fates = itertools.product((False, True), repeat=len(dataclasses.fields(Fate)))
    assert {statistics.state(Fate(*fate)) for fate in fates} <= say["state"].keys()
    assert ADDITIONAL.keys() <= say["event"].keys()
    assert set(timeline.FACTS) == say["fact"].keys()


def test_d21_in_russian_the_rows_have_devinos_names() -> None:
    names = DIALECTS["devino"].statistics_names
    assert {name: WORDS["ru"].say["status"][name] for name in names} == dict(names)


def request(query: str = "", cookie: str = "", accept: str = "") -> Request:
    headers = [(b"cookie", cookie.encode()), (b"accept-language", accept.encode())]
    return Request({"type": "http", "query_string": query.encode(), "headers": headers})


@pytest.mark.parametrize(
    ("query", "cookie", "accept", "expected"),
    [
        ("lang=es", "estafeta_language=ru", "en", "es"),
        ("lang=xx", "estafeta_language=ru", "en", "ru"),
        ("", "estafeta_language=xx", "es-MX", "es"),
        ("", "", "fr", "en"),
    ],
)
def test_a_language_is_asked_for_by_address_cookie_and_browser(
    query: str, cookie: str, accept: str, expected: str
) -> None:
    assert spoken(request(query, cookie, accept)).language == expected


def test_a_language_that_we_do_not_have_is_not_asked_for() -> None:
    assert asked(request("lang=../en")) == ""
