"""The sandbox that a run breaks: Postfix told not to wait so long, and waited for in the end.

Postfix starts no new process of a service for a minute when one dies young, and hands a transport nothing for
a minute when a process of it dies. A run of minutes would be spent waiting; what is looked at is not how long
mail waits, so here both take a second. Its log is written by `logger`, whose page says why.
"""

import contextlib
import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from estafeta_chaos import logger
from estafeta_postfix.supervisor import dying_with_parent
from estafeta_testing.queue import postfix
from estafeta_testing.relay import Relay, wait

HASTE = {
    "service_throttle_time": "1s",
    "transport_retry_time": "1s",
    "minimal_backoff_time": "1s",
    "maximal_backoff_time": "3s",
    "queue_run_delay": "2s",
}
LOG = "chaos-log"  # below the queue, where Postfix looks for postlogd
LOOK_EVERY = 1.0  # seconds
FLUSH_EVERY = 5  # looks; each has the queue manager read everything that was put off


@contextlib.contextmanager
def prepared(relay: Relay) -> Iterator[None]:
    """Have Postfix try again soon, and log elsewhere."""
    place = relay.dir / "postfix" / "queue" / "public" / LOG
    writer = subprocess.Popen(
        dying_with_parent([sys.executable, logger.__file__, str(place), str(relay.maillog)]),
        start_new_session=True,  # an interrupt typed at the terminal is not for it
    )
    try:
        wait(place.is_socket, True, "the logger listens")
        settings = HASTE | {"postlog_service_name": LOG}
        postfix(relay, "postconf", "-e", *(f"{name} = {value}" for name, value in settings.items()))
        postfix(relay, "postfix", "reload")
        yield
    finally:
        writer.kill()
        writer.wait()


def settle(relay: Relay, patience: float, say: Callable[[str], None]) -> bool:
    """Wait until the queue is empty; whether it is, after `patience` seconds at most.

    False as well when Postfix does not answer at all.
    """
    give_up = time.monotonic() + patience
    turns = itertools.count()
    with contextlib.suppress(subprocess.SubprocessError):
        while left := relay.queue():
            if time.monotonic() > give_up:
                return False
            if next(turns) % FLUSH_EVERY == 0:
                say(f"settling: {len(left)} messages in the queue")
                relay.flush()
            time.sleep(LOOK_EVERY)
        return True
    return False


def recorded(relay: Relay, queue_id: str, recipients: int) -> bool:
    """Wait until the worker has recorded the delivery of the message sent last, and so all before it."""
    with contextlib.suppress(AssertionError):
        relay.events(queue_id, *["injection", "delivery"] * recipients)
        return True
    return False


def left(relay: Relay) -> tuple[str, ...]:
    """Return what there is to see when mail does not go: the queue, if Postfix tells, and the log's end."""
    entries: list[str] = []
    with contextlib.suppress(subprocess.SubprocessError):
        entries = [str(entry) for entry in relay.queue()]
    return (*entries, *relay.maillog.read_text().splitlines()[-40:])


def own_failures(relay: Relay) -> list[str]:
    """Return what daemons logged of failures that are no kill's doing."""
    return [
        f"{path.name}: {line}"
        for path in sorted((relay.dir / "log").iterdir())
        for line in path.read_text(errors="replace").splitlines()
        if "Traceback" in line or "untrapped" in line or "Exception" in line
    ]
