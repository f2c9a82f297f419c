"""Run every contender in turn, round after round, and print rates, CPU and ratios.

Only ratios of one run travel to another machine. Each round runs all contenders one
after the other, so that whatever else the machine does falls on all of them; a ratio
is taken within its round, and the table gives medians with the lowest and highest.
"""

import sys
import time

import click

from bench import copies, limits, measure, messages, reference, subject, web
from bench.load import send
from bench.measure import Contender, Round, spread

LOADS = {
    "4 KB": messages.plain(4096),
    "40 KB": messages.plain(40960),
    "4 KB, tracked": messages.newsletter(4096, 5),
    "20 KB, tracked": messages.newsletter(20480, 20),
    "40 KB, tracked": messages.newsletter(40960, 20),
}
TARGETS = {"4 KB": 0.80, "40 KB": 0.80, "20 KB, tracked": 0.60}


@click.command()
@click.option("--rounds", default=7, show_default=True, help="How often each contender runs.")
@click.option("--messages", "count", default=2000, show_default=True, help="Messages in a round.")
@click.option("--sessions", default=20, show_default=True, help="SMTP connections at a time.")
@click.option("--copies", "recipients", default=0, help="Compare one message to this many in cc and bcc.")
@click.option("--web", "of_web", is_flag=True, help="Compare pixel and redirect with uvicorn alone.")
@click.option("--limits", "of_limits", is_flag=True, help="Compare limits in memory and on Redis.")
def main(rounds: int, count: int, sessions: int, recipients: int, *, of_web: bool, of_limits: bool) -> None:
    """Compare Estafeta with bare Postfix and with a pymilter that does nothing."""
    if of_limits:
        limits.compare(rounds)
        return
    if of_web:
        web.compare(rounds)
        return
    if recipients:
        copies.compare(rounds, recipients)
        return
    with reference.running() as other, subject.running() as ours:
        results: dict[tuple[str, str], list[Round]] = {}
        for turn in range(rounds + 1):
            for load, template in LOADS.items():
                for contender in (*other, ours.contender):
                    done = _round(contender, template, count if turn else count // 4, sessions)
                    if turn:  # the first turn warms up
                        results.setdefault((load, contender.name), []).append(done)
                    _progress(turn, rounds, f"{load}, {contender.name}", done)
        click.echo("\r" + " " * 78 + "\r", err=True, nl=False)
        _table(results)
        measure.print_memory(ours.processes)


def _round(contender: Contender, template: bytes, count: int, sessions: int) -> Round:
    before = measure.cpu_seconds(contender.roots)
    seconds = send(contender.server, template, messages=count, sessions=sessions)
    queues = [contender.queue / name for name in ("incoming", "active")]
    while any(path.is_file() for queue in queues for path in queue.iterdir()):
        time.sleep(0.05)
    time.sleep(0.3)  # the log follower reads what the last deliveries wrote
    return Round(count / seconds, (measure.cpu_seconds(contender.roots) - before) * 1000 / count)


def _progress(turn: int, rounds: int, what: str, done: Round) -> None:
    if sys.stderr.isatty():
        click.echo(f"\rround {turn}/{rounds}: {what}: {done.rate:.0f} msg/s".ljust(78), err=True, nl=False)


def _table(results: dict[tuple[str, str], list[Round]]) -> None:
    for load in LOADS:
        noop = results[load, "no-op pymilter"]
        click.echo(f"\n{load}")
        click.echo(f"  {'':16}{'msg/s':>28}{'CPU ms a message':>28}{'ratio to the no-op pymilter':>32}")
        for name in ("bare Postfix", "no-op pymilter", "Estafeta"):
            rounds = results[load, name]
            ratios = [one.rate / base.rate for one, base in zip(rounds, noop, strict=True)]
            rates = "{:.0f} ({:.0f} to {:.0f})".format(*_three([one.rate for one in rounds]))
            cpu = spread([one.cpu_ms for one in rounds])
            wanted = load in TARGETS and name == "Estafeta"
            target = f", target {TARGETS[load]:.2f}" if wanted else ""
            click.echo(f"  {name:16}{rates:>28}{cpu:>28}{spread(ratios):>32}{target}")


def _three(values: list[float]) -> tuple[float, float, float]:
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[0], ordered[-1]


if __name__ == "__main__":
    main()
