"""How the CPU of a message grows with its size, its links and its recipients.

The smallest input is the fixed cost. Beyond it each doubling may cost at most a quarter more than growth in a
straight line would. What is less than the fixed cost, whose noise would count several times, is not judged.
Every message is tracked and signed, and CPU is that of all processes, Postfix's too.
"""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from bench import measure, messages
from bench.contenders import estafeta
from bench.mail import CPU, Template, once
from bench.measure import Contender
from bench.rounds import Case, Report, Row, Settings, Target, interleave
from bench.sections import copies

TITLE = "Cost curves"
TOLERANCE = 1.25
ROUNDS = 3  # at most: a round is a minute
BYTES, COPIES = 32 << 20, 400  # of all messages of a point together
OURS = "CPU ms of our daemons"
GROWTH = "to a straight line"
KB = 1024


@dataclass(frozen=True, slots=True)
class Curve:
    """What grows, from its smallest value, doubled from the second on."""

    name: str
    points: Sequence[int]
    template: Callable[[int, str], bytes]  # takes a point and the sender
    count: Callable[[int], int]  # messages that make a point's CPU large enough to be read


def _listed(recipients: int, sender: str) -> bytes:
    """Return a message to one by RCPT TO and the others in bcc."""
    shape = copies.Shape("", "bcc", 4 * KB, 5)
    addresses = [f"r{number}@dest.example" for number in range(recipients)]
    return copies.template(shape, addresses, sender, listed=True)


CURVES = (
    Curve(
        "size, KB",
        [5 << step for step in range(12)],
        lambda point, sender: messages.newsletter(point * KB, 20, sender),
        lambda point: max(4, min(300, BYTES // (point * KB))),
    ),
    Curve(
        "links",
        [0, 39, 78, 156, 312, 625, 1250, 2500, 5000],
        lambda point, sender: messages.newsletter(4 * KB, point, sender),
        lambda point: max(20, min(300, 40_000 // (point or 1))),
    ),
    Curve(
        "recipients", [1, 2, 4, 8, 16, 31, 62, 125, 250, 500, 1000], _listed, lambda n: max(1, COPIES // n)
    ),
)


def run(settings: Settings) -> Report:
    """Take every point of every curve."""
    with estafeta.running() as ours:
        contender = ours.contender("signed", estafeta.SIGNED)
        daemons = tuple(pid for role, pid in ours.processes.items() if role != "postfix")
        cases = [
            Case(curve.name, f"{point:,}", partial(_round, contender, daemons, curve, point))
            for curve in CURVES
            for point in curve.points
        ]
        results = interleave(cases, min(settings.rounds, ROUNDS))
    targets = []
    for curve in CURVES:
        rows = [row for row in results.rows if row.load == curve.name]
        worst = max(_judged(curve.points, rows), default=1.0)
        targets.append(
            Target(f"cost over {curve.name}: worst doubling {GROWTH}", [worst], TOLERANCE, at_most=True)
        )
    return Report(results.rows, targets)


def _round(
    contender: Contender, daemons: tuple[int, ...], curve: Curve, point: int, share: float
) -> Mapping[str, float]:
    count = max(1, int(curve.count(point) * share))
    template: Template = partial(curve.template, point)
    before = measure.cpu_seconds(daemons)
    done = once(contender, template, count, sessions=min(20, count))
    return {CPU: done[CPU], OURS: (measure.cpu_seconds(daemons) - before) * 1000 / count}


def _judged(points: Sequence[int], rows: Sequence[Row]) -> Iterator[float]:
    """Yield how much more each doubling costs than in a straight line, and note it in the rows."""
    costs = [statistics.median(row.measures[CPU]) for row in rows]
    smallest, fixed = points[0], costs[0]
    for (low, high), (less, more), row in zip(pairwise(points), pairwise(costs), rows[1:], strict=True):
        if less - fixed >= fixed:
            growth = (more - fixed) / (less - fixed) / ((high - smallest) / (low - smallest))
            row.measures[GROWTH] = [growth]
            yield growth
