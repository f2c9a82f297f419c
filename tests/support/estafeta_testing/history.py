"""An account with a past: a send in every state, its events, group, content and suppressions."""

from dataclasses import dataclass, replace
from typing import Any

import httpx2

from estafeta_core.store.rows import (
    Content,
    Event,
    File,
    Group,
    GroupContact,
    Message,
    Row,
    Suppression,
    Transmission,
)
from estafeta_testing.site import Site
from estafeta_testing.stored import IDS, make_rows

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
# What strangers may write into events.
WRITTEN = ("user_agent", "target_link_name", "target_link_url", "raw_reason", "report_by", "user_str")
REASON = "550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown"
TITLE = "Spring news"
FORM = {"Sec-Fetch-Site": "same-origin"}  # what a browser says of a form of the page it shows

# What became of the recipients of a send: the events of each behind the injection.
LIVES: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "alice": (
        (
            "delivery",
            {"ip_address": "192.0.2.25", "queue_time": "850", "num_retries": "0", "outbound_tls": "1"},
        ),
        ("initial_open", {"ip_address": "198.51.100.7", "user_agent": "Proxy/1.0", "automated": True}),
        ("open", {"ip_address": "198.51.100.8", "user_agent": AGENT}),
        ("click", {"ip_address": "198.51.100.8", "target_link_url": "https://shop.example/?a=1&b=2"}),
        ("list_unsubscribe", {"ip_address": "198.51.100.8"}),
    ),
    "bob": (("delay", {"raw_reason": "451 4.2.1 try later"}), ("bounce", {"raw_reason": REASON})),
    "carol": (
        ("delivery", {"ip_address": "192.0.2.25"}),
        ("spam_complaint", {"fbtype": "abuse", "report_by": "mail.example", "user_str": "Provider"}),
    ),
    "dave": (("bounce", {"bounce_class": "25", "reason": "Recipient address was suppressed"}),),
    "erin": (),
}


@dataclass(frozen=True, slots=True)
class History:
    """The ids of what was recorded."""

    transmission: Transmission
    messages: tuple[Message, ...]
    group_id: int

    @property
    def paths(self) -> list[str]:
        """Every page that is of one thing of this account."""
        id_ = self.transmission.transmission_id
        return [
            f"/sends/{id_}",
            f"/sends/{self.messages[0].message_id}",
            f"/sends/{self.transmission.queue_id}",
            f"/messages/{self.messages[0].message_id}",
            f"/groups/{self.group_id}",
            f"/groups/{id_}",
            f"/contents/{id_}",
            f"/contents/{id_}/html",
        ]


PLACES = ["/", "/sends", "/groups", "/contents", "/search", "/suppressions"]


def record(
    site: Site,
    account: str = "acme",
    text: str = TITLE,
    markup: bytes = b"<h1>Hello</h1>",
    recipients: tuple[str, ...] = tuple(LIVES),
) -> History:
    """Record a send of which every text that strangers may choose is `text`."""
    addresses = [f"{name}@example.net" for name in recipients]
    rows = make_rows(*addresses, account=account, queue_id=f"4X{IDS.next()}q")
    transmission = next(row for row in rows if isinstance(row, Transmission))
    told = replace(
        transmission,
        subject=text,
        campaign_id=text,
        tags=(text, "b"),
        metadata={text: text},
        language="es",
        friendly_from=text,
    )
    messages = tuple(row for row in rows if isinstance(row, Message))
    group_id = IDS.next()
    digest = site.shelf.keep(markup)
    now = transmission.injection_time
    more: list[Row] = [
        File(account, digest, len(markup), now),
        Content(transmission.transmission_id, messages[0].message_id, account, digest, "utf-8", now),
        Group(group_id, account, text, transmission.transmission_id, now),
        *(GroupContact(group_id, address) for address in addresses),
        Suppression(account, None, addresses[0], "non_transactional", "List Unsubscribe", text, now + 5000),
        Suppression(account, None, f"hard.{account}@example.net", "transactional", "Bounce Rule", text, now),
        *events(told, messages, text),
    ]
    site.store.record([told, *(row for row in rows if row is not transmission), *more])
    return History(told, messages, group_id)


def events(transmission: Transmission, messages: tuple[Message, ...], text: str) -> list[Row]:
    """Return what happened to the copies, a second apart."""
    return [
        Event(
            IDS.next(),
            kind,
            transmission.injection_time + 1000 * place,
            transmission.transmission_id,
            message.message_id,
            transmission.account,
            None,
            data if text == TITLE else data | dict.fromkeys(WRITTEN, text),
        )
        for message in messages
        for place, (kind, data) in enumerate(LIVES[message.rcpt_to.partition("@")[0].split(".")[0]], 1)
    ]


def sign_in(site: Site, secret: str, username: str = "") -> httpx2.Response:
    """Sign in with the client of the site, which keeps the cookie."""
    return site.http.post("/sign-in", data={"secret": secret, "username": username}, headers=FORM)
