"""What the paths work with, and how a request becomes an event."""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar, get_args

from starlette.requests import Request
from starlette.responses import Response

from estafeta_core import events
from estafeta_core.hosting import Shelf
from estafeta_core.ids import IdSource
from estafeta_core.links import Links
from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.rows import Counter, TokenEvent
from estafeta_core.tokens import Kind, Token
from estafeta_core.webhooks.delivery import Delivery
from estafeta_web import automated, client
from estafeta_web.access import Access
from estafeta_web.metrics import Counted, Metrics
from estafeta_web.recorder import Recorder

USER_AGENT_CHARACTERS = 512  # real ones stay below 300

EVENT_TYPES = {
    Kind.OPEN: events.OPEN,
    Kind.INITIAL_OPEN: events.INITIAL_OPEN,
    Kind.CLICK: events.CLICK,
    Kind.AMP_CLICK: events.AMP_CLICK,
    Kind.LIST_UNSUBSCRIBE: events.LIST_UNSUBSCRIBE,
    Kind.LINK_UNSUBSCRIBE: events.LINK_UNSUBSCRIBE,
}

_CLICKS = frozenset({Kind.CLICK, Kind.AMP_CLICK})
_MARKED = _CLICKS | {Kind.OPEN, Kind.INITIAL_OPEN}  # unsubscribing has a form that no scanner sends

READERS = 8  # threads that wait for the store and the disk; a look takes a millisecond
BROWSERS = (
    2  # threads that look things up for the pages of people, who are few; a year's statistics take long
)
PATIENCE = 5.0  # seconds for one
SCRAPE_PATIENCE = 1.0  # seconds for what the store has counted; whoever scrapes gives up after 10
# Web versions made at a time: 20,000 links are signed anew in 0.1 s, and ten such pages at once had
# clicks wait for a second.
PAGES = 1
ASKING = 2  # questions of the API's at a time that may be long; the other readers stay free for short ones
# Receivers of webhooks that are asked at a time; each may take 10 seconds, and then 10 for its token.
PINGS = 20

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


log = logging.getLogger(__name__)
T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]


class Place(NamedTuple):
    """An entry in the table of paths; `name` is what its requests are counted under."""

    path: str
    name: str
    handler: Handler
    method: str = "GET"


class Away(Exception):  # noqa: N818 - it names a state that passes, not a mistake
    """Store or disk cannot be read now; the same may work a moment later."""


def _readers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(READERS, thread_name_prefix="reader")


def _browsing() -> ThreadPoolExecutor:
    """Return the threads that look things up for pages: a year's statistics keep no web version waiting."""
    return ThreadPoolExecutor(BROWSERS, thread_name_prefix="browsing")


def _counting() -> ThreadPoolExecutor:
    """Return the thread that asks for counters: a store that stands still keeps no other look waiting."""
    return ThreadPoolExecutor(1, thread_name_prefix="counters")


@dataclass(slots=True)
class Service:
    """One per process; `links` is replaced by a reload, in one assignment."""

    links: Links
    access: Access
    recorder: Recorder
    metrics: Metrics
    store: Store
    shelf: Shelf
    webhooks: Delivery
    proxies: tuple[client.Network, ...] = ()
    readers: ThreadPoolExecutor = field(default_factory=_readers)
    browsing: ThreadPoolExecutor = field(default_factory=_browsing)
    counting: ThreadPoolExecutor = field(default_factory=_counting)
    pages: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PAGES))
    bursts: automated.Bursts = field(default_factory=automated.Bursts)
    asking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ASKING))
    pings: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PINGS))
    ids: IdSource = field(default_factory=IdSource)
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def token(self, request: Request, kinds: frozenset[Kind]) -> Token | None:
        """Return the token in the path when it is valid and of one of these kinds."""
        token = self.links.read(request.path_params["token"])
        return token if token is not None and token.kind in kinds else None

    async def look(self, question: Callable[[], T], patience: float = PATIENCE) -> T:
        """Return the answer to a `question` that waits for store or disk; Away when there is none in time."""
        return await _answer(self.readers, question, patience)

    async def browse(self, question: Callable[[], T]) -> T:
        """Return the answer to what a person's page asks, as `look` does, from a few threads of its own."""
        return await _answer(self.browsing, question, PATIENCE)

    async def counted(self) -> Counted | None:
        """Return what the store has counted; None while it cannot be read."""
        with contextlib.suppress(Away):
            return await _answer(self.counting, self._counted, SCRAPE_PATIENCE)
        return None

    def _counted(self) -> Counted:
        return {counter: self.store.counted(counter) for counter in get_args(Counter)}

    async def record(self, token: Token, request: Request) -> bool:
        """Record that `token` was used; return whether that is durable."""
        event_id, now = self.ids.next(), self.now_ms()
        data = _data(token, request, self.address(request))
        mark, scanned = "", None
        if token.kind in _MARKED:
            mark = automated.mark(request.method, data["user_agent"])
        # A token that all recipients share may be followed by three of them at once.
        if token.kind in _CLICKS and not token.shared:
            scanned = self.bursts.click(token.id, token.target, event_id, now)
        if mark or scanned is not None:
            data["automated"] = mark or automated.BURST
        return await self.recorder.record(
            TokenEvent(
                event_id=event_id,
                type=EVENT_TYPES[token.kind],
                timestamp=now,
                id=token.id,
                shared=token.shared,
                data=data,
                scanned=scanned or (),
            )
        )

    def address(self, request: Request) -> str:
        """Return the client's address."""
        return client.address(request, self.proxies)


async def _answer(readers: ThreadPoolExecutor, question: Callable[[], T], patience: float) -> T:
    try:
        waiting = asyncio.get_running_loop().run_in_executor(readers, question)
        return await asyncio.wait_for(waiting, patience)
    except (StoreUnavailable, OSError, TimeoutError) as error:
        log.warning("nothing can be read for a request: %s", str(error) or "no answer in time")
        raise Away from error


def of(request: Request) -> Service:
    """Return the service a request is for."""
    service: Service = request.app.state.service
    return service


def _data(token: Token, request: Request, address: str) -> dict[str, str]:
    data = {
        "ip_address": address,
        "user_agent": _CONTROL.sub("", request.headers.get("user-agent", ""))[:USER_AGENT_CHARACTERS],
    }
    if token.target:
        data["target_link_url"] = token.target.decode("utf-8", "replace")
    if token.name:
        data["target_link_name"] = token.name
    return data
