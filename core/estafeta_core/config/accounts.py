"""The shape of one accounts.d/*.yaml file: an account with its domains and credentials.

The file is the operator's, kept under version control if they like; `directory.py`
makes it searchable. Times are ISO 8601 with a zone. The texts below the fields are for the operator, as in
schema.py.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

Permission = Literal["send", "events", "skip_suppression", "manage"]
Status = Literal["active", "suspended", "revoked"]
Verified = bool | Literal["dns"]  # by the operator's word; dns: once its record is seen
Count = Annotated[int, msgspec.Meta(ge=0)]
Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Defaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What holds where a message says nothing. Not given: what the provider documents."""

    open_tracking: bool | None = None
    """Add open pixels."""
    click_tracking: bool | None = None
    """Make links lead through the web service."""
    initial_open_pixel: bool | None = None
    """With open tracking, one more pixel at the top."""
    transactional: bool | None = None
    """No List-Unsubscribe, and the other kind of suppression."""
    return_path: Literal["verp", "keep", "domain"] = "verp"
    """The envelope sender: `verp`: ours, in `bounce_domain`, or in a domain with `bounce`; `domain`: ours
    in every verified domain of MAIL FROM; `keep`: MAIL FROM as it came."""
    ip_pool: str = ""
    """One of the account's `ip_pools`. Empty: Postfix's own way out."""


class DkimKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A private key that signs mail of a domain (RFC 6376, RFC 8463)."""

    file: Path
    """PEM, RSA or Ed25519, without a password. A relative path counts from the folder of the account file."""
    selector: str = ""
    """Where its public half is in DNS. Empty: the name of the key."""
    verified: Verified = True
    """By the operator's word, or `dns`: once its public half is seen. Only then it signs."""


class Dkim(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of a domain."""

    keys: dict[str, DkimKey | str]
    """By the name that `dkim_key` of a message chooses. A text is the file of a verified key."""
    default: tuple[str, ...] | str = ()
    """What signs where a message chooses no key: a name, or several that all sign."""


class Domain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sending domain, compared whole."""

    verified: Verified = False
    """By the operator's word, or `dns`: once its record is seen."""
    bounce: bool = False
    """Its MX or CNAME leads to us, so MAIL FROM in it keeps its domain."""
    dkim: Dkim | None = None
    """How its mail is signed. Not given: not by us."""


class Subaccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of an account with sending domains of its own."""

    domains: tuple[str, ...] = ()
    """From domains of this subaccount, and of nobody else."""
    status: Literal["active", "suspended", "terminated"] = "active"
    """Whether it may send."""
    ip_pool: str = ""
    """Its own among the account's `ip_pools`, and it may use no other. Empty: what the account may."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Recipients accepted in a time; 0: no limit."""

    per_minute: Count = 0
    """Recipients a minute."""
    per_hour: Count = 0
    """Recipients an hour."""
    per_day: Count = 0
    """Recipients a day."""


class SuspendAt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a credential is suspended by itself; a rate of 0 is not looked at."""

    complaint_rate: Rate = 0.003
    """Complaints for each recipient reached. Gmail and Yahoo ask senders to stay below 0.3 %."""
    bounce_rate: Rate = 0.1
    """Bounces for good for each recipient. At a tenth Amazon SES pauses an account."""
    minimum: Annotated[int, msgspec.Meta(ge=1)] = 200
    """Recipients that this is decided from; of fewer a rate says nothing."""
    window_hours: Annotated[int, msgspec.Meta(ge=1, le=720)] = 24
    """Hours; mail accepted in this time counts."""


class Credential(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An API key, or a user name with a chosen password. `estafeta key` writes it."""

    key: str = ""
    """Hash of an API key: `sha256:`, eight characters to recognise it by, `:` and 64 hexadecimal digits."""
    username: str = ""
    """In dialects that find a credential by a user name."""
    password: str = ""
    """argon2id hash of a password, in dialects whose users choose one."""
    permissions: tuple[Permission, ...] = ("send",)
    """`send`: mail; `events`: read what happened; `manage`: change suppression lists and webhooks;
    `skip_suppression`: mail suppressed addresses where a message asks for it."""
    status: Status = "active"
    """`revoked` is for good."""
    expires: Instant | None = None
    """When it stops. Not given: never."""
    allow_from: tuple[str, ...] = ()
    """Networks it may be used from. Empty: any."""
    require_tls: bool = False
    """Refuse it on SMTP connections without TLS."""
    domains: tuple[str, ...] = ()
    """Of the account's domains, those it may show. Empty: all of them."""
    list_unsubscribe: bool = True
    """List-Unsubscribe on its mail."""
    limits: Limits = Limits()
    """Recipients of this credential."""


class Teenvio(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What only accounts of Teenvio's clients have."""

    check_from: bool = True
    """From must be a validated sender too. Teenvio names only MAIL FROM and Reply-To."""
    social: dict[str, str] = {}
    """Network and address of a profile, for `X-Teenvio-SocialLinks: yes`."""


class Devino(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What only accounts of Devino's clients have."""

    require_tags: Literal["append", "reject"] = "append"
    """What becomes of a text without `[Unsubscribe]` or `[WebVersion]`: `append`: lines with the missing
    links are put under it; `reject`: refused."""
    attachment_types: tuple[str, ...] = ()
    """Extensions of files that may be sent. Devino has none."""
    transaction_failed: bool = True
    """Whether refusals begin with `Transaction failed: `."""


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One account file."""

    account: str
    """The name in ids, logs and events: letters, digits and . _ -"""
    dialect: str
    """The provider whose clients this account has."""
    customer_id: str = ""
    """In events and X-MSFBL. Empty: the account's name."""
    defaults: Defaults = Defaults()
    """What holds where a message says nothing."""
    domains: dict[str, Domain] = {}
    """Domains that From may show."""
    subaccounts: dict[str, Subaccount] = {}
    """By the number that the user name gives (`SMTP_Injection:X-MSYS-SUBACCOUNT=123`); quote it."""
    credentials: dict[str, Credential] = {}
    """Keys and passwords, by a name of your choice."""
    senders: tuple[str, ...] = ()
    """Validated addresses, where the provider validates addresses (Teenvio, Devino)."""
    teenvio: Teenvio = Teenvio()
    devino: Devino = Devino()
    limits: Limits = Limits()
    """Recipients of the whole account."""
    domain_limits: Limits = Limits()
    """Recipients of each domain in MAIL FROM."""
    suspend_at: SuspendAt | None = None
    """When to suspend a credential by itself. Not given: never."""
    ip_pools: tuple[str, ...] = ()
    """Of those in estafeta.yaml, the pools it may use."""
    distinct_tags: Count = 0
    """Different tags the account may ever use; further ones are left out. 0: no limit (SparkPost: 100)."""
