"""A Redis of a test's own, on a unix socket in its folder, that can be killed, held and begun anew."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from estafeta_postfix.supervisor import dying_with_parent

PATIENCE = 20.0  # seconds for a start that takes a tenth


class RedisServer:
    """The server process; nothing it holds outlives it."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.path = folder / "redis.sock"
        self._folder = folder
        self._settings = settings
        self.start()

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self.process = subprocess.Popen(
            dying_with_parent(
                ["redis-server", "--port", "0", "--unixsocket", str(self.path), "--save", "", *self._settings]
            ),
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while self.cli("PING") not in ("PONG", "NOAUTH Authentication required."):
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def cli(self, *command: str) -> str:
        """Return what redis-cli prints of the reply to `command`."""
        done = subprocess.run(
            ["redis-cli", "-s", str(self.path), *command], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    def kill(self) -> None:
        """Kill it with -9."""
        self.process.kill()
        self.process.wait()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let it stand still; connections to it stay open, and new ones are taken by the kernel."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@contextlib.contextmanager
def redis_server(folder: Path, *settings: str) -> Iterator[RedisServer]:
    """Run one with command-line `settings`."""
    server = RedisServer(folder, *settings)
    try:
        yield server
    finally:
        server.kill()
