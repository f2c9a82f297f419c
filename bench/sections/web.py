"""Pixel and redirect beside uvicorn alone, while the store is written to.

The reference answers with the same bytes and does nothing else; Estafeta checks the token, records what
happened and answers when that is durable. Meanwhile another process writes transmissions into the same
store, and the worker brings what was recorded into it, whoever's turn it is. wrk asks both in turn, over as
many connections and for the same paths, those of many messages.
"""

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from bench import folders, measure
from bench.rounds import Case, Report, Settings, Target, interleave
from estafeta_core.config.load import load_config
from estafeta_core.links import Links

TITLE = "Pixel and redirect, beside uvicorn alone"
BARE, OURS, RATE = "uvicorn alone", "Estafeta", "answers/s"
TARGET = 0.5
MESSAGES = 2000
WRITES = 300  # transmissions a second
CONNECTIONS = (64, 256)
SECONDS = 3  # a round
LINK = b"https://shop.example/item/01?utm_source=mail&utm_medium=bench"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SCRIPT = """\
local paths, next = {}, 0
for line in io.lines("PATHS") do paths[#paths + 1] = line end
request = function()
    next = next % #paths + 1
    return wrk.format("GET", paths[next])
end
done = function(summary, latency)
    local errors = summary.errors.status + summary.errors.read + summary.errors.timeout
    local p99 = latency:percentile(99)
    io.write(string.format("%d %d %d %d\\n", summary.requests, summary.duration, p99, errors))
end
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the contenders are, and what they are asked for."""

    servers: dict[str, tuple[str, int]]  # name to URL and process
    scripts: dict[str, Path]  # what is asked for to wrk's script


def run(settings: Settings) -> Report:
    """Ask both."""
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is not installed (Debian package wrk)")
    with folders.fresh() as folder, _running(folder) as place:
        asked = list(itertools.product(place.scripts.items(), CONNECTIONS))
        cases = [
            Case(_load(what, connections), name, partial(_round, *server, script, connections))
            for (what, script), connections in asked
            for name, server in place.servers.items()
        ]
        results = interleave(cases, settings.rounds)
    targets = []
    for (what, _), connections in asked:
        load = _load(what, connections)
        rates = results.ratio(load, OURS, BARE, RATE, called="ratio to uvicorn")
        targets.append(Target(f"{load}: answers a second to those of uvicorn", rates, TARGET))
    return Report(results.rows, targets)


def _load(what: str, connections: int) -> str:
    return f"{what}, {connections} connections"


def _round(url: str, pid: int, script: Path, connections: int, share: float) -> dict[str, float]:
    before = measure.cpu_seconds((pid,))
    command = [
        "wrk",
        "-t1",
        "--timeout=10s",  # an uneven machine is no error
        f"-c{connections}",
        f"-d{max(1, round(SECONDS * share))}s",
        "-s",
        str(script),
        "-H",
        f"User-Agent: {AGENT}",
        url,
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    requests, microseconds, p99, errors = map(int, said.split())
    if errors:
        raise click.ClickException(f"{errors} of {requests} answers of {url} were errors")
    cpu = (measure.cpu_seconds((pid,)) - before) * 1e6 / requests
    return {RATE: requests * 1e6 / microseconds, "p99 ms": p99 / 1000, "CPU us an answer": cpu}


@contextmanager
def _running(folder: Path) -> Iterator[Place]:
    """Start sandbox, reference and writer; stop them afterwards."""
    python = [sys.executable, "-m"]
    sandbox = [*python, "estafeta_postfix", "sandbox", "--json"]
    with _started(sandbox) as ours, _started([*python, "bench.sections.web_bare", LINK.decode()]) as bare:
        said = json.loads(_line(ours))
        port = int(_line(bare))
        with _started(
            [*python, "bench.sections.web_writes", said["store"], str(WRITES), str(MESSAGES)]
        ) as writer:
            ids = [int(line) for line in iter(lambda: _line(writer), "\n")]
            links = Links.from_config(load_config(Path(said["config"])))
            scripts = {
                "pixel": _script(folder / "pixel", [links.pixel(each, initial=False) for each in ids]),
                "redirect": _script(folder / "redirect", [links.click(each, LINK) for each in ids]),
            }
            reference = (f"http://127.0.0.1:{port}", bare.pid)
            web = (said["web"], said["processes"]["web"])
            yield Place({BARE: reference, OURS: web}, scripts)


def _script(path: Path, urls: list[str]) -> Path:
    path.write_text("".join("/" + url.split("/", 3)[3] + "\n" for url in urls))
    script = path.with_suffix(".lua")
    script.write_text(SCRIPT.replace("PATHS", str(path)))
    return script


@contextmanager
def _started(command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()
