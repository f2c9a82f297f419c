"""Batches are SparkPost's."""

import json

import pytest

from estafeta_core import events
from estafeta_core.store import Occurrence
from estafeta_core.store.rows import Event, Message, Transmission
from estafeta_core.webhooks import rendering
from estafeta_testing.stored import make_rows


def occurrence(kind: str, **data: object) -> Occurrence:
    transmission, message, _ = make_rows("Alice@example.net")
    assert isinstance(transmission, Transmission)
    assert isinstance(message, Message)
    told = Event(
        7, kind, 1_795_182_755_174, transmission.transmission_id, message.message_id, "acme", None, data
    )
    return Occurrence(told, transmission, message)


def test_an_event_is_that_of_the_events_api_but_for_its_time() -> None:
    one = occurrence("bounce", bounce_class="10", raw_reason="550 5.1.1 No", num_retries=2)
    ((group, shown),) = json.loads(rendering.body([one]))[0]["msys"].items()
    assert group == "message_event"
    assert shown == events.view(one.event, one.transmission, one.message) | {"timestamp": "1795182755"}
    assert (shown["raw_rcpt_to"], shown["num_retries"]) == ("Alice@example.net", "2")


@pytest.mark.parametrize(
    ("kind", "group"),
    [
        *((kind, "message_event") for kind in ("injection", "delivery", "bounce", "delay", "out_of_band")),
        *((kind, "message_event") for kind in ("spam_complaint", "policy_rejection")),
        *((kind, "track_event") for kind in ("open", "initial_open", "click", "amp_click")),
        *((kind, "unsubscribe_event") for kind in ("list_unsubscribe", "link_unsubscribe")),
    ],
)
def test_events_stand_in_sparkposts_groups(kind: str, group: str) -> None:
    assert list(json.loads(rendering.body([occurrence(kind)]))[0]["msys"]) == [group]


def test_every_event_there_is_has_a_group() -> None:
    assert set(rendering.GROUPS) == set(events.ADDITIONAL)


def test_the_body_is_ascii_whatever_a_message_held() -> None:
    body = rendering.body(
        [occurrence("click", target_link_url="https://example.com/ü\u2028", user_agent="\ud800")]
    )
    assert body.isascii()
    assert json.loads(body)[0]["msys"]["track_event"]["target_link_url"] == "https://example.com/ü\u2028"


def test_a_ping_is_sparkposts() -> None:
    assert json.loads(rendering.PING) == [{"msys": {}}]
