"""R5: a day's traffic for an hour. Nothing grows, nothing gets slower, and all counts agree in the end."""

import contextlib
import time
from collections import Counter
from collections.abc import Sequence

from estafeta_chaos import ground
from estafeta_soak.hooks import Counting, hooked
from estafeta_soak.mail import Senders, Sent, accepted, newsletter, others, percentile
from estafeta_soak.readers import ANSWERS, Readers
from estafeta_soak.step import Plan, Row
from estafeta_soak.watch import Watch, slope, step
from estafeta_testing.relay import Relay
from estafeta_testing.stored import look, unsound

MINUTES = 60
SESSIONS, RATE = 20, 40.0  # messages a second
KILOBYTES, LINKS = 20, 20
HITS = 50.0  # requests a second
WARM = 0.2  # of the time: memory is not looked at before
TELL_EVERY = 30.0  # seconds
PATIENCE = 600.0  # seconds for the queue, the worker and the webhook to have done everything

LEAST = 5.0  # MB an hour that a process may grow
TOTAL, EACH = 400.0, 150.0  # MB
FLAT = 5  # descriptors, threads or processes more or less
SLOWER = 1.3  # times: the last tenth's p99 to the first's


def run(plan: Plan, row: Row) -> None:
    """Run the row."""
    seconds = plan.seconds(MINUTES * 60)
    with plan.sandbox() as (relay, _), hooked(relay) as counting:
        template = newsletter(KILOBYTES, LINKS)
        with (
            Watch(relay) as watch,
            Readers(relay, rate=HITS) as readers,
            Senders(relay, template, sessions=SESSIONS, rate=RATE) as senders,
        ):
            seconds = _pass(plan, seconds, senders, readers, counting, watch)
        _settle(plan, relay, senders.sent, readers, counting)
        _counts(row, relay, senders.sent, readers, counting)
        row.hold("faults that daemons logged", "0", len(own := ground.own_failures(relay)), not own)
    _speed(row, senders.sent, seconds)
    _memory(row, watch, seconds)
    row.figures |= {
        "seconds of load": round(seconds),
        "messages accepted": len(accepted(senders.sent)),
        "messages a second": round(len(accepted(senders.sent)) / seconds, 1),
        "other replies": dict(others(senders.sent)),
        "requests answered": len(readers.hits),
        "requests a second": round(len(readers.hits) / seconds, 1),
        "events posted": len(counting.events),
        "load of the machine, first and last tenth": _ends([load for _, load in watch.loads]),
    }


def _pass(
    plan: Plan, seconds: float, senders: Senders, readers: Readers, counting: Counting, watch: Watch
) -> float:
    """Let the time go by, or until Ctrl-C; return how long it was."""
    began = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):
        _tell(plan, seconds, senders, readers, counting, watch)
    return time.monotonic() - began


def _tell(
    plan: Plan, seconds: float, senders: Senders, readers: Readers, counting: Counting, watch: Watch
) -> None:
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        time.sleep(min(TELL_EVERY, seconds - passed))
        recent = [each.waited for each in senders.sent[-1000:] if each.waited is not None]
        rss = {name: f"{samples[-1].rss:.0f}" for name, samples in list(watch.samples.items())}
        plan.say(
            f"R5, {time.monotonic() - began:.0f} of {seconds:.0f} s: {len(senders.sent)} sent,"
            f" {len(readers.hits)} followed, {len(counting.events)} events posted,"
            f" p99 {percentile(recent, 0.99):.3f} s, MB {' '.join(f'{k} {v}' for k, v in rss.items())}"
        )


def _settle(plan: Plan, relay: Relay, sent: Sequence[Sent], readers: Readers, counting: Counting) -> None:
    """Wait until everything is delivered, recorded and posted."""
    ground.settle(relay, PATIENCE, plan.say)
    give_up = time.monotonic() + PATIENCE
    wanted = len(accepted(sent))
    while time.monotonic() < give_up:
        readers.outbox.look()
        stored = _stored(relay)
        hits = Counter(hit.kind for hit in readers.hits if hit.status == ANSWERS[hit.kind])
        done = stored["delivery"] >= wanted and all(stored[kind] >= hits[kind] for kind in ANSWERS)
        if done and len(counting.events) >= sum(stored.values()):
            return
        plan.say(f"R5, settling: {dict(stored)} stored, {len(counting.events)} posted")
        time.sleep(2)


def _stored(relay: Relay) -> Counter[str]:
    rows = look(relay.description["store"], "SELECT type, count(*) FROM events GROUP BY type")
    return Counter(dict(rows))


def _counts(row: Row, relay: Relay, sent: Sequence[Sent], readers: Readers, counting: Counting) -> None:
    """Hold everything that is counted to what is counted anew."""
    url = relay.description["store"]
    taken, stored = accepted(sent), _stored(relay)
    doubtful = sum(not each.known for each in sent)
    came = readers.outbox.came
    lost = [each.number for each in taken if not came[each.number]]
    row.hold("accepted, and not delivered", "0", len(lost), not lost)
    strangers = len(came.keys() - {each.number for each in taken})
    row.hold("delivered, and not accepted", f"at most {doubtful} in doubt", strangers, strangers <= doubtful)
    doubled = sum(count > 1 for count in came.values())
    row.hold("delivered twice", "0", doubled, not doubled)
    unreadable = readers.outbox.unreadable
    row.hold("copies without links, pixels or List-Unsubscribe", "0", unreadable, not unreadable)
    wrong = Counter(f"{hit.kind} {hit.status}" for hit in readers.hits if hit.status != ANSWERS[hit.kind])
    row.hold("requests answered otherwise", "none", dict(wrong), not wrong)
    hits = Counter(hit.kind for hit in readers.hits if hit.status == ANSWERS[hit.kind])
    expected = Counter({"injection": len(came), "delivery": len(came)}) + hits
    row.hold("events in the store", f"{dict(expected)}", dict(stored), expected == stored)
    row.hold("events posted", "each at least once", dict(counting.types), counting.types == stored)
    again = sum(counting.events.values()) - len(counting.events)
    row.hold("events posted again", "0", again, not again)
    ((transmissions,),) = look(url, "SELECT count(*) FROM transmissions")
    row.hold("transmissions in the store", f"{len(came)}", transmissions, transmissions == len(came))
    gauges = _counters(relay)
    row.hold("counters of the milter", f"{len(came)}", gauges, gauges == len(came))
    broken = unsound(url)
    row.hold("the database's own check", "ok", "; ".join(broken) or "ok", not broken)


def _counters(relay: Relay) -> int:
    """Return how many messages the milter has counted as accepted."""
    lines = relay.http("GET", f"{relay.web}/metrics").body.decode().splitlines()
    return sum(
        int(float(line.rpartition(" ")[2]))
        for line in lines
        if line.startswith("estafeta_milter_messages") and 'outcome="accepted"' in line
    )


def _speed(row: Row, sent: Sequence[Sent], seconds: float) -> None:
    waits = [(each.due, each.waited) for each in sent if each.waited is not None]
    first = percentile([wait for due, wait in waits if due < seconds / 10], 0.99)
    last = percentile([wait for due, wait in waits if due >= seconds * 0.9], 0.99)
    ratio = last / first if first else 0.0
    text = f"{ratio:.2f} ({first * 1000:.0f} and {last * 1000:.0f} ms)"
    row.hold("p99 of the last tenth to the first's", f"at most {SLOWER}", text, ratio <= SLOWER)
    every = [wait for _, wait in waits]
    row.figures["dot to reply, ms, p50, p99, p99.9"] = [
        round(percentile(every, part) * 1000) for part in (0.5, 0.99, 0.999)
    ]
    row.figures["p99 by tenth, ms"] = [
        round(percentile([w for due, w in waits if n <= 10 * due / seconds < n + 1], 0.99) * 1000)
        for n in range(10)
    ]


def _memory(row: Row, watch: Watch, seconds: float) -> None:
    warm = seconds * WARM
    grown = {name: slope(samples, warm) for name, samples in watch.samples.items()}
    worst = max(grown, key=grown.__getitem__)
    row.hold(
        "growth of a process behind the first fifth",
        f"at most {LEAST:g} MB an hour",
        f"{worst} {grown[worst]:+.1f} MB an hour",
        grown[worst] <= LEAST,
    )
    most = {name: max(each.rss for each in samples) for name, samples in watch.samples.items()}
    largest = max(most, key=most.__getitem__)
    row.hold(
        "the largest process",
        f"at most {EACH:g} MB",
        f"{largest} {most[largest]:.0f} MB",
        most[largest] <= EACH,
    )
    row.hold("all daemons", f"at most {TOTAL:g} MB", f"{watch.total():.0f} MB", watch.total() <= TOTAL)
    for what in ("descriptors", "threads"):
        steps = {role: step(watch.together(role, what, warm)) for role in watch.processes[0]}
        far = max(steps, key=lambda role: abs(steps[role]))
        row.hold(f"{what} of a role", f"±{FLAT}", f"{far} {steps[far]:+.0f}", abs(steps[far]) <= FLAT)
    counts = {role: {look_[role] for look_ in watch.processes} for role in watch.processes[0]}
    row.hold(
        "processes of a role",
        f"±{FLAT}",
        ", ".join(f"{role} {'/'.join(map(str, sorted(seen)))}" for role, seen in counts.items()),
        all(max(seen) - min(seen) <= FLAT for seen in counts.values()),
    )
    row.figures["MB, first look behind the first fifth and last; growth in MB an hour"] = {
        name: [
            round(next((each.rss for each in samples if each.time >= warm), 0.0), 1),
            round(samples[-1].rss, 1),
            round(grown[name], 1),
        ]
        for name, samples in watch.samples.items()
    }
    row.figures["CPU ms a message of all daemons, by tenth"] = _cpu(watch, seconds)


def _cpu(watch: Watch, seconds: float) -> list[float]:
    """Return the CPU time of all daemons for each message, in each tenth of the time."""
    found = []
    for number in range(10):
        since, until = number * seconds / 10, (number + 1) * seconds / 10
        used = 0.0
        for samples in watch.samples.values():
            part = [each.cpu for each in samples if since <= each.time < until]
            used += part[-1] - part[0] if part else 0.0
        found.append(round(1000 * used / (RATE * seconds / 10), 2))
    return found


def _ends(values: Sequence[float]) -> list[float]:
    tenth = max(1, len(values) // 10)
    parts = (values[:tenth], values[-tenth:])
    return [round(sum(part) / len(part), 1) for part in parts if part]
