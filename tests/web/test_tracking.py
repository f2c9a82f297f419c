"""How a request becomes an event."""

import pytest

from estafeta_core import journal
from estafeta_core.events import ADDITIONAL
from estafeta_core.store.rows import TokenEvent
from estafeta_core.tokens import Kind, Token
from estafeta_web.tracking import EVENT_TYPES, USER_AGENT_CHARACTERS, Tracking, _agent

# What is only looked at tells nothing: the pixel in a web version does.
SILENT = {Kind.BOUNCE, Kind.WEB_VERSION, Kind.FILE, Kind.IMAGE}
AGENT = b'Mozilla/5.0 ("caf\xe9\\")'
PERSON = {"ip_address": "192.0.2.1", "user_agent": 'Mozilla/5.0 ("café\\")'}


def test_every_token_that_tells_something_has_an_event_with_sparkposts_name() -> None:
    assert EVENT_TYPES.keys() == set(Kind) - SILENT
    assert set(EVENT_TYPES.values()) <= ADDITIONAL.keys()
    assert set(EVENT_TYPES.values()) == journal.TYPES


def told(tracking: Tracking, token: Token, agent: bytes = AGENT, *, head: bool = False) -> TokenEvent:
    event = journal.read(tracking.line(token, agent, "192.0.2.1", head=head)[:-1])
    assert event is not None
    return event


@pytest.mark.parametrize(
    ("token", "kind", "said"),
    [
        (Token(Kind.OPEN, 7), "open", {}),
        (Token(Kind.INITIAL_OPEN, 7, shared=True), "initial_open", {}),
        (Token(Kind.CLICK, 7, target=b"https://e.x/"), "click", {"target_link_url": "https://e.x/"}),
        (
            Token(
                Kind.AMP_CLICK, 7, shared=True, target='https://e.x/ñ"\xff'.encode("latin-1"), name='a "ñ"'
            ),
            "amp_click",
            {"target_link_url": 'https://e.x/\ufffd"\ufffd', "target_link_name": 'a "ñ"'},
        ),
    ],
)
def test_a_line_says_what_was_done_by_whom_and_when(token: Token, kind: str, said: dict[str, str]) -> None:
    event = told(Tracking(now_ms=lambda: 1234), token)
    assert (event.type, event.timestamp, event.id, event.shared) == (kind, 1234, 7, token.shared)
    assert event.data == PERSON | said


@pytest.mark.parametrize(
    ("agent", "head", "mark"),
    [(b"curl/8.0", False, "scanner"), (b"curl/8.0", True, "head"), (AGENT, True, "head"), (b"", False, None)],
)
def test_h7_what_is_automated_is_marked(agent: bytes, head: bool, mark: str | None) -> None:
    assert told(Tracking(), Token(Kind.OPEN, 7), agent, head=head).data.get("automated") == mark


def test_h9_a_long_user_agent_is_remembered_by_its_beginning() -> None:
    _agent.cache_clear()
    for end in range(3):
        event = told(Tracking(), Token(Kind.OPEN, 7), b"x" * 60_000 + b"%d" % end)
        assert event.data["user_agent"] == "x" * USER_AGENT_CHARACTERS
    assert _agent.cache_info().currsize == 1


def test_h7_a_burst_names_the_clicks_before_it() -> None:
    tracking = Tracking(now_ms=lambda: 1234)
    events = [told(tracking, Token(Kind.CLICK, 7, target=b"https://e.x/%d" % n)) for n in range(4)]
    assert [event.data.get("automated") for event in events] == [None, None, "burst", "burst"]
    assert [event.scanned for event in events] == [(), (), (events[0].event_id, events[1].event_id), ()]


def test_who_leaves_is_told_like_anybody() -> None:
    token = Token(Kind.LINK_UNSUBSCRIBE, 7, target=b"https://e.x/", name="bye")
    event = Tracking(now_ms=lambda: 1234).unsubscribe(token, AGENT, "192.0.2.1")
    assert (event.type, event.timestamp, event.id, event.shared) == ("link_unsubscribe", 1234, 7, False)
    assert event.data == PERSON | {"target_link_url": "https://e.x/", "target_link_name": "bye"}
