"""The shape of estafeta.yaml: every key an operator may set, its type and its default.

`load.py` reads the file into these structs and names file, line and key when
something does not fit; an unknown key is an error. Every option has one line in
the sample configuration. Sizes are bytes, times are seconds.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

Tls = Literal["none", "starttls", "required", "implicit"]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Listener(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One SMTP service of Postfix, with the dialects it speaks."""

    dialects: tuple[str, ...]
    port: Port
    bind: str = "127.0.0.1"
    tls: Tls = "required"
    mechanisms: tuple[Literal["PLAIN", "LOGIN"], ...] = ()  # empty: what its dialects document
    size_limit: Count = 0  # announced as SIZE; 0: the smallest its dialects document
    idle_timeout: Positive = 60  # SparkPost closes idle connections after a minute
    recipients_per_message: Positive = 1000  # Postfix's own smtpd_recipient_limit
    messages_per_connection: Count = 0  # 0: no limit; then 421, and the client reconnects
    hostname: str = ""  # in the answer to EHLO; "": the hostname of the whole
    receipt: bool = False  # answer the final dot with the provider's receipt, by a proxy before the queue
    deprecated: bool = False  # log a line for each use


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the web service listens; recipients reach it at `base_url`."""

    bind: str = "127.0.0.1"
    port: Port = 8025
    trusted_proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-For tells the client's address


class Hosting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files, images and web versions that are kept for recipients, below state_dir."""

    base_url: str = ""  # a host of their own, so that what strangers sent shares no origin; "": base_url
    quota: Positive = 1024 * 1024 * 1024  # bytes for each account
    retention_days: Count = 365  # 0: for ever


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """For how many days the store keeps what; 0: for ever.

    The longest period that statistics are asked for is a year, and they are counted from events.
    """

    events: Count = 400
    messages: Count = 400  # with their transmissions; none goes before the last of its events
    contacts: Count = 0  # and groups
    suppressions: Count = 0


class IpPool(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Addresses of this host that some mail leaves from: a transport of Postfix's of its own."""

    bind_address: str = ""  # IPv4; "": no mail by IPv4, where the other one is given
    bind_address6: str = ""  # IPv6; "": no mail by IPv6, where the other one is given; neither: any address
    helo: str = ""  # "": the hostname of the whole


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How failed logins are slowed down (in Dovecot's way)."""

    failure_delay: Annotated[float, msgspec.Meta(ge=0)] = 2.0  # before the first refusal of an address
    # The delay doubles up to this, and to 8 at most: Postfix waits 10 s for the answer.
    failure_delay_limit: Annotated[float, msgspec.Meta(ge=0)] = 8.0
    failures_per_minute: Positive = 60  # more from one address are answered 454, unchecked
    password_checks: Positive = 2  # argon2 verifications at a time; each takes 19 MiB and about 30 ms


class Mime(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds on what is taken apart; real mail stays far below them."""

    depth: Positive = 50
    parts: Positive = 1000
    header_count: Positive = 1000
    header_bytes: Positive = 262_144  # of one block; Postfix lets a field of 60,000 through
    past_bound: Literal["pass", "refuse"] = "pass"  # deliver it untouched, or answer 550 5.6.0


class Webhooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How events are posted to those who asked for them, and whereto they may be."""

    batch_seconds: Annotated[float, msgspec.Meta(gt=0)] = 5.0  # between two batches that are not full
    batch_events: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 350  # SparkPost's batches have 1 to 350
    posts: Positive = 100  # at a time; a receiver that never answers holds one for 10 seconds
    retry_hours: Annotated[float, msgspec.Meta(gt=0)] = 8.0  # as SparkPost; then a batch is given up
    backlog: Positive = 100_000  # events that wait for one webhook; the oldest beyond are given up
    allow_networks: tuple[str, ...] = ()  # besides public addresses; every port of theirs
    allow_ports: tuple[Port, ...] = ()  # of public addresses besides 80 and 443, which SparkPost allows


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole of estafeta.yaml. Relative paths count from the folder of the file."""

    hostname: str
    base_url: str
    bounce_domain: str
    listeners: dict[str, Listener]
    signing_keys: tuple[Path, ...]  # the first signs, all verify
    ip_pools: dict[str, IpPool] = {}
    # RCPT TO, cc, bcc and archive together. Postfix is told to read 5,000 of a message at once, and has to
    # read to the end; a job has room for about 7,000, in the 59,000 bytes of its field.
    copies_per_message: Annotated[int, msgspec.Meta(ge=1, le=4000)] = 2000
    store: str = "sqlite:////var/lib/estafeta/estafeta.db"
    accounts_dir: Path = Path("accounts.d")
    run_dir: Path = Path("/run/estafeta")  # sockets
    state_dir: Path = Path("/var/lib/estafeta")  # what must outlive a restart besides the store
    maillog: Path = Path("/var/log/mail.log")
    queue_directory: Path = Path("/var/spool/postfix")  # for the receipt proxy: its listener is there
    # On loopback: where Postfix hands over copies that differ. Mail filters are used to 10025 and 10026.
    delivery_port: Port = 10587
    socket_group: str = "postfix"  # who besides us may open the sockets
    log_format: Literal["text", "json"] = "text"  # of the daemons' own lines, on standard error
    milter_processes: Count = 0  # 0: one a core
    # Below the 60 s a client waits for the reply to its final dot.
    store_timeout: Annotated[float, msgspec.Meta(gt=0, lt=60)] = 20.0
    web: Web = Web()
    hosting: Hosting = Hosting()
    retention: Retention = Retention()
    auth: Auth = Auth()
    mime: Mime = Mime()
    webhooks: Webhooks = Webhooks()
