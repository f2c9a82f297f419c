"""R6: how long a client waits behind the final dot, at twenty sessions that send without a pause."""

from estafeta_soak.mail import Senders, accepted, newsletter, others, percentile
from estafeta_soak.step import Plan, Row

MINUTES = 2
SESSIONS = 20
KILOBYTES, LINKS = 50, 100
MEGABYTES, LARGE = 10, 10  # of a message, and how many of them
GATE, RELEASE, LONG = 0.25, 1.0, 3.0  # seconds: p99, p99.9, and a message of 10 MB


def run(plan: Plan, row: Row) -> None:
    """Run the row."""
    seconds = plan.seconds(MINUTES * 60)
    with plan.sandbox() as (relay, _):
        with Senders(relay, newsletter(KILOBYTES, LINKS), sessions=SESSIONS) as senders:
            senders.wait(seconds)
        count = plan.count(LARGE)
        with Senders(relay, newsletter(MEGABYTES * 1024, LINKS), sessions=1, count=count) as large:
            large.wait(60 + 10 * count)
    waits = [each.waited or 0.0 for each in accepted(senders.sent)]
    for part, limit in ((0.99, GATE), (0.999, RELEASE)):
        found = percentile(waits, part)
        row.hold(
            f"p{100 * part:g} of {KILOBYTES} KB with {LINKS} links",
            f"at most {limit * 1000:.0f} ms",
            f"{found * 1000:.0f} ms",
            found <= limit,
        )
    slowest = max((each.waited or 0.0 for each in accepted(large.sent)), default=0.0)
    row.hold(
        f"the slowest message of {MEGABYTES} MB", f"at most {LONG:g} s", f"{slowest:.2f} s", slowest <= LONG
    )
    refused = others([*senders.sent, *large.sent])
    row.hold("other replies", "none", dict(refused) or "none", not refused)
    row.hold(
        "messages accepted",
        "all of the large ones",
        len(accepted(large.sent)),
        len(accepted(large.sent)) == count,
    )
    row.figures |= {
        "messages": len(waits),
        "messages a second": round(len(waits) / seconds, 1),
        "dot to reply, ms, p50, p99, p99.9, longest": [
            round(1000 * percentile(waits, part)) for part in (0.5, 0.99, 0.999, 1.0)
        ],
    }
