"""/api/v1/suppression-list over HTTP."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from estafeta_core.store.rows import Suppression
from estafeta_core.store.suppressions import Entries
from estafeta_testing.site import Site
from estafeta_web.api import suppressions

Ask = Callable[..., httpx2.Response]
LIST = "/api/v1/suppression-list"
ALICE = f"{LIST}/alice@x.example"


def entries(site: Site, account: str = "acme") -> list[tuple[str | None, str, str, str]]:
    found = site.store.suppressions(Entries(account), limit=100)
    return [(each.subaccount, each.recipient, each.type, each.description) for each in found]


def test_an_entry_is_written_read_and_taken_away(ask: Ask, site: Site) -> None:
    answer = ask(ALICE, "PUT", json={"type": "transactional", "description": "She asked"})
    assert answer.status_code == 200
    assert answer.json() == {"results": {"message": "Suppression list successfully updated"}}
    [entry] = ask(ALICE).json()["results"]
    assert (
        entry["recipient"],
        entry["type"],
        entry["source"],
        entry["description"],
        entry["transactional"],
    ) == (
        "alice@x.example",
        "transactional",
        "Manually Added",
        "She asked",
        True,
    )
    assert site.suppressed("alice@x.example") == {"transactional"}
    answer = ask(ALICE, "DELETE", json={"type": "transactional"})
    assert (answer.status_code, answer.content) == (204, b"")
    missing = ask(ALICE)
    assert missing.status_code == 404
    assert missing.json() == {"errors": [{"message": "Recipient could not be found"}]}
    assert ask(ALICE, "DELETE").json() == missing.json()
    assert site.suppressed("alice@x.example") == set()


def test_every_spelling_of_an_address_is_the_same_entry(ask: Ask, site: Site) -> None:
    ask(f"{LIST}/Alice@X.Example", "PUT", json={"type": "transactional"})
    ask(f"{LIST}/alice%40x.example", "PUT", json={"type": "transactional"})
    assert len(entries(site)) == 1
    assert ask(f"{LIST}/ALICE@x.example").status_code == 200
    ask(f"{LIST}/b%2Fc%2Bd@x.example", "PUT", json={"type": "transactional"})
    assert ask(f"{LIST}/b/c+d@x.example").status_code == 200
    assert ask(f"{LIST}/B/C+D@x.example", "DELETE").status_code == 204


def test_an_entry_that_is_renewed_keeps_when_it_was_created(ask: Ask, site: Site) -> None:
    old = Suppression("acme", None, "alice@x.example", "transactional", "Bounce Rule", "550", 1_000)
    site.store.record([old])
    ask(ALICE, "PUT", json={"type": "transactional", "description": "now by hand"})
    [entry] = ask(ALICE).json()["results"]
    assert entry["created"] == "1970-01-01T00:00:01.000Z"
    assert entry["updated"] > "2026"
    assert (entry["source"], entry["description"]) == ("Manually Added", "now by hand")
    site.store.record([old])
    assert ask(ALICE).json()["results"] == [entry]


def test_consent_to_be_tracked_is_apart_from_what_stops_mail(ask: Ask, site: Site) -> None:
    for kind in ("transactional", "non_transactional", "open_tracking"):
        assert ask(ALICE, "PUT", json={"type": kind}).status_code == 200
    untyped = ask(ALICE).json()
    assert [entry["type"] for entry in untyped["results"]] == ["non_transactional", "transactional"]
    assert untyped["total_count"] == 2
    [consent] = ask(f"{ALICE}?types=open_tracking").json()["results"]
    assert consent["source"] == "Tracking Consent Revoked"
    assert ask(ALICE, "DELETE").status_code == 204
    assert ask(ALICE).status_code == 404
    assert ask(f"{ALICE}?types=open_tracking").status_code == 200
    assert ask(ALICE, "DELETE", json={"type": "open_tracking"}).status_code == 204
    assert entries(site) == []


def test_an_older_program_says_the_type_with_a_flag(ask: Ask, site: Site) -> None:
    flags = {"transactional": True, "non_transactional": True}
    assert ask(ALICE, "PUT", json=flags).status_code == 200
    many = {"recipients": [{"email": "b@x.example", "transactional": False, "non_transactional": True}]}
    assert ask(LIST, "PUT", json=many).status_code == 200
    assert [(entry[1][0], entry[2]) for entry in entries(site)] == [
        ("a", "non_transactional"),
        ("a", "transactional"),
        ("b", "non_transactional"),
    ]


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (ALICE, {}, "Must supply a suppression type"),
        (ALICE, {"transactional": "yes"}, "Must supply a suppression type"),
        (
            ALICE,
            {"type": "all"},
            "Type must be one of: 'transactional', 'non_transactional', 'open_tracking'",
        ),
        (ALICE, {"type": ["transactional"]}, "Type must be one of"),
        (ALICE, {"type": "transactional", "description": 5}, "description must be text"),
        (ALICE, {"type": "transactional", "description": "x" * 2001}, "may have 2000 characters"),
        (ALICE, {"type": "transactional", "list_id": "a"}, "list_id is not supported"),
        (f"{LIST}/alice", {"type": "transactional"}, "'alice' is no email address"),
        (LIST, {}, "recipients must be a list"),
        (LIST, {"recipients": []}, "recipients must be a list"),
        (LIST, {"recipients": {}}, "recipients must be a list"),
    ],
)
def test_what_is_no_entry_is_refused_and_nothing_written(
    ask: Ask, site: Site, path: str, body: Any, expected: str
) -> None:
    answer = ask(path, "PUT", json=body)
    assert answer.status_code == 400
    assert expected in answer.json()["errors"][0]["message"]
    assert entries(site) == []


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ({"recipient": "nobody", "type": "transactional"}, "recipients[1]: 'nobody' is no email address"),
        ({"recipient": "b@x.example"}, "recipients[1]: Must supply a suppression type"),
        ({"type": "transactional"}, "recipients[1]: an entry is an object with a recipient"),
        ("b@x.example", "recipients[1]: an entry is an object with a recipient"),
        ({"recipient": 5, "type": "transactional"}, "recipients[1]: an entry is an object with a recipient"),
    ],
)
@pytest.mark.parametrize("path", [LIST, f"{LIST}/"])
def test_one_bad_entry_of_many_is_named_and_nothing_written(
    ask: Ask, site: Site, path: str, bad: Any, expected: str
) -> None:
    good = {"recipient": "a@x.example", "type": "transactional"}
    answer = ask(path, "PUT", json={"recipients": [good, bad, good]})
    [error] = answer.json()["errors"]
    assert answer.status_code == 400
    assert error["message"].startswith("PUT body contains 1 invalid or malformed recipient(s): ")
    assert error["description"] == f"{expected}; nothing was written"
    assert entries(site) == []


def test_ten_thousand_entries_are_written_at_once_and_no_more(ask: Ask, site: Site) -> None:
    many = [
        {"recipient": f"{number}@x.example", "type": "non_transactional"}
        for number in range(suppressions.MOST_ENTRIES)
    ]
    answer = ask(LIST, "PUT", json={"recipients": many})
    assert answer.json() == {"results": {"message": "Suppression List successfully updated"}}
    assert ask(f"{LIST}/summary").json()["results"]["total"] == 10_000
    answer = ask(LIST, "PUT", json={"recipients": [*many, many[0]]})
    assert (answer.status_code, answer.json()["errors"][0]["description"]) == (400, "There are 10001.")


def test_each_subaccount_has_a_list_of_its_own(ask: Ask, site: Site) -> None:
    ask(ALICE, "PUT", json={"type": "transactional", "description": "account"})
    ask(ALICE, "PUT", subaccount="123", json={"type": "transactional", "description": "sub"})
    assert [entry[0] for entry in entries(site)] == [None, "123"]
    said = {key: ask(ALICE, subaccount=key).json()["results"] for key in (None, "0", "123")}
    assert [each["description"] for each in said[None]] == ["account", "sub"]
    assert [each["description"] for each in said["0"]] == ["account"]
    assert [each["description"] for each in said["123"]] == ["sub"]
    assert said["123"][0]["subaccount_id"] == "123"
    assert ask(LIST, subaccount="123").json()["total_count"] == 1
    assert ask(f"{LIST}/summary", subaccount="0").json()["results"]["total"] == 1
    assert ask(ALICE, "DELETE").status_code == 204
    assert [entry[0] for entry in entries(site)] == ["123"]
    assert ask(ALICE, subaccount="124").status_code == 403


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abc"),
        ("sort=desc", "cba"),
        ("types=transactional", "ac"),
        ("sources=Bounce%20Rule", "b"),
        ("domain=x.example", "ab"),
        ("domain=*.example", "abc"),
        ("description=mailbox", "b"),
        ("from=1970-01-01T00:00:02Z", "bc"),
        ("to=1970-01-01T00:00:02Z", "a"),
    ],
)
def test_a_list_is_searched(ask: Ask, site: Site, query: str, expected: str) -> None:
    rows = [
        Suppression("acme", None, "a@x.example", "transactional", "Manually Added", "", 1_000),
        Suppression("acme", None, "b@x.example", "non_transactional", "Bounce Rule", "550 No Mailbox", 2_000),
        Suppression("acme", "123", "c@y.example", "transactional", "Spam Complaint", "", 3_000),
    ]
    site.store.record(rows)
    answer = ask(f"{LIST}?{query}").json()
    assert [each["recipient"][0] for each in answer["results"]] == list(expected)
    assert (answer["total_count"], answer["links"]) == (len(expected), [])


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_a_list_are_followed_to_the_end(ask: Ask, site: Site, order: str) -> None:
    rows = [
        Suppression("acme", None, f"{number}@x.example", "transactional", "Bounce Rule", "", 1_000)
        for number in range(7)
    ]
    site.store.record(rows)
    seen = []
    path = f"{LIST}?per_page=3&sort={order}&cursor=initial"
    while path:
        answer = ask(path).json()
        seen += [each["recipient"][0] for each in answer["results"]]
        assert answer["total_count"] == 7
        path = next((link["href"] for link in answer["links"] if link["rel"] == "next"), "")
    assert seen == sorted("0123456", reverse=order == "desc")


@pytest.mark.parametrize("query", ["types=all", "sort=up", "page=2", "from=x", "per_page=0", "cursor=x"])
def test_a_search_that_makes_no_sense_is_refused(ask: Ask, query: str) -> None:
    assert ask(f"{LIST}?{query}").status_code == 400


def test_the_summary_counts_every_source(ask: Ask, site: Site) -> None:
    site.store.record(
        [
            Suppression("acme", None, "a@x.example", "transactional", "Bounce Rule", "", 1),
            Suppression("acme", None, "b@x.example", "transactional", "Bounce Rule", "", 1),
            Suppression("acme", "123", "a@x.example", "transactional", "List Unsubscribe", "", 1),
        ]
    )
    assert ask(f"{LIST}/summary").json()["results"] == {
        "manually_added": 0,
        "bounce_rule": 2,
        "list_unsubscribe": 1,
        "unsubscribe_link": 0,
        "spam_complaint": 0,
        "compliance": 0,
        "tracking_consent_revoked": 0,
        "total": 3,
    }


def test_a_store_that_cannot_be_written_to_is_told_and_nothing_is_written_later(
    ask: Ask, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressions, "WRITTEN", 0.3)
    ask(f"{LIST}/first@x.example", "PUT", json={"type": "transactional"})
    with site.locked_store():
        answer = ask(ALICE, "PUT", json={"type": "transactional"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    ask(f"{LIST}/last@x.example", "PUT", json={"type": "transactional"})
    assert [entry[1] for entry in entries(site)] == ["first@x.example", "last@x.example"]
