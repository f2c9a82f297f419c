"""How far a long command is, on a terminal: one line on standard error that is written over."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import click

EVERY = 0.2  # seconds

T = TypeVar("T")


def shown(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield `items`, and say how many of them are done; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield from items
        return
    of = f" of {total}" if total is not None else ""
    due = time.monotonic() + EVERY
    number = 0
    for number, item in enumerate(items, 1):
        yield item
        if time.monotonic() >= due:
            click.echo(f"\r{number}{of} {what}", err=True, nl=False)
            due = time.monotonic() + EVERY
    click.echo(f"\r{number}{of} {what}", err=True)
