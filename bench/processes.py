"""Daemons of contenders: started, awaited until they answer, and stopped."""

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click

PATIENCE = 60.0  # seconds for a start; a busy machine takes its time
STOP_TIMEOUT = 20.0


@contextlib.contextmanager
def started(
    *command: str, answers: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run a daemon in the foreground until somebody answers at `answers`; yield its process, and stop it.

    `answers` is an address as Postfix writes it. ClickException, with what the daemon said, when it does not.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=cwd, env=env
        )
        try:
            if not await_answer(answers, lambda: process.poll() is None):
                said.seek(0)
                last = said.read().decode(errors="replace").strip().splitlines()[-5:]
                raise click.ClickException("\n".join([f"{command[0]} does not answer at {answers}:", *last]))
            yield process.pid
        finally:
            _stop(process)


def connect(address: str) -> socket.socket:
    """Return a connection to `unix:/path` or `inet:host:port`."""
    kind, _, place = address.partition(":")
    if kind == "unix":
        client = socket.socket(socket.AF_UNIX)
        client.connect(place)  # without a time limit: with one, a full backlog would be an error
        client.settimeout(PATIENCE)
        return client
    host, _, port = place.rpartition(":")
    client = socket.create_connection((host, int(port)), timeout=PATIENCE)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def await_answer(address: str, alive: Callable[[], bool] = lambda: True) -> bool:
    """Wait until somebody answers at `address`; False when nobody does in time, or `alive` says no."""
    give_up = time.monotonic() + PATIENCE
    while alive() and time.monotonic() < give_up:
        with contextlib.suppress(OSError):
            connect(address).close()
            return True
        time.sleep(0.05)
    return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
