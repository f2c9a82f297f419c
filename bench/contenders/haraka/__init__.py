"""Haraka with a plugin that edits and does less than Estafeta: login, edit, queue, deliver to a sink.

It comes from npm, in the versions of package-lock.json and without what it has for other plugins, into
.cache/haraka. It has two processes, as there are two cores; a single one is a little slower.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bench.load import Server
from bench.measure import Contender
from bench.processes import started
from estafeta_postfix.ports import take

NAME = "Haraka, edit plugin"
HERE = Path(__file__).parent
INSTALLED = Path(__file__).parents[3] / ".cache" / "haraka"
USER, PASSWORD = "bench@acme.example", "bench"
CONFIG = {
    "smtp.ini": "listen=127.0.0.1:{port}\nnodes=2\n",
    "plugins": "auth/flat_file\nbench_edit\n",
    "auth_flat_file.ini": "[core]\nmethods=PLAIN,LOGIN\n[users]\n" + f"{USER}={PASSWORD}\n",
    "outbound.ini": "enable_tls=false\n",
    "me": "bench.example\n",
    "loglevel": "ERROR\n",
    "bench_sink": "{sink}\n",
}


@contextmanager
def running(folder: Path, sink: int) -> Iterator[Contender]:
    """Run it; what it takes it hands to 127.0.0.1, port `sink`."""
    _install()
    package = INSTALLED / "node_modules" / "Haraka"
    (port,) = take(1)
    for part in ("config", "plugins", "queue"):
        (folder / part).mkdir()
    for name, text in CONFIG.items():
        (folder / "config" / name).write_text(text.format(port=port, sink=sink))
    shutil.copy(package / "config" / "connection.ini", folder / "config")  # it cannot greet without
    shutil.copy(HERE / "bench_edit.js", folder / "plugins")
    with started(
        "node", str(package / "bin" / "haraka"), "-c", str(folder), answers=f"inet:127.0.0.1:{port}"
    ) as pid:
        yield Contender(NAME, Server(port, USER, PASSWORD), (folder / "queue",), (pid,))


def _install() -> None:
    """Install what the lock file says, once."""
    lock = INSTALLED / "package-lock.json"
    if lock.exists() and lock.read_bytes() == (HERE / "package-lock.json").read_bytes():
        return
    INSTALLED.mkdir(parents=True, exist_ok=True)
    lock.unlink(missing_ok=True)  # it says that all of it is there
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, INSTALLED)
    command = ["npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=INSTALLED, capture_output=True, text=True, check=False)
    if done.returncode:
        lock.unlink()
        raise click.ClickException(
            f"npm cannot install Haraka into {INSTALLED}:\n{done.stderr.strip()[-600:]}"
        )
