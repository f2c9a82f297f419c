"""`python -m bench --web`: pixel and redirect beside uvicorn alone, while the store is written to.

The reference answers with the same bytes and does nothing else; Estafeta checks the token, records what
happened and answers when that is durable. Meanwhile another process writes transmissions into the same
store, and the worker brings what was recorded into it, whoever's turn it is. wrk asks both in turn, over as
many connections and for the same paths, those of many messages.
"""

import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from bench import measure
from estafeta_core.config.load import load_config
from estafeta_core.links import Links

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
class Round:
    """One contender, once."""

    rate: float  # answers a second
    p99: float  # milliseconds
    cpu: float  # microseconds of the server's process, an answer


@dataclass(frozen=True, slots=True)
class Place:
    """Where the contenders are, and what they are asked for."""

    servers: dict[str, tuple[str, int]]  # name to URL and process
    scripts: dict[str, Path]  # what is asked for to wrk's script


def compare(rounds: int) -> None:
    """Ask both, round after round, and print what came of it."""
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is not installed (Debian package wrk)")
    with tempfile.TemporaryDirectory(prefix="estafeta-web-") as name, _running(Path(name)) as place:
        results: dict[tuple[str, str], list[Round]] = {}
        for turn in range(rounds + 1):
            for (what, script), connections in itertools.product(place.scripts.items(), CONNECTIONS):
                for server, (url, pid) in place.servers.items():
                    done = _round(url, pid, script, connections)
                    if turn:  # the first turn warms up
                        results.setdefault((f"{what}, {connections}", server), []).append(done)
    _table(results)


def _round(url: str, pid: int, script: Path, connections: int) -> Round:
    before = measure.cpu_seconds((pid,))
    command = [
        "wrk",
        "-t1",
        "--timeout=10s",  # an uneven machine is no error
        f"-c{connections}",
        f"-d{SECONDS}s",
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
    return Round(requests * 1e6 / microseconds, p99 / 1000, cpu)


@contextmanager
def _running(folder: Path) -> Iterator[Place]:
    """Start sandbox, reference and writer; stop them afterwards."""
    python = [sys.executable, "-m"]
    sandbox = [*python, "estafeta_postfix", "sandbox", "--json"]
    with _started(sandbox) as ours, _started([*python, "bench.web_bare", LINK.decode()]) as bare:
        said = json.loads(_line(ours))
        port = int(_line(bare))
        with _started([*python, "bench.web_writes", said["store"], str(WRITES), str(MESSAGES)]) as writer:
            ids = [int(line) for line in iter(lambda: _line(writer), "\n")]
            links = Links.from_config(load_config(Path(said["config"])))
            scripts = {
                "pixel": _script(folder / "pixel", [links.pixel(each, initial=False) for each in ids]),
                "redirect": _script(folder / "redirect", [links.click(each, LINK) for each in ids]),
            }
            reference = (f"http://127.0.0.1:{port}", bare.pid)
            web = (said["web"], said["processes"]["web"])
            yield Place({"uvicorn alone": reference, "Estafeta": web}, scripts)


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


def _table(results: dict[tuple[str, str], list[Round]]) -> None:
    click.echo(f"  {'':30}{'answers/s':>28}{'p99, ms':>26}{'CPU us':>14}{'ratio':>38}")
    for (what, server), rounds in results.items():
        bare = results[what, "uvicorn alone"]
        ratios = [one.rate / base.rate for one, base in zip(rounds, bare, strict=True)]
        rates = [round(one.rate) for one in rounds]
        spread = f"{statistics.median(rates):.0f} ({min(rates)} to {max(rates)})"
        p99 = measure.spread([one.p99 for one in rounds])
        cpu = statistics.median(one.cpu for one in rounds)
        ratio = measure.spread(ratios) + (f", target {TARGET:.2f}" if server == "Estafeta" else "")
        click.echo(f"  {what + ', ' + server:30}{spread:>28}{p99:>26}{cpu:>14.0f}{ratio:>38}")
