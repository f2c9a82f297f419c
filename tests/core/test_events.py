"""The SparkPost view of an event."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core import events
from estafeta_core.store.rows import Event, Message, Transmission

TRANSMISSION = Transmission(
    transmission_id=101,
    queue_id="4Xyz",
    account="acme",
    credential="main",
    subaccount="123",
    dialect="sparkpost",
    listener="submission",
    customer_id="274689",
    injection_time=1_763_640_000_007,
    msg_from="b+t@bounce.example.com",
    friendly_from="news@acme.example",
    subject="Hello",
    msg_size=4096,
    campaign_id="spring",
    metadata={"user": "u1", "n": 5},
    tags=("a", "b"),
    open_tracking=True,
    click_tracking=False,
    initial_pixel=True,
    transactional=False,
)
MESSAGE = Message(102, 101, "alice@example.net", "Alice@Example.NET")
EVENT = Event(103, events.INJECTION, 1_763_640_001_234, 101, 102, "acme", "123", {"recv_method": "esmtp"})
KINDS = sorted(events.ADDITIONAL)


def test_an_injection_has_sparkposts_fields() -> None:
    assert events.view(EVENT, TRANSMISSION, MESSAGE) == {
        "type": "injection",
        "timestamp": "2025-11-20T12:00:01.234Z",
        "event_id": "103",
        "customer_id": "274689",
        "subaccount_id": "123",
        "transmission_id": "101",
        "message_id": "102",
        "campaign_id": "spring",
        "friendly_from": "news@acme.example",
        "msg_from": "b+t@bounce.example.com",
        "subject": "Hello",
        "injection_time": "2025-11-20T12:00:00.007Z",
        "msg_size": "4096",
        "open_tracking": True,
        "click_tracking": False,
        "initial_pixel": True,
        "rcpt_to": "alice@example.net",
        "raw_rcpt_to": "Alice@Example.NET",
        "recipient_domain": "example.net",
        "rcpt_meta": {"user": "u1", "n": 5},
        "rcpt_tags": ["a", "b"],
        "recv_method": "esmtp",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_shows_its_own_fields_and_no_others(kind: str) -> None:
    everything = {name: 7 for names in events.ADDITIONAL.values() for name in names}
    event = replace(EVENT, type=kind, data=everything | {"dsn": "5.1.1", "event_id": 9, "customer_id": "x"})
    shown = events.view(event, TRANSMISSION, MESSAGE)
    assert {name for name in everything if name in shown} == set(events.ADDITIONAL[kind])
    assert all(shown[name] == "7" for name in events.ADDITIONAL[kind])
    assert "dsn" not in shown
    assert shown["event_id"] == "103"
    assert shown["customer_id"] == "274689"


@pytest.mark.parametrize("kind", KINDS)
def test_ids_and_counts_are_decimal_strings(kind: str) -> None:
    shown = events.view(replace(EVENT, type=kind), TRANSMISSION, MESSAGE)
    assert not any(isinstance(value, int) and not isinstance(value, bool) for value in shown.values())
    json.dumps(shown)


def test_s50_rcpt_type_stands_only_on_copies() -> None:
    assert "rcpt_type" not in events.view(EVENT, TRANSMISSION, MESSAGE)
    for kind in ("cc", "bcc", "archive"):
        shown = events.view(EVENT, TRANSMISSION, replace(MESSAGE, rcpt_type=kind))
        assert shown["rcpt_type"] == kind


def test_the_account_itself_is_subaccount_0_and_an_empty_campaign_is_left_out() -> None:
    shown = events.view(replace(EVENT, subaccount=None), replace(TRANSMISSION, campaign_id=""), MESSAGE)
    assert shown["subaccount_id"] == "0"
    assert "campaign_id" not in shown


def test_a_warning_says_what_was_not_as_wished() -> None:
    warning = replace(EVENT, type=events.WARNING, data={"reason": "The text lacks [Unsubscribe]"})
    view = events.view(warning, TRANSMISSION, MESSAGE)
    assert (view["type"], view["reason"]) == ("warning", "The text lacks [Unsubscribe]")
    assert view["rcpt_to"] == "alice@example.net"


def test_an_event_of_a_shared_token_names_no_recipient() -> None:
    shown = events.view(replace(EVENT, type="open", message_id=None), TRANSMISSION, None)
    assert not {"message_id", "rcpt_to", "raw_rcpt_to", "recipient_domain"} & shown.keys()


def test_an_event_outlives_its_transmission() -> None:
    shown = events.view(EVENT, None, None)
    assert shown["transmission_id"] == "101"
    assert "rcpt_meta" not in shown


@pytest.mark.parametrize("kind", KINDS)
def test_s17_metadata_is_cut_only_where_recipients_act(kind: str) -> None:
    metadata = {"a": "x" * 700, "b": "y" * 700}  # SparkPost cuts at 1000
    shown = events.view(replace(EVENT, type=kind), replace(TRANSMISSION, metadata=metadata), MESSAGE)
    bounded = kind in {"open", "initial_open", "click", "amp_click"}
    assert shown["rcpt_meta"] == ({"a": "x" * 700} if bounded else metadata)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


@given(st.dictionaries(st.text(max_size=20), json_values, max_size=8), st.integers(2, 200))
def test_s17_cut_metadata_fits_and_holds_as_many_leading_keys_as_fit(
    metadata: dict[str, Any], limit: int
) -> None:
    kept = events.cut_metadata(metadata, limit)
    assert len(compact(kept)) <= limit
    items = list(metadata.items())
    assert list(kept.items()) == items[: len(kept)]
    if len(kept) < len(items):
        assert len(compact(dict(items[: len(kept) + 1]))) > limit


def test_s17_metadata_of_exactly_the_limit_is_whole() -> None:
    metadata = {"k": "é" * 100}
    size = len(compact(metadata))
    assert events.cut_metadata(metadata, size) == metadata
    assert events.cut_metadata(metadata, size - 1) == {}


def test_iso_times_carry_milliseconds_and_utc() -> None:
    assert events.iso_time(0) == "1970-01-01T00:00:00.000Z"
    assert events.iso_time(1_704_067_199_999) == "2023-12-31T23:59:59.999Z"


def test_an_event_whose_transmission_is_gone_is_still_shown() -> None:
    event = Event(1, "click", 0, 5, 6, "acme", None, {"target_link_url": "https://example.com/"})
    assert events.view(event, None, None)["target_link_url"] == "https://example.com/"


@pytest.mark.parametrize(
    ("mark", "proxy", "prefetched"),
    [(None, False, False), ("proxy", True, False), ("prefetch", False, True), ("burst", False, True)],
)
@pytest.mark.parametrize("kind", ["open", "initial_open", "click", "amp_click"])
def test_h7_an_open_says_as_sparkpost_does_what_it_was(
    kind: str, mark: str | None, *, proxy: bool, prefetched: bool
) -> None:
    event = replace(EVENT, type=kind, data={"automated": mark} if mark else {})
    shown = events.view(event, TRANSMISSION, MESSAGE)
    assert shown["user_agent_parsed"] == {"is_proxy": proxy, "is_prefetched": prefetched}
    assert shown.get("automated") == mark


def test_a_message_that_was_never_taken_in_is_told_of_by_its_event_alone() -> None:
    data = {
        "rcpt_to": "a@x.net",
        "raw_rcpt_to": "A@x.net",
        "subject": "Hi",
        "msg_from": "b@y.net",
        "other": 1,
    }
    refused = replace(EVENT, type=events.POLICY_REJECTION, message_id=None, data=data)
    shown = events.view(refused, None, None)
    assert data.items() - shown.items() == {("other", 1)}
    left_out = events.view(replace(refused, message_id=102), TRANSMISSION, MESSAGE)
    assert (left_out["rcpt_to"], left_out["subject"]) == ("alice@example.net", "Hello")
