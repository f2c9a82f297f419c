"""What proves that a domain is an account's, and what an answer of DNS makes of what is known.

A domain is proved by a TXT record with a challenge: 128 random bits that the store keeps for this account and
this domain alone, so nobody's record is good for anybody else, and no key of ours that is changed changes it.

    _estafeta.new.example. IN TXT "estafeta-verification=7f6mnx7l4qqz6q3yjrkmyqsb3u"

A DKIM key is proved by its record, which has to hold the public half of the key in the file.

    state        it becomes
    unverified   verified once the record is seen
    verified     lost once the record has been gone for the grace period; until then nothing changes
    lost         verified once the record is seen

Only a definite answer counts: where DNS fails or does not answer, the state stays, and the grace period goes
on. The next question comes after the recheck interval, give or take a tenth so that domains do not stay in
step. What is not verified is asked about more often while it is new: after a minute, and then each time it
has waited half as long again. Where nobody could answer, the next question comes after ten minutes at most.
"""

import base64
import secrets
from collections.abc import Callable
from dataclasses import replace

from estafeta_core.config.schema import Dns
from estafeta_core.store.standing_rows import DomainCheck
from estafeta_postfix.domains.lookup import Answer

LABEL = "_estafeta"
PREFIX = "estafeta-verification="
CHALLENGE_BYTES = 16

FIRST = 60_000  # milliseconds until a new one is asked about again
AFTER_FAILURE = 600_000  # milliseconds, at most
HOUR = 3_600_000
JITTER = 0.1


def new_challenge() -> str:
    """Return a challenge that nobody can guess."""
    return base64.b32encode(secrets.token_bytes(CHALLENGE_BYTES)).decode("ascii").rstrip("=").lower()


def record_of(domain: str, challenge: str) -> tuple[str, str]:
    """Return name and text of the TXT record that proves a domain."""
    return f"{LABEL}.{domain}", f"{PREFIX}{challenge}"


def shows(answer: Answer, expected: str, *, key: bool) -> bool:
    """Whether the record is there: this very text, or for a `key` the same public half."""
    if key:
        public = public_half(expected)
        return any(public_half(text) == public for text in answer.records)
    return any(text.strip() == expected for text in answer.records)


def public_half(record: str) -> tuple[str, bytes] | None:
    """Return kind and bytes of the key in a DKIM record (RFC 6376 section 3.6.1); None: it has none."""
    tags: dict[str, str] = {}
    for tag in record.split(";"):
        name, _, value = tag.partition("=")
        tags.setdefault(name.strip(), "".join(value.split()))
    if tags.get("v", "DKIM1") != "DKIM1" or not tags.get("p"):
        return None
    try:
        return tags.get("k", "rsa"), base64.b64decode(tags["p"], validate=True)
    except ValueError:  # of binascii, and of letters outside ASCII
        return None


def told(answer: Answer, expected: str, *, key: bool) -> str:
    """Return what was seen, in words."""
    if answer.status != "found":
        return answer.reason
    if shows(answer, expected, key=key):
        return "the record is there"
    return "another text is there: " + " | ".join(answer.records)


def after(
    check: DomainCheck,
    answer: Answer,
    expected: str,
    *,
    settings: Dns,
    now: int,
    random: Callable[[], float],
) -> DomainCheck:
    """Return what is known after an answer; `now` is Unix time in ms, `random` gives 0 to 1."""
    asked = replace(check, checked=now, answer=told(answer, expected, key=bool(check.key)))
    if answer.status != "unknown":
        asked = _definite(asked, shows(answer, expected, key=bool(check.key)), settings, now)
    wait = _wait(asked, settings, now, failed=answer.status == "unknown")
    return replace(asked, due=now + round(wait * (1 - JITTER + 2 * JITTER * random())))


def _definite(check: DomainCheck, there: bool, settings: Dns, now: int) -> DomainCheck:
    if there:
        since = check.since if check.state == "verified" else now
        return replace(check, state="verified", since=since, missing=None)
    if check.state != "verified":
        return check
    missing = now if check.missing is None else check.missing
    if now - missing >= settings.grace_hours * HOUR:
        return replace(check, state="lost", since=now, missing=None)
    return replace(check, missing=missing)


def _wait(check: DomainCheck, settings: Dns, now: int, *, failed: bool) -> float:
    """Return in how many milliseconds to ask again."""
    waits = [settings.recheck_hours * HOUR]
    if failed:
        waits.append(AFTER_FAILURE)
    if check.state != "verified":
        waits.append(max(FIRST, (now - check.since) / 2))
    if check.missing is not None:
        waits.append(max(FIRST, check.missing + settings.grace_hours * HOUR - now))
    return min(waits)
