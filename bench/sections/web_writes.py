"""What keeps the store busy during `python -m bench --only web`: transmissions, written at a steady rate.

    python -m bench.sections.web_writes STORE RATE COUNT

Writes COUNT transmissions first, prints their message ids, a line each, and an empty line; and then writes
RATE a second until it is killed, each in a transaction of its own, as the milter does.
"""

import sys
import time

from estafeta_core.ids import IdSource
from estafeta_core.store import open_store
from estafeta_core.store.rows import Event, Message, Row, Transmission

IDS = IdSource()


def rows(recipient: str) -> tuple[int, list[Row]]:
    """Return the message id and the rows of one accepted message."""
    now, transmission_id, message_id = time.time_ns() // 1_000_000, IDS.next(), IDS.next()
    transmission = Transmission(
        transmission_id=transmission_id,
        queue_id=f"4j{transmission_id:x}",
        account="acme",
        credential="main",
        subaccount=None,
        dialect="sparkpost",
        listener="bench",
        customer_id="acme",
        injection_time=now,
        msg_from="b+t@bounce.example",
        friendly_from="bench@acme.example",
        subject="news",
        msg_size=20_480,
        campaign_id="bench",
        metadata={},
        tags=(),
        open_tracking=True,
        click_tracking=True,
        initial_pixel=True,
        transactional=False,
    )
    message = Message(message_id, transmission_id, recipient, recipient)
    injection = Event(IDS.next(), "injection", now, transmission_id, message_id, "acme", None, {})
    return message_id, [transmission, message, injection]


def main() -> None:
    """Write until killed."""
    store = open_store(sys.argv[1])
    rate, count = int(sys.argv[2]), int(sys.argv[3])
    for number in range(count):
        message_id, made = rows(f"reader{number}@dest.example")
        store.record(made)
        print(message_id)
    print(flush=True)
    due = time.monotonic()
    while True:
        store.record(rows("someone@dest.example")[1])
        # What a second of standstill has kept back is made up for, and no more.
        due = max(due + 1 / rate, time.monotonic() - 1)
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
