"""DMARC records (RFC 7489): where they are, and what they ask for.

The domain of an organization is not looked up in a list: of a domain and its parents, the first that has a
record counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from estafeta_postfix.domains.lookup import Answer

Policy = Literal["none", "quarantine", "reject"]


class DmarcError(Exception):
    """A record is no DMARC record that receivers can read; the text says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """As much of a record as tells what becomes of mail."""

    policy: Policy
    subdomains: Policy
    relaxed_spf: bool  # MAIL FROM in another domain of the organization will do

    def of(self, domain: str, place: str) -> Policy:
        """Return the policy for `domain`, where the record is that of `place`."""
        return self.policy if domain == place else self.subdomains


def places(domain: str) -> Iterator[str]:
    """Yield a domain and its parents, but for the top."""
    labels = domain.split(".")
    yield from (".".join(labels[at:]) for at in range(max(1, len(labels) - 1)))


def records(answer: Answer) -> list[str]:
    """Return the DMARC records among the TXT records of a name; sound is exactly one."""
    return [text for text in answer.records if "".join(text.partition(";")[0].split()) == "v=DMARC1"]


def parse(record: str) -> Record:
    """Return what a record asks for; DmarcError where receivers cannot read it (section 6.3)."""
    parts = [part.strip() for part in record.split(";") if part.strip()]
    tags = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in parts)}
    if bad := next((part for part in parts if "=" not in part), None):
        raise DmarcError(f"{bad!r} has no value")
    for name in ("adkim", "aspf"):
        if tags.get(name, "r") not in ("r", "s"):
            raise DmarcError(f"{name}={tags[name]} is neither r nor s")
    for name in ("rua", "ruf"):
        for address in filter(None, tags.get(name, "").split(",")):
            if not address.strip().startswith("mailto:"):
                raise DmarcError(f"{name}={address} does not begin with mailto:")
    policy = _policy("p", tags.get("p", ""))
    return Record(policy, _policy("sp", tags.get("sp", policy)), tags.get("aspf", "r") == "r")


def _policy(name: str, value: str) -> Policy:
    for policy in get_args(Policy):
        if policy == value.lower():
            return policy  # type: ignore[no-any-return]  # one of the three
    raise DmarcError(f"{name}={value} is none of {', '.join(get_args(Policy))}")
