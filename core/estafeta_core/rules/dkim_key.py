"""Which of a domain's keys sign a message.

The one that the message chooses, or else the domain's default ones. Only a verified key signs: with any
other, a signature would leave that nobody can check.

The domain is that of From: this is what readers see and what DMARC compares (RFC 7489 section 3.1.1). A
message that chooses a key which is not there, or not verified, is refused. Without a choice, a default that
is not verified is left out; where none is left the message leaves unsigned, and `estafeta check` says so.
Where nobody has read yet what DNS says of a key that would sign (`dns`), the answer is a temporary one.
"""

from dataclasses import dataclass

from estafeta_core.config.accounts import Account, Dkim, DkimKey
from estafeta_core.options import Options
from estafeta_core.refusal import DNS_UNKNOWN, Refusal


@dataclass(frozen=True, slots=True)
class Signing:
    """Keys by their names, and the domain that they belong to."""

    domain: str  # in lower-case A-labels
    keys: tuple[str, ...]


def choose(options: Options, account: Account, domain: str) -> Signing | Refusal | None:
    """Return what signs a message of `domain`; None: nothing."""
    settings = account.domains.get(domain)
    dkim = settings.dkim if settings is not None else None
    chosen = (options.dkim_key,) if options.dkim_key else defaults(dkim)
    if any(_is_unknown(dkim, name) for name in chosen):
        return DNS_UNKNOWN
    if not options.dkim_key:
        usable = verified_defaults(dkim)
        return Signing(domain, usable) if usable else None
    if verified_key(dkim, options.dkim_key) is None:
        return Refusal(550, "5.6.0", f"No verified DKIM key '{options.dkim_key}' for the domain {domain}")
    return Signing(domain, (options.dkim_key,))


def _is_unknown(dkim: Dkim | None, name: str) -> bool:
    key = dkim.keys.get(name) if dkim is not None else None
    return isinstance(key, DkimKey) and key.verified == "dns"


def verified_defaults(dkim: Dkim | None) -> tuple[str, ...]:
    """Return the names of the keys that sign where a message chooses none."""
    return tuple(name for name in defaults(dkim) if verified_key(dkim, name) is not None)


def defaults(dkim: Dkim | None) -> tuple[str, ...]:
    """Return the names that the account file gives as the domain's default, verified or not."""
    if dkim is None:
        return ()
    return (dkim.default,) if isinstance(dkim.default, str) else dkim.default


def verified_key(dkim: Dkim | None, name: str) -> DkimKey | None:
    """Return the key called `name` if it is there and may sign."""
    key = dkim.keys.get(name) if dkim is not None else None
    return key if isinstance(key, DkimKey) and key.verified is True else None
