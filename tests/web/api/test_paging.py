import base64
import json
from typing import Any

import pytest
from starlette.requests import Request

from estafeta_testing import site
from estafeta_web.access import Caller
from estafeta_web.api.paging import Paging
from estafeta_web.api.parameters import Parameters
from estafeta_web.api.problems import Problem

KNOWN = ("cursor", "per_page", "limit", "events")


def paging(query: str, account: str = "acme", subaccount: str | None = None) -> Paging:
    scope = {"type": "http", "method": "GET", "path": "/x", "query_string": query.encode(), "headers": []}
    parameters = Parameters(Request(scope | {"server": ("h", 80), "scheme": "http"}), KNOWN)
    credential = site.snapshot().directory.by_id(account, "main")
    assert credential is not None
    return Paging(parameters, Caller(credential, subaccount), (int, str))


def query_of(link: str) -> str:
    return link.partition("?")[2]


def test_a_cursor_leads_to_where_the_page_before_ended() -> None:
    first = paging("events=bounce&cursor=initial")
    assert (first.place, first.per_page) == (None, 1000)
    following = paging(query_of(first.link(5, "ü")))
    assert following.place == [5, "ü"]


def test_the_size_of_pages_may_change_on_the_way() -> None:
    link = query_of(paging("events=bounce&per_page=5").link(5, "a"))
    assert paging(link.replace("per_page=5", "per_page=7")).per_page == 7


def test_h10_a_cursor_cannot_be_brought_to_another_account_or_search() -> None:
    link = query_of(paging("events=bounce").link(5, "a"))
    for query, account, subaccount in (
        (link, "other", None),
        (link, "acme", "123"),
        (link.replace("bounce", "open"), "acme", None),
        (link.partition("&")[2], "acme", None),
    ):
        with pytest.raises(Problem, match="another search"):
            paging(query, account, subaccount)


WRONG: list[Any] = [{}, [], [1], ["check", 1], ["check", "a", "b"], ["check", True, "b"], [[[]]], "text"]


def packed(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "%00", "ü", packed(b"\xff"), "A" * 1000, packed(b"[" * 5000)),
        *(packed(json.dumps(value).encode()) for value in WRONG),
    ],
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Problem, match="cursor is none of ours") as refused:
        paging(f"cursor={cursor}")
    assert refused.value.status == 400
