"""The shape of one accounts.d/*.yaml file: an account with its domains and credentials.

The file is the operator's, kept under version control if they like; `directory.py`
makes it searchable. Times are ISO 8601 with a zone.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

# send: mail; events: read what happened; manage: change suppression lists and webhooks.
Permission = Literal["send", "events", "skip_suppression", "manage"]
Status = Literal["active", "suspended", "revoked"]
Count = Annotated[int, msgspec.Meta(ge=0)]
Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Defaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What holds where a message says nothing; None: what the provider documents."""

    open_tracking: bool | None = None
    click_tracking: bool | None = None
    initial_open_pixel: bool | None = None
    transactional: bool | None = None
    return_path: Literal["verp", "keep", "domain"] = "verp"
    ip_pool: str = ""  # one of the account's `ip_pools`; "": Postfix's own way out


class DkimKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A private key that signs mail of a domain (RFC 6376, RFC 8463)."""

    file: Path  # PEM, RSA or Ed25519
    selector: str = ""  # where its public half is in DNS; "": the name of the key
    verified: bool | Literal["dns"] = True  # only then it signs: the public half is in DNS


class Dkim(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of a domain by the name that `dkim_key` chooses."""

    keys: dict[str, DkimKey | str]  # a text: the file of a verified key; `load` leaves none
    default: tuple[str, ...] | str = ()  # sign where a message chooses none


class Domain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sending domain: verified by the operator's word, or by DNS once its record is seen."""

    verified: bool | Literal["dns"] = False
    bounce: bool = False  # its own MAIL FROM domain is kept: its MX or CNAME leads to us
    dkim: Dkim | None = None  # how its mail is signed; None: not by us


class Subaccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of an account with sending domains of its own."""

    domains: tuple[str, ...] = ()
    status: Literal["active", "suspended", "terminated"] = "active"
    ip_pool: str = ""  # its own: it may use no other; "": what the account may


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Recipients accepted in a time; 0: no limit."""

    per_minute: Count = 0
    per_hour: Count = 0
    per_day: Count = 0


class SuspendAt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a credential is suspended by itself; a rate of 0 is not looked at."""

    complaint_rate: Rate = 0.003  # Gmail and Yahoo ask senders to stay below it
    bounce_rate: Rate = 0.1  # where Amazon SES pauses an account
    minimum: Annotated[int, msgspec.Meta(ge=1)] = 200  # recipients; of fewer a rate says nothing
    window_hours: Annotated[int, msgspec.Meta(ge=1, le=720)] = 24  # mail accepted in this time


class Credential(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An API key (`key`, SHA-256) or a user name with a chosen password (`password`, argon2id)."""

    key: str = ""
    username: str = ""
    password: str = ""
    permissions: tuple[Permission, ...] = ("send",)
    status: Status = "active"
    expires: Instant | None = None
    allow_from: tuple[str, ...] = ()  # networks; empty: from anywhere
    require_tls: bool = False
    domains: tuple[str, ...] = ()  # of the account's domains, those it may show; empty: all of them
    list_unsubscribe: bool = True  # List-Unsubscribe on its mail
    limits: Limits = Limits()


class Teenvio(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What only accounts of Teenvio's clients have."""

    check_from: bool = True  # From must be a validated sender too; Teenvio names only MAIL FROM and Reply-To
    social: dict[str, str] = {}  # network and address of the profile, for X-Teenvio-SocialLinks: yes


class Devino(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What only accounts of Devino's clients have."""

    require_tags: Literal["append", "reject"] = "append"  # where [Unsubscribe] or [WebVersion] is missing
    attachment_types: tuple[str, ...] = ()  # extensions of files that may be sent; Devino: none
    transaction_failed: bool = True  # refusals begin with "Transaction failed: "


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One account file."""

    account: str
    dialect: str
    customer_id: str = ""  # in events and X-MSFBL; the account's name where none is given
    defaults: Defaults = Defaults()
    domains: dict[str, Domain] = {}
    subaccounts: dict[str, Subaccount] = {}
    credentials: dict[str, Credential] = {}
    senders: tuple[str, ...] = ()  # validated addresses, where the provider validates addresses
    teenvio: Teenvio = Teenvio()
    devino: Devino = Devino()
    limits: Limits = Limits()  # of the whole account
    domain_limits: Limits = Limits()  # of each domain in MAIL FROM
    suspend_at: SuspendAt | None = None  # None: no credential is suspended by itself
    ip_pools: tuple[str, ...] = ()  # of estafeta.yaml, those it may use
    distinct_tags: Count = 0  # different tags the account may ever use; 0: no limit (SparkPost: 100)
