"""Kill everything at random under load, then see whether any message was lost, doubled or spoilt.

    .venv/bin/python tests/chaos/run.py --seconds 120 --seed 7

A sandbox of its own is started, and taken down in the end. Clients send over its real listeners, a third
of the messages to several people; meanwhile daemons of ours and of Postfix's are killed with SIGKILL. Then
three sources are compared: what the clients were told, what was delivered, what the store says (`judge`).

Exit status 0: nothing was found; 1: something was, and is told with lines of the log; 2: it could not run.
"""

import random
import sys
import time
from pathlib import Path

import click

sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

from estafeta_chaos import report  # noqa: E402 - the path above leads to what these import
from estafeta_chaos.killer import KINDS  # noqa: E402
from estafeta_chaos.letters import MIX  # noqa: E402
from estafeta_chaos.run import Plan, run, store  # noqa: E402
from estafeta_postfix.sandbox.child import StartError, started  # noqa: E402
from estafeta_testing.relay import Relay  # noqa: E402
from estafeta_testing.sandbox import STORES  # noqa: E402

SEEDS = 1_000_000


@click.command()
@click.option("--seconds", default=120.0, show_default=True, help="How long there are kills.")
@click.option("--seed", type=int, help="What chance is made from. [default: another each time, and printed]")
@click.option("--clients", default=8, show_default=True, help="SMTP clients at a time.")
@click.option("--every", default=0.5, show_default=True, help="Seconds from kill to kill, on average.")
@click.option("--kill", "kinds", multiple=True, type=click.Choice(KINDS), help="Only these. [default: all]")
@click.option("--no-kills", is_flag=True, help="Load alone.")
@click.option("--mix", help=f"Weights of messages. [default: {','.join(f'{k}={w}' for k, w in MIX.items())}]")
@click.option("--patience", default=300.0, show_default=True, help="Seconds for the queue to run empty.")
@click.option("--accepted", default=0, help="Go on until so many messages are accepted.")
@click.option("--each", default=0, help="And until each of our daemons was killed so often.")
@click.option("--store", "kind", type=click.Choice(STORES), default=STORES[0], show_default=True)
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Keep the sandbox in this new folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
def main(
    seconds: float,
    seed: int | None,
    clients: int,
    every: float,
    kinds: tuple[str, ...],
    no_kills: bool,
    mix: str | None,
    patience: float,
    accepted: int,
    each: int,
    kind: str,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Kill daemons at random under load and check what becomes of every message."""
    plan = Plan(
        seed=random.randrange(SEEDS) if seed is None else seed,
        seconds=seconds,
        clients=clients,
        every=every,
        kinds=() if no_kills else kinds or KINDS,
        mix=_weights(mix) if mix else MIX,
        patience=patience,
        accepted=accepted,
        each=each,
    )
    where = ["--dir", str(folder)] if folder else []
    began = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"chaos, seed {plan.seed}, {time.monotonic() - began:4.0f} s: {text}", err=True)

    say("starting a sandbox")
    try:
        with store(kind) as (arguments, server), started([*arguments, *where]) as description:
            result = run(Relay(description), plan, say, server)
    except StartError as error:
        say(str(error))
        sys.exit(2)
    click.echo(report.as_json(result) if as_json else report.as_text(result))
    sys.exit(1 if result.verdict.violations else 0)


def _weights(text: str) -> dict[str, int]:
    weights = {name: int(weight) for name, _, weight in (each.partition("=") for each in text.split(","))}
    if unknown := weights.keys() - MIX.keys():
        raise click.UsageError(f"--mix: there is no kind {', '.join(sorted(unknown))}")
    return weights


if __name__ == "__main__":
    main()
