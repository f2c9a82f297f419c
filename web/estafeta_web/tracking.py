"""How a request becomes an event: who asked, whether that was a person, and what the journal is told.

Written out for speed where it is about opens and clicks: what a user agent means, how an address is written
and a link's name in JSON is the same for many requests, so it is remembered. Lives in one thread.
"""

import functools
import re
import time
from collections.abc import Callable
from typing import NamedTuple

from estafeta_core import events, journal
from estafeta_core.ids import IdSource
from estafeta_core.store.rows import TokenEvent
from estafeta_core.tokens import Kind, Token
from estafeta_web import automated

USER_AGENT_CHARACTERS = 512  # real ones stay below 300
REMEMBERED = 4096  # user agents, and addresses: those of some minutes, in 20 MB at most
LINKS = 1024  # links of messages that people read just now, in 5 MB when all are long

EVENT_TYPES = {
    Kind.OPEN: events.OPEN,
    Kind.INITIAL_OPEN: events.INITIAL_OPEN,
    Kind.CLICK: events.CLICK,
    Kind.AMP_CLICK: events.AMP_CLICK,
    Kind.LIST_UNSUBSCRIBE: events.LIST_UNSUBSCRIBE,
    Kind.LINK_UNSUBSCRIBE: events.LINK_UNSUBSCRIBE,
}
BY_NUMBER = [EVENT_TYPES.get(kind, "") for kind in (0, *Kind)]  # hashing an enumeration's member is slow
LEAVING = frozenset({Kind.LIST_UNSUBSCRIBE, Kind.LINK_UNSUBSCRIBE})  # by a form that no scanner sends

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class _Agent(NamedTuple):
    text: str
    quoted: str  # in JSON
    mark: str  # why it is no person; "" where nothing shows it


@functools.lru_cache(REMEMBERED)
def _agent(field: bytes) -> _Agent:
    """Return what a User-Agent field, bounded by the caller, says without controls."""
    text = _CONTROL.sub("", field.decode("latin-1"))
    return _Agent(text, journal.quoted(text), automated.mark("GET", text))


_quoted = functools.lru_cache(REMEMBERED)(journal.quoted)


@functools.lru_cache(LINKS)
def _link(target: bytes, name: str) -> str:
    """Return what a click's data say of its link, in JSON."""
    said = f',"target_link_url":{journal.quoted(target.decode("utf-8", "replace"))}'
    return f'{said},"target_link_name":{journal.quoted(name)}' if name else said


class Tracking:
    """Gives events their ids and times, and knows the clicks of the last moments."""

    def __init__(
        self,
        ids: IdSource | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._next_id = (ids or IdSource()).next
        self._now_ms = now_ms
        self._bursts = automated.Bursts()

    def line(self, token: Token, agent: bytes, address: str, *, head: bool) -> bytes:
        """Return the journal's line of an open or a click: of whom a User-Agent field and an address say."""
        event_id, now = self._next_id(), self._now_ms()
        known = _agent(agent[:USER_AGENT_CHARACTERS])
        mark = automated.HEAD if head else known.mark
        data = f'{{"ip_address":{_quoted(address)},"user_agent":{known.quoted}'
        scanned: tuple[int, ...] | None = None
        if token.target:  # a click
            data += _link(token.target, token.name)
            # A token that all recipients share may be followed by three of them at once.
            if not token.shared:
                scanned = self._bursts.click(token.id, token.target, event_id, now)
                if scanned is not None and not mark:
                    mark = events.BURST
        data += f',"automated":"{mark}"}}' if mark else "}"
        kind = BY_NUMBER[token.kind]
        return journal.line(
            event_id, kind, now, token.id, shared=token.shared, data=data, scanned=scanned or ()
        )

    def unsubscribe(self, token: Token, agent: bytes, address: str) -> TokenEvent:
        """Return the event of a recipient who leaves."""
        data = {"ip_address": address, "user_agent": _agent(agent[:USER_AGENT_CHARACTERS]).text}
        if token.target:
            data["target_link_url"] = token.target.decode("utf-8", "replace")
        if token.name:
            data["target_link_name"] = token.name
        return TokenEvent(
            self._next_id(), EVENT_TYPES[token.kind], self._now_ms(), token.id, token.shared, data
        )
