"""Postfix's queue in a sandbox: its commands, its manager stopped for a time, which copy came from what."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from estafeta_postfix.instance import command
from estafeta_testing.relay import Relay


def postfix(relay: Relay, name: str, *arguments: str) -> str:
    """Run a command of Postfix on the sandbox's instance."""
    conf = str(relay.dir / "postfix" / "conf")
    done = subprocess.run(
        [command(name), "-c", conf, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


@contextlib.contextmanager
def queue_manager_held(relay: Relay) -> Iterator[None]:
    """Stop the queue manager: what is accepted meanwhile waits at the very first step behind the queue."""
    (pid,) = queue_managers(relay)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def queue_managers(relay: Relay) -> set[int]:
    """Return the process ids of the queue manager: one, but while it is being replaced."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if path.read_text() == "qmgr\n" and _parent(path.parent) == relay.processes["postfix"]:
                found.add(int(path.parent.name))
    return found


def copies_of(relay: Relay, sent: str) -> list[str]:
    """Return the queue ids of the copies made of a message, as Postfix's log tells them."""
    return re.findall(rf": (\w+): client=\S+, orig_queue_id={sent}", relay.maillog.read_text())


def split_lines(relay: Relay) -> list[str]:
    """Return what the log tells of the split."""
    return [line for line in relay.maillog.read_text().splitlines() if "estafeta-split/smtp[" in line]


def _parent(process: Path) -> int:
    return int((process / "stat").read_text().rpartition(")")[2].split()[1])
