"""Work shared out over the cores: forked processes see what there is, and send back what they found."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

FEW = 500  # items that are done here: a fork would not be worth it
PIECES = 16  # of each process, one after the other: all end at about the same time

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_inherited: list[Callable[[], Any]] = []


def shared_out(
    work: Callable[[Sequence[_Item]], _Result], items: Sequence[_Item], few: int = FEW
) -> Iterator[_Result]:
    """Yield what `work` says of all the `items`, a part of them at a time; threads must not be running."""
    if len(items) <= few:
        yield work(items)
        return
    cores = len(os.sched_getaffinity(0))
    size = -(-len(items) // (cores * PIECES))
    pieces = [items[start : start + size] for start in range(0, len(items), size)]
    _inherited[:] = [lambda piece=piece: work(piece) for piece in pieces]  # type: ignore[misc]
    try:
        with multiprocessing.get_context("fork").Pool(cores) as pool:
            yield from pool.imap(_do, range(len(pieces)))
    finally:
        _inherited.clear()


def _do(number: int) -> Any:
    return _inherited[number]()
