"""`estafeta demo`: one real message for each dialect through a sandbox, each step checked and shown."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.demo import afterwards, run
from estafeta_postfix.sandbox.child import StartError, started

# What the demonstration reads of a set-up's description.
NAMES = frozenset({"web", "outbox", "config", "ca_file", "listeners", "credentials"})


@click.command("demo")
@click.option(
    "--running",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Use what runs already, as this file says: the line that `estafeta sandbox --json` prints.",
)
def command(running: Path | None) -> None:
    """Send one real message for each dialect through a sandbox; show what is delivered and recorded.

    Then what happens after: mail that bounces or is called spam, told by command, API, webhook and page.

    Exit status 0 only if everything was as it should be. Needs root, because Postfix does.
    """
    try:
        with _described(running) if running else _sandbox() as sandbox:
            failures = run.run(sandbox, click.echo) + afterwards.run(sandbox, click.echo)
    except StartError as error:
        raise Failure(f"the sandbox did not start:\n{error}") from None
    if failures:
        raise Failure(f"the demonstration failed: {failures} expectations were not met", 1)
    more = "" if running else " `estafeta sandbox` keeps it running for you to try."
    click.echo(f"Everything was as it should be.{more}")


@contextlib.contextmanager
def _sandbox() -> Iterator[dict[str, Any]]:
    click.echo("Starting Postfix, the daemons and a server that plays the recipients' hosts ...")
    with started() as sandbox:
        yield sandbox


@contextlib.contextmanager
def _described(file: Path) -> Iterator[dict[str, Any]]:
    try:
        described = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"{file} is not the line that `estafeta sandbox --json` prints: {error}") from None
    lacks = NAMES - described.keys() if isinstance(described, dict) else NAMES
    if lacks:
        names = ", ".join(sorted(lacks))
        raise Failure(f"{file} is not the line that `estafeta sandbox --json` prints: it has no {names}")
    yield described
