"""The thread that posts events: it looks which webhooks there are, and has a postman for each.

A webhook has one post at a time; `webhooks.posts` is how many all of them have. Half of those are for
receivers that took long the last time: however many are slow, or hostile, the other half is free of them. One
that fails is asked less and less often as well.
"""

import asyncio
import contextlib
import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from estafeta_core.config.schema import Webhooks
from estafeta_core.ids import IdSource
from estafeta_core.store import Lease, Store, StoreUnavailable
from estafeta_core.webhooks.delivery import Delivery
from estafeta_core.webhooks.guard import Guard
from estafeta_core.webhooks.poster import Poster
from estafeta_postfix.webhooks.postman import Office, Postman, rest

THREADS = 4  # that wait for the store, for all postmen together
LOOK = 1.0  # seconds between two looks for new webhooks

log = logging.getLogger(__name__)
T = TypeVar("T")


class Sender:
    """Posts events until it is stopped, while `lease` is held; `settings` are asked for again and again."""

    def __init__(
        self,
        store: Store,
        settings: Callable[[], Webhooks],
        lease: Lease,
        poster: Poster | None = None,
    ) -> None:
        self._store = store
        self._lease = lease
        self._settings = settings
        self._poster = poster or Poster(Guard.from_config(settings()))
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._away = False  # the store, when it was asked last
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhooks-store")
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin to post."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Let the posts in hand end within `timeout` seconds; those that do not are made again some day."""
        with contextlib.suppress(RuntimeError):  # the loop is closed where a bug ended it
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._work())
        except Exception:  # a bug here stops webhooks; it never stops the log follower
            log.exception("webhooks are no longer posted to; restart the worker")
        finally:
            self._threads.shutdown(wait=False)
            self._loop.close()

    async def _work(self) -> None:
        posts = self._settings().posts
        office = Office(
            store=self._store,
            lease=self._lease,
            delivery=Delivery(self._poster),
            settings=self._settings,
            ask=self._ask,
            posts=asyncio.Semaphore(max(1, posts - posts // 2)),
            slow_posts=asyncio.Semaphore(max(1, posts // 2)),
            stopping=self._stopping,
            ids=IdSource(),
            chance=random.random,
        )
        postmen: dict[str, asyncio.Task[None]] = {}
        while not self._stopping.is_set():
            self._poster.guard = Guard.from_config(self._settings())
            for webhook_id in await self._active():
                if webhook_id not in postmen or postmen[webhook_id].done():
                    postmen[webhook_id] = asyncio.create_task(Postman(office, webhook_id).run())
            postmen = {webhook_id: task for webhook_id, task in postmen.items() if not task.done()}
            await rest(self._stopping, LOOK)
        await asyncio.gather(*postmen.values())

    async def _active(self) -> list[str]:
        try:
            active = [webhook.webhook_id for webhook in await self._ask(self._store.active_webhooks)]
        except StoreUnavailable as error:
            if not self._away:
                log.warning("the store is away: %s", error)
            self._away = True
            return []
        if self._away:
            log.info("the store is back")
        self._away = False
        return active

    async def _ask(self, question: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._threads, question)
