"""The shape of estafeta.yaml: every key an operator may set, its type, its default and what it means.

`load.py` reads the file into these structs and names file, line and key when
something does not fit; an unknown key is an error. Sizes are bytes, times are seconds.
The texts below the fields are the operator's: tools/reference.py makes docs/reference.md and the page
estafeta.yaml(5) of them. Every option has one line in the sample configuration, too.
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
    """The providers whose clients may log in here. The first words what is refused before a login."""
    port: Port
    """TCP port."""
    bind: str = "127.0.0.1"
    """IP address to listen on."""
    tls: Tls = "required"
    """`none`; `starttls`: offered; `required`: before AUTH; `implicit`: from the first byte."""
    mechanisms: tuple[Literal["PLAIN", "LOGIN"], ...] = ()
    """SASL mechanisms. Empty: what the dialects document: PLAIN alone for Emitlo, LOGIN alone for Perfit and
    Teenvio."""
    size_limit: Count = 0
    """Bytes of a message, announced as SIZE. 0: each account may send what its provider documents, and the
    smallest of these is announced."""
    idle_timeout: Positive = 60
    """Seconds without a command until 421. SparkPost closes idle connections after a minute."""
    recipients_per_message: Positive = 1000
    """RCPT TO of a message. The number is Postfix's own `smtpd_recipient_limit`."""
    messages_per_connection: Count = 0
    """Messages until 421, after which the client connects anew. 0: no limit."""
    hostname: str = ""
    """The name in the greeting and in the answer to EHLO. Empty: `hostname` of the whole."""
    receipt: bool = False
    """Answer the final dot with the provider's own receipt (Teenvio), by a program in front of the queue."""
    proxy_protocol: bool = False
    """Take connections from a proxy alone, such as HAProxy, that says first who the client is (its PROXY
    protocol, version 1 or 2). Whoever else can reach the port can say that he is anybody."""
    deprecated: bool = False
    """Log a line for each use, so that it is seen who still uses an old port."""


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the web service listens; recipients reach it at `base_url`."""

    bind: str = "127.0.0.1"
    """IP address to listen on, behind an HTTPS proxy."""
    port: Port = 8025
    """TCP port."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose X-Forwarded-For tells the client's address. Empty: nobody's does."""


class Hosting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files, images and web versions that are kept for recipients, below `state_dir`."""

    base_url: str = ""
    """A host of their own, so that what strangers sent shares no origin with your pages. Empty: `base_url` of
    the whole."""
    quota: Positive = 1024 * 1024 * 1024
    """Bytes for each account, each content once. A message beyond it is refused."""
    retention_days: Count = 365
    """Days a file is kept after it was last sent; then its links answer 404. 0: for ever."""
    shared: bool = False
    """Of several hosts: `hosted` in `state_dir` is one folder for all of them, which each mounts there. While
    nothing is mounted, mail with such files is put off and their links are answered 503."""


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """For how many days the store keeps what; 0: for ever.

    The longest period that statistics are asked for is a year, and they are counted from events.
    """

    events: Count = 400
    """Days for deliveries, bounces, opens, clicks and all other events."""
    messages: Count = 400
    """Days for messages with their transmissions. None goes before the last of its events."""
    contacts: Count = 0
    """Days for contacts and groups."""
    suppressions: Count = 0
    """Days for suppressed addresses; after that they are mailed again."""


class IpPool(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Addresses of this host that some mail leaves from: a transport of Postfix's of its own.

    With neither address mail leaves from any.
    """

    bind_address: str = ""
    """IPv4 address of this host. Empty: no mail by IPv4, where the other one is given."""
    bind_address6: str = ""
    """IPv6 address of this host. Empty: no mail by IPv6, where the other one is given."""
    helo: str = ""
    """What the addresses are called in DNS. Empty: `hostname` of the whole."""


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How failed logins are slowed down (in Dovecot's way)."""

    failure_delay: Annotated[float, msgspec.Meta(ge=0)] = 2.0
    """Seconds before the first refusal of an address; it doubles with each further one."""
    failure_delay_limit: Annotated[float, msgspec.Meta(ge=0)] = 8.0
    """Seconds that it doubles up to, and no more than 8: Postfix waits 10 for the answer."""
    failures_per_minute: Positive = 60
    """Failed logins of one address. More are answered 454, unchecked, until the minute is over."""
    password_checks: Positive = 2
    """argon2 verifications at a time. Each takes 19 MiB and about 30 ms."""


class SharedLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the limits of accounts are counted when several hosts share them."""

    store: str = ""
    """URL of a Redis or Valkey server that all hosts name: redis://:PASSWORD@HOST:6379/0, rediss:// for TLS
    or unix:///PATH. Empty: each host counts by itself, in memory."""
    hosts: Positive = 1
    """How many hosts count there."""
    away: Literal["share", "defer"] = "share"
    """While it does not answer: share, each host lets its part of every limit pass; defer, 451 where a limit
    applies."""
    timeout: Annotated[float, msgspec.Meta(gt=0, le=4)] = 0.1
    """Seconds that a decision waits for it, and no more than 4: the milter waits 5 for the decision."""


class Mime(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds on what is taken apart; real mail stays far below them."""

    depth: Positive = 50
    """Parts inside parts."""
    parts: Positive = 1000
    """Parts of a message."""
    header_count: Positive = 1000
    """Header fields of a message."""
    header_bytes: Positive = 262_144
    """Bytes of one block of header fields. Postfix lets a field of 60,000 through."""
    past_bound: Literal["pass", "refuse"] = "pass"
    """What becomes of a message beyond these: `pass`: delivered untouched; `refuse`: 550 5.6.0."""


class Webhooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How events are posted to those who asked for them, and whereto they may be."""

    batch_seconds: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    """Seconds between two batches of a webhook that are not full. A full one goes at once."""
    batch_events: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 350
    """Events in a batch at most. SparkPost's have 1 to 350."""
    posts: Positive = 100
    """Posts at a time to all webhooks together; a receiver that never answers holds one for 10 seconds."""
    retry_hours: Annotated[float, msgspec.Meta(gt=0)] = 8.0
    """Hours a batch is tried for before it is given up, as SparkPost does."""
    backlog: Positive = 100_000
    """Events that wait for one webhook. The oldest beyond it are given up."""
    allow_networks: tuple[str, ...] = ()
    """Networks besides public addresses that may be posted to, on every port."""
    allow_ports: tuple[Port, ...] = ()
    """Ports of public addresses besides 80 and 443, which are those SparkPost allows."""


class Dns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How DNS is asked about sending domains, and how often about those that it verifies."""

    servers: tuple[str, ...] = ()
    """Name servers, ADDRESS or ADDRESS:PORT. Empty: those of /etc/resolv.conf."""
    timeout: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5.0
    """Seconds for one question, with all its tries."""
    recheck_hours: Annotated[float, msgspec.Meta(gt=0)] = 6.0
    """Hours between two looks at a domain or key with `verified: dns`, give or take a tenth."""
    grace_hours: Annotated[float, msgspec.Meta(ge=0)] = 72.0
    """Hours that its record may be gone before it is not verified any more."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole of estafeta.yaml. Relative paths count from the folder of the file."""

    hostname: str
    """Host name in SMTP greetings."""
    base_url: str
    """Where recipients reach the web service: links and pixels begin with it."""
    bounce_domain: str
    """The envelope sender becomes b+TOKEN@ here. Its MX is this host."""
    listeners: dict[str, Listener]
    """SMTP services, by names of your choice; at least one."""
    signing_keys: tuple[Path, ...]
    """Files of at least 32 random bytes each. The first signs links and internal jobs, all verify."""
    ip_pools: dict[str, IpPool] = {}
    """Addresses that some mail leaves from, by names that account files list."""
    copies_per_message: Annotated[int, msgspec.Meta(ge=1, le=4000)] = 2000
    """Recipients of RCPT TO, cc, bcc and archive together. Postfix is told to read 5,000 of a message at
    once, and has to read to the end; a job has room for about 7,000, in the 59,000 bytes of its field."""
    store: str = "sqlite:////var/lib/estafeta/estafeta.db"
    """Where messages and events are kept: `sqlite:///` and the path, or `postgresql://host/database`."""
    node: str = ""
    """This host, among those that share a store in PostgreSQL; empty for the host's name."""
    directory: Literal["files", "store"] = "files"
    """Where the accounts are: `files`: in `accounts_dir`; `store`: in the store, where `estafeta import` puts
    them."""
    accounts_dir: Path = Path("accounts.d")
    """Folder of the account files (`*.yaml`). With `directory: store` relative paths of DKIM keys count from
    here, and it need not be there otherwise."""
    run_dir: Path = Path("/run/estafeta")
    """Folder of the sockets."""
    state_dir: Path = Path("/var/lib/estafeta")
    """Folder of what must outlive a restart besides the store."""
    maillog: Path = Path("/var/log/mail.log")
    """Postfix's log, read for deliveries and bounces."""
    queue_directory: Path = Path("/var/spool/postfix")
    """Postfix's, where the listener behind `receipt` is."""
    delivery_port: Port = 10587
    """TCP port on 127.0.0.1 where Postfix hands over copies that differ. Mail filters are used to 10025
    and 10026."""
    socket_group: str = "postfix"
    """Group that may open the sockets besides our own user."""
    log_format: Literal["text", "json"] = "text"
    """Of the daemons' own lines, on standard error: text, or one JSON object a line."""
    milter_processes: Count = 0
    """Milter processes for clients; copies have their own. 0: one a core."""
    store_timeout: Annotated[float, msgspec.Meta(gt=0, lt=60)] = 20.0
    """Seconds a message waits for the store before it is deferred. A client waits 60 for the reply to its
    final dot."""
    web: Web = Web()
    hosting: Hosting = Hosting()
    retention: Retention = Retention()
    auth: Auth = Auth()
    limits: SharedLimits = SharedLimits()
    mime: Mime = Mime()
    webhooks: Webhooks = Webhooks()
    dns: Dns = Dns()
