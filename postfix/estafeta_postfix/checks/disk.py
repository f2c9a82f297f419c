"""Whether there is room where mail, the store and the log are written."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import UNSERVED, Setup

MEGABYTE = 1024 * 1024
FULL = 100 * MEGABYTE  # free; below it Postfix takes no large message (queue_minfree, message_size_limit)
NEARLY = 1024 * MEGABYTE  # free; hours of busy mail


def look(setup: Setup) -> Iterator[Finding]:
    """Yield each file system that is full, or nearly."""
    config = setup.config
    folders = [
        (setup.store or config.state_dir).parent,
        config.state_dir,
        config.maillog.parent,
        _queue(setup),
    ]
    seen: dict[int, Path] = {}
    for folder in folders:
        if folder.is_dir():
            seen.setdefault(folder.stat().st_dev, folder)
    for folder in seen.values():
        free = shutil.disk_usage(folder).free
        if free < NEARLY:
            yield Finding(
                "error" if free < FULL else "warning",
                "disk-full",
                str(folder),
                f"{free // MEGABYTE} MiB are free: without room mail is refused (4xx) and events are lost",
                "make room, or shorten retention: in estafeta.yaml; Postfix goes on by itself",
            )


def _queue(setup: Setup) -> Path:
    try:
        return Path(setup.served.there.values["queue_directory"])
    except UNSERVED:
        return setup.config.queue_directory
