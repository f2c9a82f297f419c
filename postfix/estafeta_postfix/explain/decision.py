"""What was decided about a message that may go, in words, and why its copies differ."""

from dataclasses import dataclass

from estafeta_core.addresses import domain_of
from estafeta_core.config.accounts import DkimKey
from estafeta_core.options import Options
from estafeta_core.recipients import Recipient
from estafeta_core.rules.dkim_key import Signing
from estafeta_milter.verdict import Envelope, Verdict
from estafeta_policy.limits import bounds
from estafeta_postfix.explain.session import Going

TRACKED = "the links and pixels of each copy tell whose they are"
READERS_PAGES = "the text leads to each reader's own web version or unsubscribe page"
LIST_UNSUBSCRIBE = "List-Unsubscribe tells who wants to leave"
BCC = "a bcc recipient, and nobody else, is shown in Bcc"
LEFT_OUT = "this provider sends to the first recipient only"
TEST = "the message asks to be sent to nobody: it is a test"


@dataclass(frozen=True, slots=True)
class DkimSignature:
    """What signs a message: a domain, the name of a key, and where its public half is in DNS."""

    domain: str
    key: str
    selector: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """A recipient that a message was accepted for and that is not sent to."""

    recipient: Recipient
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything beside replies and copies."""

    dialect: str
    options: Options
    friendly_from: str
    list_unsubscribe: bool
    ip_pool: str  # "": Postfix's own way out
    dkim: tuple[DkimSignature, ...]
    return_path: str  # the domain that bounces go to; "": MAIL FROM stays as it came
    recipients: tuple[Recipient, ...]  # that are sent to
    unsent: tuple[Unsent, ...]
    files: int  # that leave the message and are reached by links
    images: int
    warnings: tuple[str, ...]
    reasons: tuple[str, ...]  # why each recipient's copy is his own; none: the copies are alike
    limits: tuple[str, ...]  # that count this message's recipients

    @property
    def copies_differ(self) -> bool:
        """Whether Postfix splits the message."""
        return bool(self.reasons)


def of(going: Going) -> Decision:
    """Return what was decided about a message."""
    verdict, plan, envelope = going.proposal.verdict, going.proposal.plan, going.envelope
    return Decision(
        dialect=envelope.dialect.name,
        options=verdict.options,
        friendly_from=verdict.friendly_from,
        list_unsubscribe=going.proposal.job.list_unsubscribe,
        ip_pool=verdict.pool,
        dkim=_dkim(verdict.signing, envelope),
        return_path=verdict.return_path_domain or "",
        recipients=verdict.going,
        unsent=_unsent(verdict),
        files=len(plan.files),
        images=len(plan.images),
        warnings=(*_deprecated(envelope), *verdict.options.warnings, *verdict.warnings),
        reasons=reasons(verdict),
        limits=limits(envelope),
    )


def reasons(verdict: Verdict) -> tuple[str, ...]:
    """Return what makes each copy its recipient's own; nothing where the copies are alike."""
    if not verdict.differing or not verdict.going:
        return ()
    options = verdict.options
    personal = options.personal and not options.tracked
    found = {
        TRACKED: options.tracked,
        READERS_PAGES: personal or bool(options.merge_tags or options.head or options.foot),
        LIST_UNSUBSCRIBE: verdict.list_unsubscribe,
        BCC: any(recipient.kind == "bcc" for recipient in verdict.going),
    }
    return tuple(reason for reason, holds in found.items() if holds)


def limits(envelope: Envelope) -> tuple[str, ...]:
    """Return each limit that the recipients of a message are counted against, in words."""
    credential = envelope.credential
    account, domain = credential.account, domain_of(envelope.sender) if envelope.sender else None
    every = (
        *bounds(f"credential {credential.id}", credential.settings.limits),
        *bounds(f"account {account.account}", account.limits),
        *(bounds(f"sender domain {domain}", account.domain_limits) if domain else ()),
    )
    return tuple(f"{bound.key[0]}: {bound.limit} recipients {bound.period.lower()}" for bound in every)


def _dkim(signing: Signing | None, envelope: Envelope) -> tuple[DkimSignature, ...]:
    if signing is None:
        return ()
    dkim = envelope.credential.account.domains[signing.domain].dkim
    keys = dkim.keys if dkim is not None else {}
    return tuple(
        DkimSignature(signing.domain, name, _selector(name, keys.get(name))) for name in signing.keys
    )


def _selector(name: str, key: DkimKey | str | None) -> str:
    return (key.selector if isinstance(key, DkimKey) else "") or name


def _unsent(verdict: Verdict) -> tuple[Unsent, ...]:
    kind = "transactional" if verdict.options.transactional else "non-transactional"
    part = f", subaccount {verdict.identity.subaccount}" if verdict.identity.subaccount else ""
    suppressed = f"suppressed for {kind} mail of {verdict.identity.account}{part}"
    left_out = TEST if verdict.options.test else LEFT_OUT
    return tuple(
        Unsent(recipient, left_out if recipient.address in verdict.left_out else suppressed)
        for recipient in verdict.recipients
        if recipient.address in verdict.left_out or recipient.address in verdict.suppressed
    )


def _deprecated(envelope: Envelope) -> tuple[str, ...]:
    deprecated = envelope.settings is not None and envelope.settings.deprecated
    return (f"listener {envelope.listener} is deprecated: use another port",) if deprecated else ()
