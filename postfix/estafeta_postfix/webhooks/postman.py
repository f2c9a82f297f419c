"""One webhook: what waits for it -> batches, posts, and what became of them.

There is one post at a time. Batches that failed come before new ones when their time has come, and each has
its own: one that its receiver cannot digest does not hold up the others. While a receiver fails, the pauses
between posts of any batch grow, and at most WAITING batches are made; the rest waits in the outbox, where
`webhooks.backlog` bounds it. What is beyond is given up, the oldest first, as a batch that says so.

Before each post the store is asked whether the lease is still this host's (on_duty.py): for a new batch in
the transaction that makes it. What became of a post is written in any case, but what was delivered stays so.

A batch is tried for `webhooks.retry_hours` from its making, and then given up. Its events stay in the store:
`estafeta webhook replay` has them posted again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from estafeta_core.config.schema import Webhooks
from estafeta_core.ids import IdSource
from estafeta_core.store import Lease, LeaseLost, Store, StoreUnavailable
from estafeta_core.store.outgoing_rows import Batch, BatchState, BatchTried, Webhook
from estafeta_core.webhooks import rendering
from estafeta_core.webhooks.delivery import Body, Delivery
from estafeta_core.webhooks.form import setting
from estafeta_core.webhooks.guard import Refused
from estafeta_core.webhooks.poster import Unreachable
from estafeta_postfix.webhooks.backoff import pause

# Batches of one webhook that failed and wait. Who is away has a dozen, because a new one is made only when
# none is due; the rest is for those that a receiver cannot digest.
WAITING = 200
SLOW = 2.0  # seconds: who takes so long for an answer does his work first
GIVEN_UP = 5_000  # events that one transaction gives up at most
STORE_PAUSE = 5.0  # seconds until the store is asked again
BUG_PAUSE = 60.0  # seconds after a fault of ours

BACKLOG = "the backlog is full"
GONE = "the events are no longer in the store"

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Office:
    """What all postmen share; `settings` is asked each time, as a reload may have changed them."""

    store: Store
    lease: Lease
    delivery: Delivery
    settings: Callable[[], Webhooks]
    ask: Callable[[Callable[[], T]], Awaitable[T]]  # something that waits for the store, in another thread
    posts: asyncio.Semaphore
    slow_posts: asyncio.Semaphore  # to receivers that were slow the last time
    stopping: asyncio.Event
    ids: IdSource
    chance: Callable[[], float]


class Postman:
    """Posts to one webhook until it is gone or not active, the lease is lost, or the office closes."""

    def __init__(self, office: Office, webhook_id: str) -> None:
        self._office = office
        self._id = webhook_id
        self._failures = 0  # in a row
        self._slow = False  # the last time

    async def run(self) -> None:
        """Go on rounds."""
        while not self._office.stopping.is_set():
            seconds = await self._safe_round()
            if seconds is None:
                return
            await rest(self._office.stopping, seconds)

    async def _safe_round(self) -> float | None:
        """Return the seconds until the next round, None after the last."""
        try:
            return await self._round()
        except LeaseLost:  # which on_duty.py tells of
            return None
        except StoreUnavailable as error:
            log.warning("webhook %s: the store is away: %s", self._id, error)
            return STORE_PAUSE
        except Exception:  # a bug here holds up one webhook; it never stops the others
            log.exception("webhook %s: tried again in %g s", self._id, BUG_PAUSE)
            return BUG_PAUSE

    async def _round(self) -> float | None:
        webhook = await self._office.ask(lambda: self._office.store.webhook(self._id))
        if webhook is None or not webhook.active:
            return None
        settings = self._office.settings()
        most = 1 if setting(webhook, "signature") == "emitlo" else settings.batch_events
        batch = await self._office.ask(lambda: self._next(webhook, most))
        if batch is None:
            return settings.batch_seconds
        tried = await self._post(webhook, batch)
        await self._keep(tried)
        if self._failures:
            await self._office.ask(lambda: self._trim(webhook))
            return pause(self._failures, self._office.chance)
        more = batch.attempts or len(batch.event_ids) >= most
        return 0.0 if more else settings.batch_seconds

    def _next(self, webhook: Webhook, most: int) -> Batch | None:
        """Return a batch that is to be tried again now, else a new one; None where there is neither.

        With either, the store has been asked whether the lease is still this host's.
        """
        store, lease = self._office.store, self._office.lease
        batch = store.due_batch(self._id, _now())
        if batch is not None:
            lease.record([])
            return batch
        if self._failures and store.backlog(self._id).batches >= WAITING:
            return None
        event_ids = store.outbox(self._id, most)
        if not event_ids:
            return None
        batch = Batch(self._office.ids.next(), webhook.webhook_id, event_ids, _now())
        lease.record([batch])
        return batch

    async def _post(self, webhook: Webhook, batch: Batch) -> BatchTried:
        """Post a batch and return what became of it."""
        body = await self._office.ask(lambda: self._body(batch))
        if body is None:
            return _tried(batch, "given_up", failure=GONE)
        async with self._office.slow_posts if self._slow else self._office.posts:
            if not self._office.lease.held:  # the process stood still since the batch was chosen
                raise LeaseLost("the batch is another host's by now")
            began = time.monotonic()
            code, failure = await self._posted(webhook, body)
            seconds = time.monotonic() - began
        self._slow, latency = seconds > SLOW, round(seconds * 1000)
        if not failure:
            return self._delivered(batch, latency, code)
        return self._failed(batch, latency, code, failure)

    async def _keep(self, tried: BatchTried) -> None:
        """Make durable what became of a post, however long the store is away: else it would be made again."""
        while True:
            try:
                return await self._office.ask(lambda: self._office.store.record([tried]))
            except StoreUnavailable as error:
                if self._office.stopping.is_set():
                    raise
                log.warning("webhook %s: batch %d not recorded yet: %s", self._id, tried.batch_id, error)
                await rest(self._office.stopping, STORE_PAUSE)

    def _body(self, batch: Batch) -> Body | None:
        occurrences = self._office.store.occurrences(batch.event_ids)
        if not occurrences:
            return None
        return Body(str(batch.batch_id), rendering.body(occurrences), occurrences[0].event.type)

    async def _posted(self, webhook: Webhook, body: Body) -> tuple[int | None, str]:
        """Return the code of an answer, and why the batch has not arrived: "" where it has."""
        try:
            answer = await self._office.delivery.deliver(webhook, body)
        except (Refused, Unreachable) as error:
            return None, str(error)
        return answer.status, "" if answer.taken else str(answer.status)

    def _delivered(self, batch: Batch, latency: int, code: int | None) -> BatchTried:
        if self._failures:
            log.info("webhook %s: takes batches again", self._id)
        self._failures = 0
        return _tried(batch, "delivered", latency=latency, code=code)

    def _failed(self, batch: Batch, latency: int, code: int | None, failure: str) -> BatchTried:
        self._failures += 1
        if self._failures == 1:
            log.warning("webhook %s: batch %d failed, tried again: %s", self._id, batch.batch_id, failure)
        hours = self._office.settings().retry_hours
        if _now() - batch.created >= hours * 3_600_000:
            log.error(
                "webhook %s: batch %d given up after %g hours: %s", self._id, batch.batch_id, hours, failure
            )
            return _tried(batch, "given_up", latency=latency, code=code, failure=failure)
        wait = round(pause(batch.attempts + 1, self._office.chance) * 1000)
        return _tried(batch, "waiting", latency=latency, code=code, failure=failure, wait=wait)

    def _trim(self, webhook: Webhook) -> None:
        """Give up the oldest events of the outbox that are more than the backlog may have."""
        store = self._office.store
        while (beyond := store.backlog(self._id).outbox - self._office.settings().backlog) > 0:
            event_ids = store.outbox(self._id, min(beyond, GIVEN_UP))
            given_up = Batch(self._office.ids.next(), webhook.webhook_id, event_ids, _now(), "given_up")
            self._office.lease.record([replace(given_up, tried=_now(), failure=BACKLOG)])
            log.error("webhook %s: %d events given up: the backlog is full", self._id, len(event_ids))


async def rest(stopping: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until it is time to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


def _tried(
    batch: Batch,
    state: BatchState,
    *,
    latency: int = 0,
    code: int | None = None,
    failure: str = "",
    wait: int = 0,
) -> BatchTried:
    now = _now()
    return BatchTried(batch.batch_id, state, now + wait, now, latency, code, failure)


def _now() -> int:
    return time.time_ns() // 1_000_000
