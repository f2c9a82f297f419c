"""Take two hosts apart under load, one fault after the other, and see what becomes of every message.

    .venv/bin/python tests/hosts/hosts.py --seed 7

Two Postfix hosts with everything of Estafeta's, HAProxy, PostgreSQL, Redis and a mail server that is the rest
of the world run in network namespaces of their own; nothing of it touches the machine's network, and all of
it ends with this program. docs/hosts.md has the configurations, which are those that are run here.

Exit status 0: every promise was kept; 1: one was not, and is told; 2: it could not run.
"""

import json
import os
import random
import sys
import time
from dataclasses import asdict
from pathlib import Path

import click

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "chaos"), str(HERE.parent / "support")]

from estafeta_hosts.stage import built  # noqa: E402 - the path above leads to it
from estafeta_hosts.trial import Trial  # noqa: E402

SEEDS = 1_000_000
INSIDE = "ESTAFETA_HOSTS_INSIDE"  # set once this program has its namespaces
# A network, mounts and processes of its own, which the kernel takes away with the first of them. That is a
# shell, which also takes leave of those that the killed leave behind.
NAMESPACES = (
    *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
    *("sh", "-c", '"$@"; exit $?', "sh", sys.executable),
)


@click.command()
@click.option("--seed", type=int, help="What chance is made from. [default: another each time, and printed]")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
def main(seed: int | None, *, as_json: bool) -> None:
    """Take two hosts apart under load and check what becomes of every message."""
    if os.geteuid() != 0:
        click.echo("Network namespaces need root: run this as root.", err=True)
        sys.exit(2)
    if INSIDE not in os.environ:
        os.execvpe(NAMESPACES[0], [*NAMESPACES, *sys.argv], {**os.environ, INSIDE: "1"})
    seed = random.randrange(SEEDS) if seed is None else seed
    began = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"hosts, seed {seed}, {time.monotonic() - began:4.0f} s: {text}", err=True)

    say("starting two hosts, HAProxy, PostgreSQL and Redis")
    with built() as stage:
        result = Trial(stage, seed, say).run()
    click.echo(json.dumps(asdict(result), indent=None if as_json else 2))
    sys.exit(1 if result.broken else 0)


if __name__ == "__main__":
    main()
