"""GET /api/v1/transmissions/ID over HTTP."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from estafeta_core.store.rows import Event, Message, Transmission
from estafeta_testing.site import Site
from estafeta_web.api.transmissions import state

Ask = Callable[..., httpx2.Response]
PATH = "/api/v1/transmissions/"


def shown(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["results"]["transmission"]
    return found


def test_t42_a_transmission_is_shown_by_each_of_its_names(ask: Ask, site: Site, tell: Any) -> None:
    sent, told = tell
    rows = sent(site, "a@x.example", "b@x.example")
    site.store.record(told(rows[:3], "delivery", 5, queue_time="4"))
    transmission, message = rows[0], rows[1]
    assert isinstance(transmission, Transmission)
    assert isinstance(message, Message)
    found = shown(ask(f"{PATH}{transmission.transmission_id}"))
    for name in (message.message_id, "4Xqueue"):
        assert shown(ask(f"{PATH}{name}")) == found
    assert found["id"] == str(transmission.transmission_id)
    assert (found["queue_id"], found["campaign_id"], found["num_rcpts"]) == ("4Xqueue", "spring", 2)
    assert found["content"] == {"from": {"email": "news@acme.example"}, "subject": "Hello"}
    assert found["options"] == {"open_tracking": True, "click_tracking": False, "transactional": False}
    first, second = found["recipients"]
    assert (first["rcpt_to"], first["state"], second["state"]) == ("a@x.example", "delivered", "queued")
    assert [event["type"] for event in first["events"]] == ["injection", "delivery"]
    assert first["events"][1]["queue_time"] == "4"
    assert list(first["events"][1])[:3] == ["type", "timestamp", "event_id"]  # in the order of the Events API


@pytest.mark.parametrize("name", ["1", "nothing", "4Xnone", "9" * 30, "-1", "%00", "a b"])
def test_what_is_no_transmission_is_not_found(ask: Ask, name: str) -> None:
    answer = ask(f"{PATH}{name}")
    assert answer.status_code == 404
    assert answer.json() == {"errors": [{"message": "Resource could not be found"}]}


def test_a_key_kept_to_a_subaccount_finds_nothing_else(ask: Ask, site: Site, tell: Any) -> None:
    sent, _ = tell
    rows = sent(site, "a@x.example", subaccount="123")
    path = f"{PATH}{rows[0].transmission_id}"
    assert shown(ask(path, subaccount="123"))["subaccount_id"] == "123"
    missing = ask(path, subaccount="0")
    assert (missing.status_code, missing.content) == (404, ask(f"{PATH}1", subaccount="0").content)


def test_many_recipients_come_in_pages(ask: Ask, site: Site, tell: Any) -> None:
    sent, _ = tell
    rows = sent(site, *(f"{number}@x.example" for number in range(7)))
    path = f"{PATH}{rows[0].transmission_id}?per_page=3"
    seen = []
    while path:
        answer = ask(path)
        found = shown(answer)
        assert found["num_rcpts"] == 7
        seen += [recipient["rcpt_to"][0] for recipient in found["recipients"]]
        path = answer.json()["links"].get("next", "")
    assert seen == list("0123456")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("", "queued"),
        ("injection", "queued"),
        ("injection delay", "delayed"),
        ("injection delay delivery open click", "delivered"),
        ("injection bounce", "bounced"),
        ("injection delivery out_of_band", "bounced"),
        ("injection suppressed", "suppressed"),
        ("policy_rejection", "rejected"),
    ],
)
def test_a_recipients_state_is_the_latest(told: str, expected: str) -> None:
    happened = [
        Event(number, "bounce" if kind == "suppressed" else kind, number, 1, 2, "acme", None, data(kind))
        for number, kind in enumerate(told.split())
    ]
    assert state(happened) == expected


def data(kind: str) -> dict[str, str]:
    return {"bounce_class": "25"} if kind == "suppressed" else {}
