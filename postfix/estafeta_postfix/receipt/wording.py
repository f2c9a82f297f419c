"""Postfix's 250 to a final dot -> what the provider answers there.

The store knows the transmission by the queue id that Postfix names: it was made durable before Postfix
answered. A message that is no transmission (Teenvio's import of contacts) has no receipt.

The message is accepted when this is asked, so nothing here may fail: what goes wrong costs the receipt, and
Postfix's own words are the answer.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Protocol

from estafeta_core.dialects import DIALECTS
from estafeta_core.store.rows import Transmission

LOOK_UP = 3.0  # seconds; a look-up takes a tenth of a millisecond, and the client is waiting
NOTHING_SENT = b"250 OK"  # nothing is queued either, so Postfix's words would name what is not there
ROUNDING = 1000  # milliseconds by which two clocks of one host may seem apart; queue ids last longer

log = logging.getLogger(__name__)

_QUEUED = re.compile(rb"250 2\.0\.0 Ok: queued as ([0-9A-Za-z]+)")


class Finder(Protocol):
    """As much of the store as this needs."""

    def find_transmission(self, id_text: str) -> Transmission | None:
        """Return a transmission by its queue id."""


class Wording:
    """The receipts of one store."""

    def __init__(self, store: Finder, now_ms: Callable[[], int]) -> None:
        self._store = store
        self.now_ms = now_ms

    async def receipt(self, reply: bytes, since: int) -> bytes:
        """Return the answer to a message that Postfix answered with `reply`, begun at `since` (Unix ms)."""
        match = _QUEUED.fullmatch(reply)
        if match is None:
            return reply
        queue_id = match[1].decode()
        try:
            look_up = asyncio.to_thread(self._store.find_transmission, queue_id)
            found = await asyncio.wait_for(look_up, LOOK_UP)
            return _worded(found, queue_id, since) or reply
        except Exception:  # the message is accepted: a fault may cost its receipt and nothing else
            fields = {"queue_id": queue_id}
            log.exception("%s: accepted, and answered without its receipt", queue_id, extra=fields)
            return reply


def _worded(found: Transmission | None, queue_id: str, since: int) -> bytes | None:
    # Postfix uses short queue ids again: an older transmission is another message's.
    if found is None or found.queue_id != queue_id or found.injection_time < since - ROUNDING:
        return NOTHING_SENT
    text = DIALECTS[found.dialect].receipt(found.transmission_id)
    return None if text is None else f"250 {text}".encode()
