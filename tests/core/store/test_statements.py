"""Rows go in and come back the same."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estafeta_core.store import Store
from estafeta_core.store.rows import Event, Message, Suppression, TokenEvent, Transmission, Unsubscribed
from estafeta_core.store.statements import SQL, convert
from estafeta_testing.stored import IDS, make_rows

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(texts, texts, st.dictionaries(texts, values, max_size=3), st.lists(texts, max_size=3), st.booleans())
def test_whatever_text_a_message_holds_comes_back_as_it_was(
    store: Store, subject: str, campaign: str, metadata: dict[str, object], tags: list[str], flag: bool
) -> None:
    transmission, message, event = make_rows()
    assert isinstance(transmission, Transmission)
    assert isinstance(message, Message)
    assert isinstance(event, Event)
    transmission = replace(
        transmission,
        subject=subject,
        campaign_id=campaign,
        metadata=metadata,
        tags=tuple(tags),
        open_tracking=flag,
        subaccount=None if flag else "123",
    )
    message = replace(message, raw_rcpt_to=subject)
    event = replace(event, data=metadata, message_id=None if flag else message.message_id)
    store.record([transmission, message, event])
    found = store.find(str(transmission.transmission_id))
    assert found is not None
    assert (found.transmission, found.messages, found.events) == (transmission, (message,), (event,))


def test_d4_bytes_that_are_not_utf_8_do_not_stop_a_message(store: Store) -> None:
    transmission, *others = make_rows()
    assert isinstance(transmission, Transmission)
    store.record([replace(transmission, subject="caf\udce9", metadata={"k": "\ud800"}), *others])
    found = store.transmission(transmission.transmission_id)
    assert found is not None
    assert found.subject == "caf?"
    assert found.metadata == {"k": "\ud800"}


def test_numbers_that_json_has_no_word_for_are_refused() -> None:
    event = Event(1, "injection", 1, 1, 1, "acme", None, {"n": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        convert(event)


def test_every_statement_has_the_values_it_asks_for() -> None:
    for row in (
        *make_rows(),
        TokenEvent(IDS.next(), "open", 1, 5, shared=False),
        TokenEvent(IDS.next(), "open", 1, 5, shared=True),
        Suppression("acme", None, "a@b.c", "transactional", "Manually Added", "", 1),
        Unsubscribed(5, "List Unsubscribe", 1),
    ):
        place, row_values = convert(row)
        assert len(row_values) == max(SQL[place].count("?"), 0) or f"?{len(row_values)}" in SQL[place]
