"""Rows as the milter writes them for one accepted message, for tests that need something in the store."""

import time

from estafeta_core.ids import IdSource
from estafeta_core.store.rows import Event, Message, Row, Transmission

IDS = IdSource()


def make_rows(
    *recipients: str,
    account: str = "acme",
    queue_id: str = "4Xqueue",
    transactional: bool = False,
    language: str = "",
) -> list[Row]:
    """Return the rows of one accepted message."""
    now = time.time_ns() // 1_000_000
    transmission = Transmission(
        transmission_id=IDS.next(),
        queue_id=queue_id,
        account=account,
        credential="main",
        subaccount=None,
        dialect="sparkpost",
        listener="submission",
        customer_id=account,
        injection_time=now,
        msg_from="b+t@bounce.example.com",
        friendly_from=f"news@{account}.example",
        subject="Hello",
        msg_size=4096,
        campaign_id="spring",
        metadata={"user": "ü"},
        tags=("a", "b"),
        open_tracking=True,
        click_tracking=False,
        initial_pixel=True,
        transactional=transactional,
        language=language,
    )
    rows: list[Row] = [transmission]
    for recipient in recipients or ("alice@example.net",):
        message = Message(IDS.next(), transmission.transmission_id, recipient.lower(), recipient)
        injection = Event(
            IDS.next(),
            "injection",
            now,
            transmission.transmission_id,
            message.message_id,
            account,
            None,
            {"recv_method": "esmtp"},
        )
        rows += [message, injection]
    return rows
