"""The store, as commands that only read it use it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from estafeta_core import events
from estafeta_core.config.load import load_config
from estafeta_core.store import Store, StoreUnavailable, open_store
from estafeta_core.store.rows import Event
from estafeta_core.store.store import backend
from estafeta_postfix.cli.failure import Failure


@contextlib.contextmanager
def opened(config_path: Path) -> Iterator[Store]:
    """Yield the store of a configuration; Failure when there is none or it does not answer.

    Raises ConfigError.
    """
    url = load_config(config_path).store
    there = backend(url)
    try:
        if not there.made():  # opening would make it, for whoever happens to ask first
            raise Failure(f"{there.name}: there is no store yet; has Estafeta been started?")
        with contextlib.closing(open_store(url)) as store:
            yield store
    except StoreUnavailable as error:
        raise Failure(f"{there.name}: {error}") from None


def detail(event: Event) -> str:
    """Return in a few words what only this event has to say."""
    data = event.data
    words = [data.get("target_link_url"), data.get("raw_reason"), data.get("fbtype")]
    if event.type == events.WARNING:
        words.append(data.get("reason"))
    if event.type in (events.DELIVERY, events.OPEN, events.INITIAL_OPEN, events.CLICK):
        words.append(data.get("ip_address"))
    if event.type == events.DELIVERY and "queue_time" in data:
        words.append(f"{int(data['queue_time']) / 1000:.1f} s in the queue")
    if data.get("automated"):
        words.append(f"automated: {data['automated']}")
    if data.get("ip_pool"):
        words.append(f"pool {data['ip_pool']}")
    return ", ".join(str(word) for word in words if word)
