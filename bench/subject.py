"""Estafeta as the bench drives it: its sandbox, with the mail discarded instead of captured."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import Server
from bench.measure import Contender
from estafeta_postfix.instance import command


@dataclass(frozen=True, slots=True)
class Subject:
    """The running sandbox."""

    contender: Contender
    processes: dict[str, int]


@contextmanager
def running() -> Iterator[Subject]:
    """Start a sandbox whose Postfix discards what it would send; stop it afterwards.

    The demo account signs its mail with an RSA key of 2048 bits.
    """
    sandbox = subprocess.Popen(
        [sys.executable, "-m", "estafeta_postfix", "sandbox", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert sandbox.stdout is not None
        said = json.loads(sandbox.stdout.readline())
        config = Path(said["dir"]) / "postfix" / "conf"
        _discard_mail(config)
        credential = next(one for one in said["credentials"] if one["id"] == "acme/main")
        listener = next(one for one in said["listeners"] if one["dialects"] == ["sparkpost"])
        server = Server(listener["port"], credential["username"], credential["password"])
        roots = tuple(set(said["processes"].values()))
        queue = Path(said["dir"]) / "postfix" / "queue"
        yield Subject(Contender("Estafeta", server, queue, roots, Path(said["maillog"])), said["processes"])
    finally:
        sandbox.terminate()
        sandbox.wait()


def _discard_mail(config: Path) -> None:
    environment = {**os.environ, "MAIL_CONFIG": str(config)}
    postconf = [command("postconf"), "-c", str(config)]
    subprocess.run([*postconf, "-e", "default_transport=discard:", "relayhost="], check=True, env=environment)
    subprocess.run(
        [command("postfix"), "-c", str(config), "reload"],
        check=True,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(2)
