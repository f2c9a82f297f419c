"""`estafeta store`: the store as a whole."""

import socket
import sys
import time
from pathlib import Path
from typing import Any

import click

from estafeta_core import sockets
from estafeta_core.config.load import load_config, node
from estafeta_core.config.schema import Config
from estafeta_core.store import StoreUnavailable, StoreUnfit
from estafeta_core.store.filelock import FileLock
from estafeta_core.store.store import POSTGRESQL, backend
from estafeta_core.store.transfer import Renamed, copy
from estafeta_postfix.cli.account_store import hand_over
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.progress import EVERY
from estafeta_postfix.cli.text import json_text
from estafeta_postfix.worker import LOCK


@click.group("store")
def command() -> None:
    """Copy the store into another one."""


@command.command("copy")
@click.argument("target", metavar="URL")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def copy_(config: Path, *, target: str, as_json: bool) -> None:
    """Copy everything that the store of the configuration holds into the empty one at URL.

    From SQLite to PostgreSQL, or back. The daemons have to be stopped, on every host. All of it is one
    transaction: whatever interrupts it leaves the target empty, and it can be begun again. The store of the
    configuration is only read. Files in state_dir are not touched: they belong to either.
    """
    settings = load_config(config)
    _check_stopped(settings)
    try:
        source, there = backend(settings.store), backend(target)
    except ValueError as error:
        raise Failure(str(error), 2) from None
    if source.name == there.name:
        raise Failure(f"{there.name} is the store of the configuration itself", 2)
    try:
        made = there.made()
        if not source.made():
            raise Failure(f"{source.name}: there is no store", 2)
        with source.transfer(writes=False) as old, there.transfer(writes=True) as new:
            if not made:
                hand_over(target)
            copied = copy(old, new, _renamed(settings, target), _Progress())
    except StoreUnfit as error:
        raise Failure(f"{error}; nothing was copied", 2) from None
    except StoreUnavailable as error:
        raise Failure(f"{error}; nothing was copied, begin again", 2) from None
    if as_json:
        click.echo(json_text({"source": source.name, "target": there.name, "rows": copied}))
        return
    for table, rows in copied.items():
        click.echo(f"{rows:12} {table}")
    remedy = f"write the URL you gave into `store` of {config}, then start the daemons"
    click.echo(f"copied to {there.name}: {remedy}", err=True)


def _check_stopped(config: Config) -> None:
    """Failure while a daemon of this host runs that writes."""
    run = config.run_dir
    paths = {"milter": sockets.milter(run), "copies": sockets.copies(run), "intake": sockets.intake(run)}
    running = [role for role, path in paths.items() if _answers(socket.AF_UNIX, str(path))]
    lock = FileLock(config.state_dir / LOCK)
    if lock.path.exists():
        running += [] if lock.try_acquire(0) else ["worker"]
        lock.close()
    bind = config.web.bind
    if _answers(socket.AF_INET6 if ":" in bind else socket.AF_INET, (bind, config.web.port)):
        running.append(f"web ({bind}:{config.web.port})")
    if running:
        raise Failure(f"still running here: {', '.join(running)} (systemctl stop estafeta.target)", 2)


def _answers(family: int, address: Any) -> bool:
    with socket.socket(family) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(address) == 0


def _renamed(config: Config, target: str) -> Renamed:
    """Return how the target knows a log that the source knows by this name; see config.load.known_as."""
    own = f"{node(config)}:"
    if config.store.startswith(POSTGRESQL) == target.startswith(POSTGRESQL):
        return lambda place: place
    if target.startswith(POSTGRESQL):
        return lambda place: own + place
    return lambda place: place.removeprefix(own) if place.startswith(own) else None


class _Progress:
    """A line for the table that is being copied, on a terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._due = 0.0

    def __call__(self, table: str, done: int, total: int) -> None:
        """Say how far it is."""
        if self._shown and (done == total or time.monotonic() >= self._due):
            end = "\n" if done == total else ""
            click.echo(f"\r{table}: {done} of {total}{end}", err=True, nl=False)
            self._due = time.monotonic() + EVERY
