"""May this message go, and what does it ask for? Every rule about a whole message, in order.

Nothing here edits, and nothing is looked up but suppression: what comes out is a `Refusal`
or the `Verdict` that handlers and ledger work from.
"""

from dataclasses import dataclass, field, replace

from estafeta_core.addresses import domain_of, mailbox_of_from
from estafeta_core.config.load import Snapshot
from estafeta_core.config.schema import Listener
from estafeta_core.dialects import DIALECTS
from estafeta_core.dialects.base import Dialect
from estafeta_core.directory import Credential
from estafeta_core.headers import values
from estafeta_core.identity import Identity
from estafeta_core.options import Options
from estafeta_core.recipients import Recipient
from estafeta_core.refusal import Refusal
from estafeta_core.rules import (
    dkim_key,
    ip_pool,
    named_subaccount,
    return_path_domain,
    skip_suppression_right,
    verified_sender,
)
from estafeta_core.rules.dkim_key import Signing
from estafeta_core.store import Store
from estafeta_milter import addressees, merge_tags, senders, utf8
from estafeta_milter.address_list import mailboxes
from estafeta_milter.handlers import inline_css
from estafeta_milter.handlers.list_unsubscribe import NAME as LIST_UNSUBSCRIBE
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Unscannable
from estafeta_milter.recipients import recipients

TOO_LONG_CC = Refusal(
    550, "5.6.0", f"The Cc header would be longer than {addressees.LIMIT} bytes; use bcc, or send to fewer"
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What MAIL FROM established, on the configuration of that moment."""

    snapshot: Snapshot
    identity: Identity
    credential: Credential
    listener: str
    sender: str
    opened: int = 0  # Unix milliseconds
    client_address: str = ""
    relayed: bool = False  # whether the message came by way of the receipt proxy

    @property
    def dialect(self) -> Dialect:
        """The dialect of the account."""
        return DIALECTS[self.credential.account.dialect]

    @property
    def settings(self) -> Listener | None:
        """The listener's settings; None when a reload has taken it away."""
        return self.snapshot.config.listeners.get(self.listener)

    @property
    def goes_by_proxy(self) -> bool:
        """Whether this is the public side of a message that comes in again behind the receipt proxy."""
        return not self.relayed and self.settings is not None and self.settings.receipt

    def too_large(self, size: int) -> Refusal | None:
        """Return why a message of `size` bytes may not come."""
        limit = (self.settings.size_limit if self.settings else 0) or self.dialect.size_limit
        return self.dialect.too_large(limit, self.credential.account) if size > limit else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A message that may go."""

    identity: Identity  # as whom it is sent
    options: Options
    friendly_from: str
    list_unsubscribe: bool
    return_path_domain: str | None  # None: the client's MAIL FROM stays
    recipients: tuple[Recipient, ...]  # each mailbox once; the first is the first RCPT TO
    suppressed: frozenset[str]  # addresses of those that are not sent to
    left_out: frozenset[str] = frozenset()  # of whom the provider or the message wants nothing sent to
    cc: bytes = b""  # the whole value of Cc; b"": it stays as it came
    pool: str = ""  # whose addresses it leaves from; "": Postfix's own way out
    signing: Signing | None = None  # what signs it; None: nothing
    append_tags: bool = False  # the text lacks an unsubscribe or a web version link
    warnings: tuple[str, ...] = ()  # what the sender should know about this message; an event each
    going: tuple[Recipient, ...] = field(init=False)  # those that are sent to

    def __post_init__(self) -> None:
        """Settle who is sent to, which is asked a dozen times."""
        stay = self.suppressed | self.left_out
        going = tuple(recipient for recipient in self.recipients if recipient.address not in stay)
        object.__setattr__(self, "going", going)

    @property
    def first(self) -> Recipient:
        """The recipient whose copy the archive keeps: of RCPT TO, the first that is sent to."""
        going = (recipient for recipient in self.going if not recipient.kind)
        return next(going, self.recipients[0])

    @property
    def differing(self) -> bool:
        """Whether each recipient needs a copy of its own.

        A shared one could not tell who did something, and a Bcc is for one reader.
        """
        if len(self.going) < 2:
            return False
        own = self.options.personal or self.list_unsubscribe
        return own or any(recipient.kind == "bcc" for recipient in self.going)


def decide(message: Message, envelope: Envelope, store: Store) -> Verdict | Refusal:
    """Ask every rule; StoreUnavailable when suppression cannot be looked up."""
    dialect = envelope.dialect
    options = dialect.options(message.headers, envelope.credential)
    if isinstance(options, Refusal):
        return options
    identity = named_subaccount.choose(options, envelope.credential, envelope.identity)
    if isinstance(identity, Refusal):
        return identity
    if identity is not envelope.identity:
        envelope = replace(envelope, identity=identity)
    refusal = (
        skip_suppression_right.check(options, envelope.credential)
        or return_path_domain.check(options, envelope.credential.account)
        or senders.check_fields(message.headers, envelope.credential, envelope.identity.subaccount, dialect)
        or _structure(message, envelope)
    )
    if refusal is not None:
        return refusal
    lacking = merge_tags.missing(message) if options.missing_tags else ()
    friendly_from = mailbox_of_from(message.headers) or ""
    rejected = lacking and options.missing_tags == "reject"
    way_out = (
        dialect.tags_missing(envelope.credential.account)
        if rejected
        else _way_out(options, friendly_from, envelope)
    )
    if isinstance(way_out, Refusal):
        return way_out
    pool, signing = way_out
    going_to = recipients(message.recipients, options)
    cc = addressees.cc(message.headers, options.cc) if options.cc else b""
    refusal = _too_many(len(going_to), envelope) or _too_long(cc)
    if refusal is not None:
        return refusal
    return Verdict(
        identity=identity,
        options=_within_distinct_tags(options, envelope, store),
        friendly_from=friendly_from,
        # A List-Unsubscribe of the client's own stays, and nothing is put beside it: it runs its list itself.
        list_unsubscribe=options.list_unsubscribe
        and not options.transactional
        and not values(message.headers, LIST_UNSUBSCRIBE),
        return_path_domain=_return_path_domain(options, envelope),
        recipients=going_to,
        suppressed=_suppressed(going_to, options, envelope, store),
        left_out=_left_out(going_to, options),
        cc=cc,
        pool=pool,
        signing=signing,
        append_tags=bool(lacking and message.text_parts()),
        warnings=(
            *options.notices,
            *_lacking(message, lacking),
            *(utf8.unreadable(message) if options.to_utf8 else ()),
            *(inline_css.refused(message) if options.inline_css else ()),
            *_misaddressed(message, options),
        ),
    )


def _structure(message: Message, envelope: Envelope) -> Refusal | None:
    """Return why this MIME structure may not go; past a bound it goes untouched or not at all."""
    structure, dialect, account = message.structure, envelope.dialect, envelope.credential.account
    if not isinstance(structure, Unscannable):
        return dialect.check_structure(structure, account)
    if envelope.snapshot.config.mime.past_bound == "pass" and not dialect.structure_required:
        return None
    return dialect.unscannable(structure.reason, account)


def _lacking(message: Message, tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the sender should know about a text that lacks `tags`."""
    if not tags:
        return ()
    appended = "a link was appended" if len(tags) == 1 else "links were appended"
    done = appended if merge_tags.takes_lines(message) else "there is no text that may be changed"
    return (f"The text lacks {' and '.join(tags)}; {done}",)


def _left_out(found: tuple[Recipient, ...], options: Options) -> frozenset[str]:
    """Return the addresses that get nothing though nothing is wrong with them."""
    if options.test:
        return frozenset(recipient.address for recipient in found)
    return frozenset(recipient.address for recipient in found[1:] if options.first_recipient_only)


def _misaddressed(message: Message, options: Options) -> tuple[str, ...]:
    """Return what the sender should know about To where copies go to lists: each of them shows it."""
    if not (options.cc or options.bcc or options.archive):
        return ()
    count = sum(1 for value in values(message.headers, "to") for _ in mailboxes(value))
    if count == 1:
        return ()
    return (f"To should name exactly one recipient where cc, bcc or archive are used; it names {count}",)


def _return_path_domain(options: Options, envelope: Envelope) -> str | None:
    """Return where bounces go: the domain of MAIL FROM if the account has set it up, or else ours.

    SparkPost keeps a MAIL FROM domain whose CNAME leads to it (`bounce: true`); with `return_path: domain`
    every verified domain is kept, and with `keep` the whole address.
    """
    if options.return_path_domain:
        return options.return_path_domain
    if options.return_path == "keep":
        return None
    config = envelope.snapshot.config
    domain = domain_of(envelope.sender) if envelope.sender else None
    if domain is None:
        return config.bounce_domain
    account = envelope.credential.account
    refused = verified_sender.check(
        envelope.sender, envelope.credential, envelope.identity.subaccount, envelope.dialect
    )
    own = account.domains.get(domain)
    chosen = refused is None and (options.return_path == "domain" or (own is not None and own.bounce))
    return domain if chosen else config.bounce_domain


def _within_distinct_tags(options: Options, envelope: Envelope, store: Store) -> Options:
    """Return `options` without the tags that would be more than the account may use; known ones stay."""
    limit = envelope.credential.account.distinct_tags
    if not limit or not options.tags:
        return options
    known = store.tags(envelope.identity.account)
    new = [tag for tag in dict.fromkeys(options.tags) if tag not in known][: max(0, limit - len(known))]
    return replace(options, tags=tuple(tag for tag in options.tags if tag in known or tag in new))


def _way_out(
    options: Options, friendly_from: str, envelope: Envelope
) -> tuple[str, Signing | None] | Refusal:
    """Return which pool a message leaves from and what signs it."""
    account = envelope.credential.account
    pool = ip_pool.choose(options, account, envelope.identity.subaccount)
    if isinstance(pool, Refusal):
        return pool
    signing = dkim_key.choose(options, account, domain_of(friendly_from) or "")
    return signing if isinstance(signing, Refusal) else (pool, signing)


def _too_many(count: int, envelope: Envelope) -> Refusal | None:
    """Return why a message may not have so many recipients, those of its lists included."""
    limit = envelope.snapshot.config.copies_per_message
    if count <= limit:
        return None
    return Refusal(550, "5.5.3", f"Too many recipients: RCPT TO and lists together are limited to {limit}")


def _too_long(cc: bytes) -> Refusal | None:
    return TOO_LONG_CC if len(cc) > addressees.LIMIT else None


def _suppressed(
    found: tuple[Recipient, ...], options: Options, envelope: Envelope, store: Store
) -> frozenset[str]:
    if options.skip_suppression:
        return frozenset()
    kind = "transactional" if options.transactional else "non_transactional"
    identity = envelope.identity
    addresses = [recipient.address for recipient in found]
    return frozenset(store.is_suppressed(identity.account, identity.subaccount, addresses, (kind,)))
