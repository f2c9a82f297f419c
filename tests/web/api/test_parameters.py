from urllib.parse import quote, urlencode

import pytest
from starlette.requests import Request

from estafeta_web.api.parameters import Parameters
from estafeta_web.api.problems import Problem

NOON = 1_795_179_600_000  # 2026-11-20T13:00:00Z


def parameters(query: str, known: tuple[str, ...] = ("from", "events", "types", "per_page")) -> Parameters:
    scope = {"type": "http", "method": "GET", "path": "/x", "query_string": query.encode(), "headers": []}
    return Parameters(Request(scope | {"server": ("h", 80), "scheme": "http"}), known)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T13:00",
        "2026-11-20T13:00:00",
        "2026-11-20T13:00:00Z",
        "2026-11-20 13:00:00",
        "2026-11-20T13:00:00.000+00:00",
        "2026-11-20T14:00:00+01:00",
        "2026-11-20T14:00:00+0100",
        "2026-11-20T08:00-0500",
    ],
)
def test_a_time_is_read_in_every_form_of_iso_8601(text: str) -> None:
    assert parameters(f"from={quote(text)}").time("from", 0) == NOON


def test_a_plus_that_was_not_encoded_is_still_a_plus() -> None:
    assert parameters("from=2026-11-20T14:00:00+01:00").time("from", 0) == NOON
    assert parameters("from=2026-11-20T14:00+0100").time("from", 0) == NOON


def test_a_time_without_a_zone_is_in_the_one_that_is_named() -> None:
    query = "from=2026-11-20T08:00&timezone=America/New_York"
    assert parameters(query).time("from", 0) == NOON
    assert parameters("from=2026-11-20T13:00Z&timezone=America/New_York").time("from", 0) == NOON


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("from=yesterday", "from must be a time"),
        ("from=2026-13-01", "from must be a time"),
        ("from=9999-12-31T23:59-2359", "from must be a time"),
        ("timezone=Nowhere/City", "no time zone"),
        ("timezone=../../etc/passwd", "no time zone"),
        ("timezone=America", "no time zone"),
        ("evnets=bounce", "Unknown parameter 'evnets'"),
        ("from=2026-11-20&from=2026-11-21", "from is given twice"),
        ("per_page=0", "per_page must be a number from 1 to 100"),
        ("per_page=101", "per_page must be a number"),
        ("per_page=-1", "per_page must be a number"),
        ("per_page=1e2", "per_page must be a number"),
        ("per_page=" + "9" * 5000, "per_page must be a number"),
        (urlencode({"per_page": "\u0661"}), "per_page must be a number"),
        ("events=" + "a," * 1001, "events has more than 1000 values"),
    ],
)
def test_what_makes_no_sense_is_refused(query: str, expected: str) -> None:
    def ask() -> None:
        asked = parameters(query)
        asked.time("from", 0)
        asked.number("per_page", default=10, most=100)
        asked.list("events")

    with pytest.raises(Problem, match=expected) as refused:
        ask()
    assert refused.value.status == 400


def test_a_list_is_split_at_its_delimiter_and_may_be_given_in_parts() -> None:
    assert parameters("events=a,%20b,,c").list("events") == ("a", "b", "c")
    assert parameters("events=a&types=b,c").list("events", "types") == ("a", "b", "c")
    assert parameters("events=a,b;c&delimiter=;").list("events") == ("a,b", "c")
    assert parameters("events=").list("events") is None
    assert parameters("events=,").list("events") is None


def test_a_link_keeps_everything_but_the_cursor() -> None:
    asked = parameters("events=a%26b&cursor=old&per_page=5", ("events", "cursor", "per_page"))
    assert asked.link("new=") == "/x?events=a%26b&per_page=5&cursor=new%3D"
    assert asked.search == "events=a%26b"
