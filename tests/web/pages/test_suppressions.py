"""`/suppressions`: read, searched, and changed by who may."""

import re

import pytest

from estafeta_core.store.rows import Suppression
from estafeta_core.store.suppressions import Entries
from estafeta_core.suppression import TYPES
from estafeta_testing.history import FORM, History, sign_in
from estafeta_testing.site import KEYS, Site
from estafeta_web.pages.sends import ROWS


def post(site: Site, path: str = "/suppressions", **fields: str) -> tuple[int, str]:
    answer = site.http.post(path, data=fields, headers=FORM)
    return answer.status_code, answer.headers.get("location", answer.text)


def listed(site: Site, path: str = "/suppressions") -> list[str]:
    return re.findall(r'<th scope="row" class="text"><a[^>]*><bdi>([^<]+)</bdi>', site.http.get(path).text)


def test_the_list_says_whom_and_why(desk: Site, history: History) -> None:
    assert sorted(listed(desk)) == ["alice@example.net", "hard.acme@example.net"]
    text = desk.http.get("/suppressions").text
    for word in ("List Unsubscribe", "Bounce Rule", "non-transactional", "Spring news"):
        assert word in text


def test_one_address_is_searched_for_in_any_spelling(desk: Site, history: History) -> None:
    assert listed(desk, "/suppressions?q=Alice@Example.NET") == ["alice@example.net"]
    assert "not on the list" in desk.http.get("/suppressions?q=bob@example.net").text


def test_an_address_is_added_and_removed_with_the_next_message(desk: Site) -> None:
    added = post(
        desk, recipient=" New@Example.net ", non_transactional="1", transactional="1", description="asked"
    )
    assert added == (303, "/suppressions?done=added")
    rows = desk.store.suppressions_of("acme", [""], "new@example.net", TYPES)
    assert [(row.recipient, row.type, row.source, row.description) for row in rows] == [
        ("new@example.net", "non_transactional", "Manually Added", "asked"),
        ("new@example.net", "transactional", "Manually Added", "asked"),
    ]
    assert desk.suppressed("new@example.net") == {"transactional", "non_transactional"}
    assert "The address has been added." in desk.http.get(added[1]).text
    fields = {"recipient": "new@example.net", "type": "transactional"}
    for _ in range(2):  # a second time changes nothing
        assert post(desk, "/suppressions/remove", **fields) == (303, "/suppressions?done=removed")
    assert desk.suppressed("new@example.net") == {"non_transactional"}


def test_a_subaccount_has_its_own(desk: Site) -> None:
    assert post(desk, recipient="a@example.net", transactional="1", subaccount="123")[0] == 303
    assert [row.subaccount for row in desk.store.suppressions(Entries("acme"), limit=100)] == ["123"]
    assert post(desk, recipient="a@example.net", transactional="1", subaccount="124")[0] == 404
    assert listed(desk, "/suppressions?q=a@example.net") == ["a@example.net"]
    post(desk, "/suppressions/remove", recipient="a@example.net", type="transactional", subaccount="123")
    assert listed(desk) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"recipient": "x", "transactional": "1"},
        {"recipient": "", "transactional": "1"},
        {"recipient": "a@example.net"},
        {"transactional": "1"},
    ],
)
def test_what_cannot_be_added_is_told(desk: Site, fields: dict[str, str]) -> None:
    status, text = post(desk, **fields)
    assert status == 400
    assert "That is no address" in text
    assert listed(desk) == []


def test_nothing_of_another_account_is_removed(desk: Site) -> None:
    theirs = Suppression("other", None, "a@example.net", "transactional", "Manually Added", "", 1)
    desk.store.record([theirs])
    post(desk, "/suppressions/remove", recipient="a@example.net", type="transactional")
    assert [row.recipient for row in desk.store.suppressions(Entries("other"), limit=100)] == [
        "a@example.net"
    ]


def test_who_may_only_read_gets_no_forms(site: Site) -> None:
    assert sign_in(site, KEYS["reader"]).status_code == 303
    assert 'method="post" action="/suppressions' not in site.http.get("/suppressions").text


def test_a_kind_that_is_none_is_not_removed(desk: Site) -> None:
    assert post(desk, "/suppressions/remove", recipient="a@example.net", type="x")[0] == 404


def test_the_list_comes_in_pages(desk: Site) -> None:
    rows = [
        Suppression("acme", sub, f"r{number:03}@example.net", "transactional", "Manually Added", "", 1)
        for sub in (None, "123")
        for number in range(ROWS)
    ]
    desk.store.record([*rows, rows[0]])
    seen, path = [], "/suppressions"
    while path:
        text = desk.http.get(path).text
        seen += listed(desk, path)
        found = re.search(r'href="([^"]+)" rel="next"', text)
        path = found[1].replace("&amp;", "&") if found else ""
    assert len(seen) == 2 * ROWS
    assert len(set(seen)) == ROWS


def test_h14_a_store_that_stands_still_is_told_and_nothing_is_called_done(
    desk: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("estafeta_web.pages.gate.WRITE_SECONDS", 0.2)
    with desk.locked_store():
        assert post(desk, recipient="a@example.net", transactional="1")[0] == 503
    assert desk.store.suppressions(Entries("acme"), limit=100) == []
