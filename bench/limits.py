"""Decisions a second of the policy daemon: without limits, with limits here, and with limits on a Redis.

Each contender is a policy daemon with its own configuration; sessions speak Postfix's delegation protocol and
ask as soon as they are answered. Rounds are interleaved, and a ratio is taken within its round.
"""

import contextlib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from bench.measure import cpu_seconds, spread
from estafeta_core import secrets

SECONDS = 3.0  # of one round
SESSIONS = (1, 20)  # smtpd processes that ask at a time
PATIENCE = 20.0  # seconds for a start
CONTENDERS = ("no limits", "limits in memory", "limits on Redis")
CONFIG = """\
hostname: mx.example.com
base_url: https://click.example.com
bounce_domain: bounce.example.com
signing_keys: [link.key]
run_dir: run
state_dir: .
store: sqlite:///{folder}/estafeta.db
listeners: {{submission: {{dialects: [sparkpost], port: 587}}}}
limits: {limits}
"""
ACCOUNT = """\
account: acme
dialect: sparkpost
domains: {{acme.example: {{verified: true}}}}
limits: {limits}
credentials: {{main: {{key: "{key}", limits: {limits}}}}}
"""
REQUEST = (
    "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=127.0.0.1\nclient_port={port}\n"
    "sender=news@acme.example\nrecipient=r@example.net\nsasl_username=acme/main\ninstance={number}.0\n"
    "policy_context=submission\n\n"
)


@dataclass(frozen=True, slots=True)
class Daemon:
    """One policy daemon that runs."""

    name: str
    place: Path
    pid: int


def compare(rounds: int) -> None:
    """Print rates, CPU and ratios of the three."""
    results: dict[tuple[int, str], list[tuple[float, float]]] = {}
    with contextlib.ExitStack() as stack:
        daemons = [stack.enter_context(_daemon(name)) for name in CONTENDERS]
        for turn in range(rounds + 1):
            for sessions in SESSIONS:
                for daemon in daemons:
                    done = _round(daemon, sessions)
                    if turn:  # the first turn warms up
                        results.setdefault((sessions, daemon.name), []).append(done)
    for sessions in SESSIONS:
        click.echo(f"\n{sessions} session{'s' if sessions > 1 else ''}")
        click.echo(f"  {'':18}{'decisions/s':>28}{'CPU us a decision':>28}{'ratio to memory':>24}")
        base = [rate for rate, _ in results[sessions, "limits in memory"]]
        for name in CONTENDERS:
            rates = [rate for rate, _ in results[sessions, name]]
            cpu = [each for _, each in results[sessions, name]]
            ratios = [one / other for one, other in zip(rates, base, strict=True)]
            click.echo(f"  {name:18}{_rates(rates):>28}{spread(cpu):>28}{spread(ratios):>24}")


def _rates(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


def _round(daemon: Daemon, sessions: int) -> tuple[float, float]:
    """Return decisions a second, and the daemon's CPU for one in microseconds."""
    counts = [0] * sessions
    end = time.monotonic() + SECONDS
    before, began = cpu_seconds([daemon.pid]), time.monotonic()
    asked = [(daemon.place, number, end, counts) for number in range(sessions)]
    threads = [threading.Thread(target=_ask, args=each) for each in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, cpu = time.monotonic() - began, cpu_seconds([daemon.pid]) - before
    return sum(counts) / took, cpu * 1_000_000 / sum(counts)


def _ask(place: Path, number: int, end: float, counts: list[int]) -> None:
    request = REQUEST.format(port=4000 + number, number=number).encode()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(place))
        while time.monotonic() < end:
            client.sendall(request)
            if not client.recv(4096).startswith(b"action="):
                raise RuntimeError("the policy daemon does not answer")
            counts[number] += 1


@contextlib.contextmanager
def _daemon(name: str) -> Iterator[Daemon]:
    """Run the policy daemon of one contender, with a Redis of its own where that is wanted."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="estafeta-bench-")))
        limits = "{}"
        if name == "limits on Redis":
            command = [
                "redis-server",
                "--port",
                "0",
                "--save",
                "",
                "--unixsocket",
                str(folder / "redis.sock"),
            ]
            stack.enter_context(_process(*command))
            _wait(folder / "redis.sock")
            limits = f"{{store: 'unix://{folder}/redis.sock', hosts: 2, timeout: 4}}"
        for part in ("accounts.d", "run"):
            (folder / part).mkdir()
        (folder / "link.key").write_bytes(b"k" * 64)
        (folder / "estafeta.yaml").write_text(CONFIG.format(folder=folder, limits=limits))
        most = "{}" if name == "no limits" else "{per_minute: 1000000000, per_day: 1000000000}"
        key = secrets.hash_key(secrets.generate_key())
        (folder / "accounts.d" / "acme.yaml").write_text(ACCOUNT.format(key=key, limits=most))
        command = [sys.executable, "-m", "estafeta_postfix", "--config", str(folder / "estafeta.yaml")]
        process = stack.enter_context(_process(*command, "serve", "policy"))
        _wait(folder / "run" / "policy.sock")
        yield Daemon(name, folder / "run" / "policy.sock", process.pid)


@contextlib.contextmanager
def _process(*command: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait(place: Path) -> None:
    """Wait until somebody answers at a socket."""
    give_up = time.monotonic() + PATIENCE
    while True:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(place))
            return
        if time.monotonic() > give_up:
            raise RuntimeError(f"nobody answers at {place}")
        time.sleep(0.05)
