"""One round of a mail server: so many messages sent, and all of them gone again."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from bench import measure
from bench.load import send
from bench.measure import Contender
from bench.rounds import Case, Settings

RATE, CPU, DELIVERED = "messages/s", "CPU ms a message", "delivered/s"
PATIENCE = 120.0  # seconds until what was taken is gone
Template = Callable[[str], bytes]  # takes the sender


def case(
    load: str,
    contender: Contender,
    template: Template,
    settings: Settings,
    *,
    part: float = 1.0,
    per_session: int = 100,
) -> Case:
    """Return the case of a contender that gets `part` of the messages, as slow ones do."""

    def run(share: float) -> Mapping[str, float]:
        count = max(settings.sessions, int(settings.messages * part * share))
        return once(contender, template, count, settings.sessions, per_session)

    return Case(load, contender.name, run)


def once(
    contender: Contender, template: Template, count: int, sessions: int, per_session: int = 100
) -> dict[str, float]:
    """Send `count` messages; return the rate, that until the last had gone, and CPU of all processes."""
    text = template(contender.server.sender)
    before, began = measure.cpu_seconds(contender.roots), time.perf_counter()
    seconds = send(contender.server, text, messages=count, sessions=sessions, per_session=per_session)
    await_delivery(contender)
    gone = time.perf_counter() - began
    time.sleep(0.3)  # the log follower reads what the last deliveries wrote
    cpu = measure.cpu_seconds(contender.roots) - before
    return {RATE: count / seconds, DELIVERED: count / gone, CPU: cpu * 1000 / count}


def await_delivery(contender: Contender) -> None:
    """Wait until the queues are empty. ClickException when they stay as they are."""
    give_up = time.monotonic() + PATIENCE
    while any(map(_holds_mail, contender.queues)):
        if time.monotonic() > give_up:
            raise click.ClickException(f"{contender.name}: mail stays in the queue for {PATIENCE:.0f} s")
        time.sleep(0.02)


def _holds_mail(queue: Path) -> bool:
    """Whether a file is there; Postfix may have more than one level of folders."""
    return any(path.is_file() for path in queue.rglob("*"))
