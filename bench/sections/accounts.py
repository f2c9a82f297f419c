"""What 10 to 100,000 accounts cost: to import, to load, to keep, to look up, and to change one of them.

Each number of accounts is loaded by a process of its own, from account files, from SQLite and PostgreSQL, as
a daemon loads them at its start. An account has two domains, a DKIM key and two credentials. Times are of
the processor, so that other work on the machine counts little; memory is what the process has grown by.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from bench.rounds import Report, Row, Settings, Target
from estafeta_core.config.load import load, load_config
from estafeta_core.config.normal import no_collection
from estafeta_core.config.stored import StoredAccounts
from estafeta_core.directory import Settled, Standing
from estafeta_postfix.cli.account_store import Batch, writable

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "support"))

from estafeta_testing import fleet, postgresql

TITLE = "Accounts, by where they are kept"
SIZES = (10, 100, 1_000, 10_000, 100_000)
LOOKUPS = 20_000
ROUNDS = 3  # at most: 100,000 take half a minute
TOLERANCE = 1.25
MOST_LOOKUP = 5.0  # microseconds
IMPORT, LOAD, MEMORY, CHANGE = "import, s", "load, s", "memory, MB", "one changed, ms"
BY_KEY, BY_ID = "found by key, us", "found by name, us"
MOST_FILES = 10_000  # more of them are what the store is for: 100,000 take half a minute
KINDS = ("files", "SQLite", "PostgreSQL")
CONFIG = """\
hostname: mx.example.com
base_url: https://click.example.com
bounce_domain: bounce.example.com
signing_keys: [link.key]
listeners: {{submission: {{dialects: [sparkpost], port: 587}}}}
directory: {directory}
store: {store}
"""


def run(settings: Settings) -> Report:
    """Load every number from every kind of store."""
    rows: dict[tuple[int, str], Row] = {}
    for size in SIZES:
        for kind, place, seconds in _made(size):
            row = rows[size, kind] = Row(f"{size:,}", kind)
            for _ in range(min(settings.rounds, ROUNDS)):
                for measure, value in _measured(place).items():
                    row.measures.setdefault(measure, []).append(value)
            if kind != "files":
                row.measures[IMPORT] = [seconds]
    return Report(list(rows.values()), list(_targets(rows)))


def _targets(rows: dict[tuple[int, str], Row]) -> Iterator[Target]:
    """Hold the largest number to ten times what a tenth of it costs, and a look-up to few microseconds."""
    less, most = SIZES[-2:]
    for kind in KINDS[1:]:
        small, large = rows[less, kind].measures, rows[most, kind].measures
        for measure in (LOAD, MEMORY):
            growth = [
                more / few / (most / less) for few, more in zip(small[measure], large[measure], strict=True)
            ]
            what = f"{measure}, {most:,} accounts to {less:,}, {kind}: to a straight line"
            yield Target(what, growth, TOLERANCE, at_most=True)
        yield Target(f"{BY_KEY}, {most:,} accounts, {kind}", large[BY_KEY], MOST_LOOKUP, at_most=True)


def _made(size: int) -> Iterator[tuple[str, Path, float]]:
    """Yield kind, configuration and seconds of the import for each kind of store with so many accounts."""
    with tempfile.TemporaryDirectory(prefix="estafeta-accounts-") as name, postgresql.running() as cluster:
        folder = Path(name)
        (folder / "link.key").write_bytes(b"k" * 64)
        (folder / "accounts.d").mkdir()
        for number in range(size):
            (folder / "accounts.d" / f"{number}.yaml").write_text(fleet.text(number))
        with cluster.store() as url:
            stores = {
                "files": f"sqlite:///{name}/none.db",
                "SQLite": f"sqlite:///{name}/estafeta.db",
                "PostgreSQL": url,
            }
            for kind in KINDS if size <= MOST_FILES else KINDS[1:]:
                place = folder / f"{kind}.yaml"
                directory = "files" if kind == "files" else "store"
                place.write_text(CONFIG.format(directory=directory, store=stores[kind]))
                begun = time.process_time()
                if kind != "files":
                    _import(place, folder / "accounts.d")
                yield kind, place, time.process_time() - begun


def _import(place: Path, folder: Path) -> None:
    settings = load_config(place)
    batch = Batch(settings)
    with no_collection():
        for path in folder.iterdir():
            batch.add(path, path.read_bytes())
    with writable(settings) as store:
        batch.write(store)


def _measured(place: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.sections.accounts", str(place)],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(place: Path) -> dict[str, float]:
    """Return what the accounts of a configuration cost in this process."""
    before = _memory()
    with closing(StoredAccounts()) as stored:
        seconds, snapshot = _timed(lambda: load(place, stored))
        memory = _memory() - before
        directory = snapshot.directory
        numbers = random.Random(1).choices(range(len(directory.accounts)), k=LOOKUPS)
        keys = [fleet.key(number) for number in numbers]
        names = [f"customer{number}" for number in numbers]
        by_key, _ = _timed(lambda: [directory.by_key("sparkpost", key) for key in keys])
        by_id, _ = _timed(lambda: [directory.by_id(name, "main") for name in names])
        settled = Settled(directory, Standing(), directory)
        _change(place, stored)
        again, _ = _timed(lambda: load(place, stored).directory.under(Standing(), settled))
    return {
        LOAD: seconds,
        MEMORY: memory / 2**20,
        BY_KEY: by_key / LOOKUPS * 1e6,
        BY_ID: by_id / LOOKUPS * 1e6,
        CHANGE: again * 1e3,
    }


def _change(place: Path, stored: StoredAccounts) -> None:
    """Suspend a credential, or make it active again."""
    settings = load_config(place)
    status = "suspended" if time.time_ns() % 2 else "active"
    if settings.directory == "files":
        (settings.accounts_dir / "1.yaml").write_text(fleet.text(1, status=status))
        return
    batch = Batch(settings)
    batch.add(Path("1.yaml"), fleet.text(1, status=status, more=f"# {time.time_ns()}\n").encode())
    with writable(settings) as store:
        batch.write(store)
    if not stored.changed():
        raise RuntimeError("the change is not there")


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.process_time()
    done = work()
    return time.process_time() - begun, done


def _memory() -> int:
    """Return the bytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    click.echo(json.dumps(measure(Path(sys.argv[1]))))
