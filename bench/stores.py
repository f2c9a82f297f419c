"""Messages a second that reach the disk, and how long a message waits for it, in both stores.

Use: `python -m bench.stores`. Each caller records one message at a time (a transmission, its copy, its
injection event), as a session of the milter does; one caller waits for every commit alone, many share them.
Both stores sync to the same disk. PostgreSQL runs with its usual settings on a Unix socket; it is started
here, and removed.
"""

import contextlib
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import click

from estafeta_core.store import Store, open_store

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from estafeta_testing import postgresql
from estafeta_testing.stored import make_rows

CALLERS = (1, 20)


@click.command()
@click.option("--rounds", default=5, show_default=True, help="How often each store runs.")
@click.option("--seconds", default=3.0, show_default=True, help="How long each time.")
def main(rounds: int, seconds: float) -> None:
    """Compare the stores."""
    found: dict[tuple[int, str], list[tuple[float, float]]] = {}
    with stores() as both:
        for turn in range(rounds + 1):
            for callers in CALLERS:
                for name, store in both.items():
                    done = measure(store, callers, seconds)
                    if turn:  # the first turn warms up
                        found.setdefault((callers, name), []).append(done)
    click.echo("| callers | store | messages/s | p99 ms | of SQLite |\n|---|---|---|---|---|")
    for (callers, name), results in found.items():
        rates, waits = zip(*results, strict=True)
        ratios = [rate / other for rate, (other, _) in zip(rates, found[callers, "SQLite"], strict=True)]
        click.echo(f"| {callers} | {name} | {spread(rates, 0)} | {spread(waits, 1)} | {spread(ratios, 2)} |")


@contextlib.contextmanager
def stores() -> Iterator[dict[str, Store]]:
    """Open one store of each kind."""
    with tempfile.TemporaryDirectory() as folder, postgresql.running() as cluster, cluster.store() as url:
        sqlite = open_store(f"sqlite:///{folder}/estafeta.db", checkpoints=True)
        with contextlib.closing(sqlite), contextlib.closing(open_store(url)) as other:
            yield {"SQLite": sqlite, "PostgreSQL": other}


def measure(store: Store, callers: int, seconds: float) -> tuple[float, float]:
    """Return messages a second, and the 99th percentile of their waiting in milliseconds."""
    waits: list[float] = []
    end = time.monotonic() + seconds

    def record() -> None:
        while (begun := time.monotonic()) < end:
            store.record(make_rows())
            waits.append(time.monotonic() - begun)

    threads = [threading.Thread(target=record) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(waits) / seconds, statistics.quantiles(waits, n=100)[98] * 1000


def spread(values: tuple[float, ...] | list[float], digits: int) -> str:
    """Return the median with the lowest and highest."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    main()
