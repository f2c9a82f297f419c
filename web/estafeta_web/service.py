"""What the paths work with."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar, get_args

from starlette.requests import Request
from starlette.responses import Response

from estafeta_core.hosting import Shelf
from estafeta_core.links import Links
from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.rows import Counter
from estafeta_core.tokens import Kind, Token
from estafeta_core.webhooks.delivery import Delivery
from estafeta_web import client
from estafeta_web.access import Access
from estafeta_web.metrics import Counted, Metrics
from estafeta_web.recorder import Recorder
from estafeta_web.tracking import EVENT_TYPES, LEAVING, Tracking

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
    tracking: Tracking = field(default_factory=Tracking)
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    asking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ASKING))
    pings: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PINGS))

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

    async def waiting(self) -> int | None:
        """Return how many bytes of the journal the store has not; None while that cannot be told."""
        with contextlib.suppress(Away):
            return await _answer(self.counting, self.recorder.waiting, SCRAPE_PATIENCE)
        return None

    async def record(self, token: Token, request: Request) -> bool:
        """Record that `token` was used; return whether that is durable."""
        try:
            return await self._record(token, request)
        except Exception:  # a bug must not cost recipients their answer
            log.exception("a request could not be recorded")
            return False

    async def _record(self, token: Token, request: Request) -> bool:
        agent = request.headers.get("user-agent", "").encode("latin-1")
        address = self.address(request)
        if token.kind in LEAVING:
            return await self.recorder.unsubscribe(self.tracking.unsubscribe(token, agent, address))
        line = self.tracking.line(token, agent, address, head=request.method == "HEAD")
        return await self.recorder.keep(line, EVENT_TYPES[token.kind])

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
