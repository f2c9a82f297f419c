"""The faults, by their names in the table of attacks: how each is put in, and lifted.

    K3      the disk of the store is full
    K4/H12  the store takes nothing: links answer all the same, and what they answered is recorded
    K5      PostgreSQL: its connections ended again and again; all of it down
    K10     the clock of our daemons jumps an hour ahead, and an hour back
    K11     no more descriptors; no more memory
    B1      the milter stands still
    F11     the SASL back end killed again and again
    G3      the policy daemon stands still, and is killed again and again
    I3      receivers of webhooks that never answer, or only errors

Each has a sandbox of its own.
"""

import contextlib
import os
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from estafeta_chaos.killer import Kill
from estafeta_chaos.run import store as chosen_store
from estafeta_postfix.sandbox.layout import Layout
from estafeta_soak.hooks import Counting, hooked
from estafeta_soak.tracking import Recipients, read_through, written
from estafeta_testing import postgresql
from estafeta_testing.postgresql import Cluster
from estafeta_testing.receiver import answering, silent
from estafeta_testing.relay import Relay
from estafeta_testing.sandbox import STORES
from estafeta_testing.stored import IDS, look
from estafeta_testing.victims import Victims

SMALL = "300m"  # of the disk that is filled
CLOCK = Path(__file__).parents[1] / "clock.c"
ROLES = ("milter", "policy", "sasl", "web", "worker")
KILL_EVERY = 0.3  # seconds
BEGUN = 2.0  # seconds: what is written later than this is owed to a webhook for sure, however long it took


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sandbox is."""

    arguments: list[str]
    server: Cluster | None
    disk: Path | None = None  # that can be filled
    clock: Path | None = None  # what the daemons' clock is off by stands there


@dataclass
class Scene:
    """A sandbox with its fault."""

    relay: Relay
    place: Place
    kills: list[Kill] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # what a fault has found broken itself
    figures: dict[str, Any] = field(default_factory=dict)


@contextlib.contextmanager
def usual(store: str) -> Iterator[Place]:
    """Yield where sandboxes always are."""
    with chosen_store(store) as (arguments, server):
        yield Place(arguments, server)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault."""

    name: str
    what: str
    injected: Callable[[Scene], AbstractContextManager[None]]
    place: Callable[[str], AbstractContextManager[Place]] = usual
    stores: tuple[str, ...] = STORES
    kills: bool = False  # whether a copy may come twice for it
    may_log: bool = False  # whether daemons may say that something failed which they did not expect


# K3


@contextlib.contextmanager
def _small_disk(store: str) -> Iterator[Place]:
    """Yield a sandbox whose store lies on a small disk of its own."""
    root = Path(tempfile.mkdtemp(prefix="estafeta-disk-"))
    root.chmod(0o755)
    disk = root / "pg" if store != STORES[0] else root / "sandbox" / "state"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", disk], check=True)
    try:
        if store == STORES[0]:
            Layout(root / "sandbox").lock.touch()
            yield Place(["--dir", str(root / "sandbox")], None, disk)
        else:
            with postgresql.running(folder=disk) as server, server.store() as url:
                yield Place(["--store", url], server, disk)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
        shutil.rmtree(root, ignore_errors=True)


@contextlib.contextmanager
def _full(scene: Scene) -> Iterator[None]:
    assert scene.place.disk is not None
    ballast, stop = scene.place.disk / "ballast", threading.Event()

    def fill() -> None:
        with ballast.open("ab", buffering=0) as file:
            while not stop.wait(0.1):
                with contextlib.suppress(OSError):
                    while not stop.is_set():
                        file.write(bytes(1 << 16))
                with contextlib.suppress(OSError):
                    while not stop.is_set():
                        file.write(bytes(512))

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        ballast.unlink()
        _revive(scene)


def _revive(scene: Scene) -> None:
    """Start a PostgreSQL that has given up, as an init system does."""
    if scene.place.server is not None and scene.place.server.has_ended():
        scene.figures["PostgreSQL had ended"] = True
        scene.place.server.start()


# K4, H12 and K5


@contextlib.contextmanager
def _locked(scene: Scene) -> Iterator[None]:
    with _links_answer(scene), scene.relay.locked_store():
        yield


@contextlib.contextmanager
def _links_answer(scene: Scene) -> Iterator[None]:
    """Have people follow links meanwhile, and hold the answers to what the store has in the end."""
    recipients = Recipients(scene.relay, written(scene.relay, account="elsewhere"), hits=10**9, clients=1)
    with recipients:
        yield
        recipients.stop()
    found = read_through(scene.relay, set(recipients.answered), 60.0)
    if lost := set(recipients.answered) - found.keys():
        scene.wrong.append(f"{len(lost)} of {len(recipients.answered)} hits answered and lost")
    if recipients.wrong or not recipients.answered:
        scene.wrong.append(f"links answered otherwise: {recipients.wrong[:3]}")
    scene.figures |= {"links answered": len(recipients.answered), "slowest": f"{recipients.slowest:.2f} s"}


@contextlib.contextmanager
def _connections_end(scene: Scene) -> Iterator[None]:
    server = scene.place.server
    assert server is not None
    end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'estafeta'"
    with _again_and_again(2.0, lambda: server.sql(end)):
        yield


@contextlib.contextmanager
def _server_away(scene: Scene) -> Iterator[None]:
    server = scene.place.server
    assert server is not None
    with _links_answer(scene):
        server.stop()
        try:
            yield
        finally:
            server.start()


@contextlib.contextmanager
def _again_and_again(pause: float, do: Callable[[], object]) -> Iterator[None]:
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(pause):
            with contextlib.suppress(psycopg.OperationalError, ProcessLookupError, IndexError):
                do()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


# K10


@contextlib.contextmanager
def _clock_of_our_own(store: str) -> Iterator[Place]:
    """Yield a sandbox whose processes are told another time, by a library before all others."""
    folder = Path(tempfile.mkdtemp(prefix="estafeta-clock-"))
    folder.chmod(0o755)
    library, clock = folder / "clock.so", folder / "offset"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, CLOCK, "-ldl"], check=True)
    clock.write_bytes(struct.pack("q", 0))
    told = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(clock)}
    with chosen_store(store) as (arguments, server):
        os.environ.update(told)
        try:
            yield Place(arguments, server, clock=clock)
        finally:
            for name in told:
                os.environ.pop(name, None)
            shutil.rmtree(folder)


def _jump(seconds: int) -> Callable[[Scene], AbstractContextManager[None]]:
    @contextlib.contextmanager
    def jumped(scene: Scene) -> Iterator[None]:
        clock = scene.place.clock
        assert clock is not None
        os.environ.pop("LD_PRELOAD", None)  # the judge and its programs have the host's time
        _set(clock, seconds)
        try:
            yield
        finally:
            _set(clock, 0)

    return jumped


def _set(clock: Path, seconds: int) -> None:
    with clock.open("r+b") as file:  # what is mapped stays the same file
        file.write(struct.pack("q", seconds))


# K11


def _starved(kind: int, value: Callable[[int], int]) -> Callable[[Scene], AbstractContextManager[None]]:
    @contextlib.contextmanager
    def starved(scene: Scene) -> Iterator[None]:
        victims, before = Victims(scene.relay), dict[int, tuple[int, int]]()
        for role in ROLES:
            for pid in victims.pids(role):
                before[pid] = resource.prlimit(pid, kind)
                limit = value(pid)
                resource.prlimit(pid, kind, (limit, before[pid][1]))
        try:
            yield
        finally:
            usual_limits = next(iter(before.values()))
            for role in ROLES:
                for pid in victims.pids(role):
                    resource.prlimit(pid, kind, before.get(pid, usual_limits))

    return starved


def _virtual(pid: int) -> int:
    """Return the bytes of address space that a process has, and a little more."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    return pages * resource.getpagesize() + (1 << 20)


# B1, F11, G3


def _held(role: str) -> Callable[[Scene], AbstractContextManager[None]]:
    return lambda scene: Victims(scene.relay).held(role)


def _killed(role: str) -> Callable[[Scene], AbstractContextManager[None]]:
    @contextlib.contextmanager
    def killed(scene: Scene) -> Iterator[None]:
        victims = Victims(scene.relay)

        def kill() -> None:
            pid = victims.pids(role)[0]
            os.kill(pid, signal.SIGKILL)
            scene.kills.append(Kill(time.time(), role, pid))

        with _again_and_again(KILL_EVERY, kill):
            yield
        scene.figures["kills"] = len(scene.kills)

    return killed


# I3


@contextlib.contextmanager
def _hostile_receivers(scene: Scene) -> Iterator[None]:
    """Have one receiver answer as it should, and others not, until the fault is lifted."""
    with (
        hooked(scene.relay) as good,
        hooked(scene.relay) as deaf,
        hooked(scene.relay) as failing,
    ):
        deaf.behave, failing.behave = silent, answering(500)
        time.sleep(BEGUN)
        first = IDS.next()
        yield
        deaf.behave = failing.behave = answering(200)
        _all_come(scene, {"good": good, "deaf": deaf, "failing": failing}, first)


def _all_come(scene: Scene, hooks: dict[str, Counting], first: int) -> None:
    """Hold what came so far, and by and by, to what is in the store, from the event `first` on."""
    url = scene.relay.description["store"]
    ((last,),) = look(url, "SELECT max(event_id) FROM events")
    late: dict[str, int] = {}
    for name, patience in (("good", 15.0), ("failing", 300.0), ("deaf", 300.0)):
        give_up = time.monotonic() + patience
        rows = look(url, f"SELECT event_id FROM events WHERE event_id BETWEEN {first} AND {last}")
        expected = {id_ for (id_,) in rows}
        while (missing := len(expected - hooks[name].events.keys())) and time.monotonic() < give_up:
            time.sleep(0.5)
        late[name] = missing
    scene.figures["events posted"] = {name: len(hook.events) for name, hook in hooks.items()}
    scene.wrong += [
        f"{missing} events did not come to the {name} receiver" for name, missing in late.items() if missing
    ]
    scene.wrong += [
        f"a batch that came again was another: {name}" for name, hook in hooks.items() if hook.torn
    ]


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("K3", "the disk of the store is full", _full, _small_disk, may_log=True),
        Fault("K4, H12", "the store takes nothing from anybody", _locked),
        Fault(
            "K5 connections", "every connection ended every two seconds", _connections_end, stores=STORES[1:]
        ),
        Fault("K5 server", "PostgreSQL is down", _server_away, stores=STORES[1:]),
        Fault("K10 ahead", "the clock jumps an hour ahead, and back", _jump(3600), _clock_of_our_own),
        Fault("K10 back", "the clock jumps an hour back, and ahead", _jump(-3600), _clock_of_our_own),
        Fault(
            "K11 descriptors",
            "no daemon gets a descriptor more",
            _starved(resource.RLIMIT_NOFILE, lambda pid: len(list(Path(f"/proc/{pid}/fd").iterdir()))),
            may_log=True,
        ),
        Fault("K11 memory", "no daemon gets memory", _starved(resource.RLIMIT_AS, _virtual), may_log=True),
        Fault("B1", "the milter stands still", _held("milter")),
        Fault("F11", "the SASL back end is killed again and again", _killed("sasl")),
        Fault("G3 held", "the policy daemon stands still", _held("policy")),
        Fault("G3 killed", "the policy daemon is killed again and again", _killed("policy")),
        Fault("I3", "receivers of webhooks that never answer, or 500", _hostile_receivers),
    )
}
