"""GET /api/v1/events/message over HTTP."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from estafeta_core.store import AnswerTooLong
from estafeta_core.store.rows import Row, Transmission
from estafeta_testing.site import Site
from estafeta_web.api import events

Ask = Callable[..., httpx2.Response]
PATH = "/api/v1/events/message"


def found(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def filled(site: Site, sent: Callable[..., list[Row]], told: Callable[..., list[Any]]) -> list[Row]:
    """Record a bounce, an open and a click of three messages of one subaccount and two campaigns."""
    first = sent(site, "a@x.example", campaign_id="summer", subject="Big sale")
    second = sent(site, "b@y.example", subaccount="123")
    bounce = told(first, "bounce", 10, bounce_class="10", reason="550 No such user", raw_reason="550")
    site.store.record([*bounce, *told(second, "open", 20, ip_address="192.0.2.1")])
    return first


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "bounce injection injection open"),
        ("events=bounce,open", "bounce open"),
        ("events=generation_failure", ""),
        ("recipients=A@X.example", "bounce injection"),
        ("recipient_domains=*.example", "bounce injection injection open"),
        ("recipient_domains=y.example", "injection open"),
        ("campaigns=summ*", "bounce injection"),
        ("campaign_ids=summer", "bounce injection"),
        ("subjects=*SALE", "bounce injection"),
        ("subject=*sale*", "bounce injection"),
        ("reasons=*no such*", "bounce"),
        ("bounce_classes=10,90", "bounce"),
        ("bounce_classes=20", ""),
        ("subaccounts=123", "injection open"),
        ("subaccounts=0", "bounce injection"),
        ("from_addresses=news@acme.example&events=open", "open"),
        ("sending_domains=acme.example&events=open", "open"),
        ("events=bounce;open&delimiter=;", "bounce open"),
        ("from=2020-01-01&to=2020-01-02", ""),
        ("from=2020-01-01T00:00&to=2098-01-02T00:00Z", "bounce injection injection open"),
    ],
)
def test_events_are_found_by_every_filter(ask: Ask, site: Site, tell: Any, query: str, expected: str) -> None:
    filled(site, *tell)
    answer = ask(f"{PATH}?{query}")
    assert sorted(event["type"] for event in found(answer)) == expected.split()
    assert answer.json()["total_count"] == len(expected.split())
    assert answer.json()["links"] == {}


def test_t42_an_event_is_found_by_every_id_and_however_old_it_is(ask: Ask, site: Site, tell: Any) -> None:
    sent, _ = tell
    rows = sent(site, "a@x.example", "b@x.example", injection_time=1_000)
    transmission = rows[0]
    assert isinstance(transmission, Transmission)
    all_of = f"{PATH}?transmissions="
    [first, second] = found(ask(f"{all_of}{transmission.transmission_id}"))
    assert found(ask(f"{all_of}4Xqueue")) == [first, second]
    assert found(ask(f"{all_of}{first['message_id']}")) == [first, second]
    assert found(ask(f"{PATH}?messages={first['message_id']}")) == [first]
    assert found(ask(f"{PATH}?event_ids={second['event_id']},5")) == [second]
    assert found(ask(f"{all_of}4Xqueue&from=2000-01-01")) == []
    assert found(ask(f"{all_of}4Xnone")) == []


def test_an_event_has_the_fields_of_sparkposts_api(ask: Ask, site: Site, tell: Any) -> None:
    filled(site, *tell)
    [bounce] = found(ask(f"{PATH}?events=bounce"))
    expected = {
        "type": "bounce",
        "rcpt_to": "a@x.example",
        "raw_rcpt_to": "a@x.example",
        "recipient_domain": "x.example",
        "campaign_id": "summer",
        "subject": "Big sale",
        "friendly_from": "news@acme.example",
        "bounce_class": "10",
        "reason": "550 No such user",
        "subaccount_id": "0",
        "rcpt_meta": {"user": "ü"},
        "rcpt_tags": ["a", "b"],
    }
    assert expected.items() <= bounce.items()
    assert bounce["timestamp"].endswith("Z")
    assert all(isinstance(bounce[name], str) for name in ("event_id", "transmission_id", "message_id"))


def test_pages_are_followed_to_the_end_while_events_arrive(ask: Ask, site: Site, tell: Any) -> None:
    sent, _ = tell
    for _ in range(3):
        sent(site, *(f"{number}@x.example" for number in range(7)))
    everything = [event["event_id"] for event in found(ask(PATH))]
    assert len(everything) == 21
    seen: list[str] = []
    path = f"{PATH}?per_page=5&cursor=initial"
    while path:
        answer = ask(path)
        seen += [event["event_id"] for event in found(answer)]
        assert answer.json()["total_count"] == 21
        path = answer.json()["links"].get("next", "")
        sent(site, "late@x.example")
    assert seen == everything


def test_a_page_ends_early_where_it_grows_too_large(
    ask: Ask, site: Site, tell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, _ = tell
    monkeypatch.setattr(events, "PIECE", 2)
    monkeypatch.setattr(events, "PAGE_BYTES", 100)
    sent(site, *(f"{number}@x.example" for number in range(5)))
    answer = ask(PATH)
    assert len(found(answer)) == 2
    assert answer.json()["total_count"] == 5
    assert len(found(ask(answer.json()["links"]["next"]))) == 2


def test_a_page_that_is_just_full_has_no_next_one(ask: Ask, site: Site, tell: Any) -> None:
    sent, _ = tell
    sent(site, "a@x.example", "b@x.example")
    assert ask(f"{PATH}?per_page=2").json()["links"] == {}
    assert ask(f"{PATH}?per_page=1").json()["links"] != {}


def test_a_key_kept_to_a_subaccount_finds_nothing_else(ask: Ask, site: Site, tell: Any) -> None:
    filled(site, *tell)
    assert sorted(event["type"] for event in found(ask(PATH, subaccount="123"))) == ["injection", "open"]
    assert sorted(event["type"] for event in found(ask(PATH, subaccount="0"))) == ["bounce", "injection"]
    assert found(ask(f"{PATH}?subaccounts=0", subaccount="123")) == []
    assert ask(PATH, subaccount="124").status_code == 403


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("events=bonce", "events has an unknown type: bonce"),
        ("event=bounce", "Unknown parameter 'event'"),
        ("templates=x", "Unknown parameter 'templates'"),
        ("per_page=10001", "per_page must be a number from 1 to 10000"),
        ("messages=abc", "messages: 'abc' is no id"),
        ("event_ids=9999999999999999999", "is no id"),
        ("from=2026-01-02&to=2026-01-01", "from must be before to"),
        ("cursor=x", "cursor is none of ours"),
    ],
)
def test_what_makes_no_sense_is_a_400_that_says_so(ask: Ask, query: str, expected: str) -> None:
    answer = ask(f"{PATH}?{query}")
    assert answer.status_code == 400
    assert expected in answer.json()["errors"][0]["message"]


def test_counting_that_takes_too_long_says_that_there_is_more(
    ask: Ask, site: Site, tell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, _ = tell

    def slow(*_: object, **__: object) -> int:
        raise AnswerTooLong("no answer")

    sent(site, "a@x.example", "b@x.example", "c@x.example")
    monkeypatch.setattr(site.store, "count", slow)
    assert ask(f"{PATH}?per_page=1").json()["total_count"] == 2


def test_h11_what_strangers_wrote_leaves_as_json_and_as_nothing_else(ask: Ask, site: Site, tell: Any) -> None:
    sent, _ = tell
    sent(site, "a@x.example", subject="</script><script>alert(1)</script>\u2028")
    answer = ask(PATH)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert found(answer)[0]["subject"].startswith("</script>")
