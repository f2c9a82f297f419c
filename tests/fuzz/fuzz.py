"""Fuzz what parses bytes of strangers, and keep what breaks it.

    .venv/bin/python tests/fuzz/fuzz.py --seconds 60 --target mime      by coverage, with atheris
    .venv/bin/python tests/fuzz/fuzz.py --mutants 200000 --seed 7       mutants, in this process
    .venv/bin/python tests/fuzz/fuzz.py --smtp 50000 --seed 7           mutants, over SMTP through a sandbox
    .venv/bin/python tests/fuzz/fuzz.py --http 50000 --seed 7           mutants of requests, over HTTP

Inputs that break a promise are written to .cache/fuzz; mend the cause, and keep them in
tests/fuzz/inputs/TARGET.
Exit status 0: nothing was found; 1: something was, and is told; 2: it could not run.
"""

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

from estafeta_fuzz import http  # noqa: E402 - the path above leads to what these import
from estafeta_fuzz.mutate import mutate, shared_out  # noqa: E402
from estafeta_fuzz.smtp import LIMIT, harm, send  # noqa: E402
from estafeta_fuzz.targets import TARGETS  # noqa: E402
from estafeta_testing import sandbox as testing  # noqa: E402
from estafeta_testing.relay import Relay  # noqa: E402

FOLDER = HERE.parents[1] / ".cache" / "fuzz"
ATHERIS = HERE.parents[1] / ".cache" / "atheris"  # where `make fuzz` installs it
SEEDS = 1_000_000


@click.command()
@click.option("--target", "names", multiple=True, type=click.Choice(list(TARGETS)), help="Only these.")
@click.option("--seconds", type=float, help="Fuzz each target by coverage for so long.")
@click.option("--mutants", type=int, help="Try so many mutants, shared out over the targets.")
@click.option("--smtp", type=int, help="Send so many mutants through a sandbox.")
@click.option("--http", "requests", type=int, help="Send so many mutants to the web service of one.")
@click.option("--seed", type=int, help="What chance is made from. [default: another each time, and printed]")
def main(
    names: tuple[str, ...],
    seconds: float | None,
    mutants: int | None,
    smtp: int | None,
    requests: int | None,
    seed: int | None,
) -> None:
    """Look for inputs that break a promise."""
    targets = [TARGETS[name] for name in names or TARGETS]
    seed = random.randrange(SEEDS) if seed is None else seed
    if seconds is None and mutants is None and smtp is None and requests is None:
        seconds = 60.0
    click.echo(f"seed {seed}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = 0
    if seconds is not None:
        found += sum(_covered(target.name, seconds, seed) for target in targets)
    for target, count in shared_out(mutants, targets) if mutants else ():
        tally = mutate(target, count, seed)
        click.echo(
            f"{target.name}: {tally.tried} mutants in {tally.seconds:.0f} s, slowest {tally.slowest:.2f} s"
        )
        found += sum(_kept(target.name, data, why) for data, why in tally.found)
    if smtp:
        found += _over_smtp(smtp, seed)
    if requests:
        found += _over_http(requests, seed)
    click.echo("nothing was found" if not found else f"{found} found, in {FOLDER}")
    sys.exit(1 if found else 0)


def _kept(name: str, data: bytes, why: str) -> int:
    path = FOLDER / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    click.echo(f"{path}:\n{why}", err=True)
    return 1


def _covered(name: str, seconds: float, seed: int) -> int:
    paths = (HERE, HERE.parent / "support", ATHERIS, os.environ.get("PYTHONPATH", ""))
    command = [sys.executable, "-m", "estafeta_fuzz.covered", name, str(FOLDER)]
    flags = [f"-max_total_time={seconds:.0f}", f"-seed={seed + 1}", "-max_len=20000", "-print_final_stats=1"]
    click.echo(f"{name}: {TARGETS[name].promise}")
    path = os.pathsep.join(map(str, paths))
    done = subprocess.run(
        [*command, *flags, "-timeout=60", "-rss_limit_mb=4096"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    said = done.stderr + done.stdout
    runs = next((line for line in said.splitlines() if "number_of_executed_units" in line), "")
    last = next((line for line in reversed(said.splitlines()) if " cov: " in line), "")
    click.echo(f"  {runs.strip()}; {last.strip()}")
    if done.returncode:
        click.echo(said[-6000:], err=True)
    return int(done.returncode != 0)


def _over_smtp(count: int, seed: int) -> int:
    with testing.running() as running:
        relay = Relay(running.description)
        answers = send(relay, count, seed, click.echo)
        faults = [*answers.faults, *((b"", line) for line in harm(relay))]
    click.echo(
        f"smtp: {answers.accepted} accepted, {answers.refused} refused for good, {len(faults)} faults,"
        f" {len(answers.slow)} over {LIMIT:g} s, slowest {answers.slowest:.2f} s"
    )
    return sum(_kept("smtp", data, why) for data, why in faults)


def _over_http(count: int, seed: int) -> int:
    with testing.running() as running:
        relay = Relay(running.description)
        answers = http.send(relay, count, seed, click.echo)
        faults = [*answers.faults, *((b"", line) for line in harm(relay))]
    click.echo(
        f"http: {answers.tried} tried, {dict(answers.statuses)}, {len(faults)} faults,"
        f" {len(answers.slow)} over {http.LIMIT:g} s, slowest {answers.slowest:.2f} s"
    )
    return sum(_kept("http", data, why) for data, why in faults)


if __name__ == "__main__":
    main()
