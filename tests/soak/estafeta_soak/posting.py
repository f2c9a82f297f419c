"""R3: webhooks whose receiver is away, comes and goes, and whose sender is killed: no event is lost."""

import socket
import time
from http.server import BaseHTTPRequestHandler

from estafeta_core.store.rows import Event, Message, Transmission
from estafeta_soak.hooks import Counting, hooked
from estafeta_soak.step import Plan, Row
from estafeta_testing.receiver import answering
from estafeta_testing.relay import Relay
from estafeta_testing.stored import IDS, look, make_rows
from estafeta_testing.victims import Victims

EVENTS, BATCH = 50_000, 100
DOWN, FLAPPING = 600.0, 120.0  # seconds
FLAP = 4.0  # seconds of each turn
KILLS = 20  # of the worker, behind that
AGAIN = 0.01  # of the events may come again, beside those that were being posted when the worker was killed
A_BATCH = 1000  # events at most in one post, for each kill
PATIENCE = 900.0


def run(plan: Plan, row: Row) -> None:
    """Run the row."""
    events, kills = plan.count(EVENTS), plan.count(KILLS)
    with plan.sandbox() as (relay, _), hooked(relay, ("delivery",)) as counting:
        part = events // 3
        _away(counting)
        _happen(relay, part)
        plan.say(f"R3: {part} events, and nobody takes them")
        time.sleep(plan.seconds(DOWN))
        row.hold("events taken while the receiver is away", "0", len(counting.events), not counting.events)
        _flap(plan, relay, counting, part)
        back = time.monotonic()
        again = sum(counting.events.values()) - len(counting.events)
        _killed(plan, relay, counting, events - 2 * part, kills)
        give_up = time.monotonic() + PATIENCE
        stored = _stored(relay)
        while len(counting.events) < len(stored) and time.monotonic() < give_up:
            time.sleep(0.5)
        seconds = time.monotonic() - back
        lost = stored - counting.events.keys()
        row.hold("events that did not come", "0", len(lost), not lost)
        strange = counting.events.keys() - stored
        row.hold("events that are not in the store", "0", len(strange), not strange)
        limit = int(AGAIN * events)
        row.hold("events that came again, before the kills", f"at most {limit}", again, again <= limit)
        again = sum(counting.events.values()) - len(counting.events) - again
        row.hold(
            "and with them", f"at most {limit + A_BATCH * kills}", again, again <= limit + A_BATCH * kills
        )
        torn = counting.torn
        row.hold("batches that came again with other events", "0", torn, not torn)
    row.figures |= {"events": len(stored), "kills": kills, "seconds until all had come": round(seconds)}


def _away(counting: Counting) -> None:
    """Have the receiver hang up, and take nothing."""

    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.shutdown(socket.SHUT_RDWR)

    counting.up, counting.behave = False, hang_up


def _back(counting: Counting) -> None:
    counting.up, counting.behave = True, answering(200)


def _happen(relay: Relay, count: int) -> None:
    """Have so many deliveries happen, as the worker records them."""
    with relay.store() as store:
        for _ in range(max(1, count // BATCH)):
            rows = make_rows(
                *(f"r{number}@example.net" for number in range(BATCH)), queue_id=f"4X{IDS.next()}"
            )
            (transmission,) = (row for row in rows if isinstance(row, Transmission))
            messages = [row for row in rows if isinstance(row, Message)]
            store.record([transmission, *messages, *(_delivery(transmission, each) for each in messages)])


def _delivery(transmission: Transmission, message: Message) -> Event:
    now = time.time_ns() // 1_000_000
    ids = (transmission.transmission_id, message.message_id, transmission.account)
    return Event(IDS.next(), "delivery", now, *ids, None, {})


def _flap(plan: Plan, relay: Relay, counting: Counting, part: int) -> None:
    give_up = time.monotonic() + plan.seconds(FLAPPING)
    turns = max(1, int(plan.seconds(FLAPPING) / FLAP))
    while time.monotonic() < give_up:
        _back(counting)
        _happen(relay, part // turns)
        time.sleep(FLAP / 2)
        counting.behave, counting.up = answering(500), False
        time.sleep(FLAP / 2)
    _back(counting)
    plan.say(f"R3: {len(counting.events)} events had come and gone when it stayed")


def _killed(plan: Plan, relay: Relay, counting: Counting, part: int, kills: int) -> None:
    victims = Victims(relay)
    for number in range(kills):
        _happen(relay, part // kills)
        time.sleep(0.3 + 0.13 * number % 1)
        pid = victims.pids("worker")[0]
        victims.kill("worker")
        victims.replaced("worker", pid)
    plan.say(f"R3: {len(counting.events)} events had come, {kills} kills")


def _stored(relay: Relay) -> set[int]:
    rows = look(relay.description["store"], "SELECT event_id FROM events WHERE type = 'delivery'")
    return {event_id for (event_id,) in rows}
