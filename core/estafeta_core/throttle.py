"""How guessing passwords is slowed down, at AUTH and where people sign in, per client address.

Two brakes, both per address, for an account lock would let anybody lock the owner out:

- A wrong secret is answered after a delay that doubles with every further failure of the
  address, as Dovecot does it (2 s, 4 s, 8 s, ...), until the address has been quiet for
  `FORGET` seconds. A right secret is never delayed.
- More failures in a minute than the setting allows are not checked at all. The answer is then
  the temporary one, never "wrong secret": a right one might be among them.

An attempt counts before its check begins (`begin`), so that many at a time cannot all slip in
under the limit, and is taken back when the secret was right (`forgive`).

IPv6 counts per /64, the smallest network one customer gets (RFC 6177). Memory is bounded: the address
seen longest ago is forgotten first. The clock is an argument, in seconds, and must not run
backwards. A restart forgets everything: it degrades to a fresh minute, not to no limit.
"""

import ipaddress
from collections import OrderedDict
from functools import lru_cache

MAX_ADDRESSES = 20_000  # about 5 MB
MINUTE = 60.0
FORGET = 120.0  # AUTH_PENALTY_TIMEOUT of Dovecot
LONGEST_DELAY = 8.0  # Postfix waits 10 s for the auth server, then answers 454 instead of 535


class _Record:
    """What is known of one address."""

    __slots__ = ("attempts", "failures", "last", "since")

    def __init__(self, now: float) -> None:
        self.since = now  # when the counted minute began
        self.attempts = 0  # in this minute, the forgiven ones taken off
        self.failures = 0  # in a row, none of them FORGET seconds after the one before
        self.last = now  # the last failure


class Throttle:
    """The failures of every address of late."""

    def __init__(self, delay: float, delay_limit: float, per_minute: int) -> None:
        """Take the settings `failure_delay`, `failure_delay_limit` and `failures_per_minute` of `auth:`."""
        self.configure(delay, delay_limit, per_minute)
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def configure(self, delay: float, delay_limit: float, per_minute: int) -> None:
        """Take new settings and keep what is known of the addresses."""
        self._delay = delay
        self._delay_limit = min(delay_limit, LONGEST_DELAY)
        self._per_minute = per_minute

    def blocked(self, address: str, now: float) -> bool:
        """Whether nothing more of `address` may be checked in this minute."""
        if not self._records:
            return False
        record = self._records.get(network(address))
        return record is not None and now - record.since < MINUTE and record.attempts >= self._per_minute

    def begin(self, address: str, now: float) -> None:
        """Count an attempt, as if it had failed already."""
        name = network(address)
        record = self._records.get(name)
        if record is None:
            record = self._records[name] = _Record(now)
            if len(self._records) > MAX_ADDRESSES:
                self._records.popitem(last=False)
        if now - record.since >= MINUTE:
            record.since, record.attempts = now, 0
        record.attempts += 1
        self._records.move_to_end(name)

    def forgive(self, address: str) -> None:
        """Take an attempt back: its secret was right."""
        record = self._records.get(network(address))
        if record is not None and record.attempts > 0:
            record.attempts -= 1

    def penalty(self, address: str, now: float) -> float:
        """Return the seconds that a failure, counted by `begin`, has to wait for its answer."""
        record = self._records.get(network(address))
        if record is None:  # forgotten meanwhile, so its first again
            return min(self._delay, self._delay_limit)
        record.failures = 1 if now - record.last >= FORGET else record.failures + 1
        record.last = now
        # Beyond 2^10 every delay is past any limit; the bound keeps the number a number.
        return min(self._delay * 2.0 ** min(record.failures - 1, 10), self._delay_limit)

    def __len__(self) -> int:
        return len(self._records)


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """Return the network that `address` counts for; text that is no address counts for itself."""
    if ":" not in address:
        return address
    try:
        ip = ipaddress.IPv6Address(address.removeprefix("IPv6:"))
    except ValueError:
        return address
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(ip) >> 64 << 64, 64)))
