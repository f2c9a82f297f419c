"""What commands that list something have in common: their options, and a table or JSON lines.

The newest comes last, where a person at a terminal looks first.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from estafeta_postfix.cli.text import json_text, table

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--account", help="Only this account's."),
    click.option(
        "--limit", type=click.IntRange(1), default=100, show_default=True, help="The newest so many."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, times in UTC."),
)


def options(command: F) -> F:
    """Add the options of a list to a command: `account`, `limit` and `as_json`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def show(
    found: Sequence[T],
    head: Sequence[str],
    words: Callable[[T], Sequence[str]],
    as_object: Callable[[T], dict[str, Any]],
    *,
    as_json: bool,
) -> None:
    """Print what was `found`, newest first, as a table below `head` or as one JSON object a line."""
    if as_json:
        for each in reversed(found):
            click.echo(json_text(as_object(each)))
        return
    for line in table([head, *map(words, reversed(found))]):
        click.echo(line)
