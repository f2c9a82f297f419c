"""Domains and keys that DNS verifies, asked about on a schedule.

What is asked when stands in the store, so whoever holds the worker's place goes on where the one before it
stopped, and a person may ask in between (`estafeta domain verify`). Once a second, those whose time has come
are asked about, `AT_ONCE` at most: thousands of domains that are new in one moment are spread over minutes. A
change of state is logged, and the daemons have it within two seconds (core's standings.py).
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable

from estafeta_core import metrics
from estafeta_core.claims import Claim
from estafeta_core.config.accounts import Account
from estafeta_core.config.load import Snapshot
from estafeta_core.config.schema import Dns
from estafeta_core.directory import Directory
from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.standing_rows import DomainAwaited, DomainCheck, DomainChecked
from estafeta_milter.dkim.keys import KeyFileError
from estafeta_postfix import dkim_keys
from estafeta_postfix.background import Background
from estafeta_postfix.dkim_keys import Configured
from estafeta_postfix.domains.lookup import Answer, Resolver
from estafeta_postfix.domains.verification import after, new_challenge, record_of

EVERY = 1.0  # seconds between two looks at what is due
AT_ONCE = 20  # questions in one look

log = logging.getLogger(__name__)


class Verifier(Background):
    """A thread that asks.

    `snapshot` gives the configuration in force, and is asked before each look. `clock` gives Unix time in
    seconds.
    """

    def __init__(
        self, store: Store, snapshot: Callable[[], Snapshot], clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__("verifier")
        self._store = store
        self._snapshot = snapshot
        self._clock = clock
        self._directory: Directory | None = None  # whose claims are in the store
        self._change = -1  # that the metrics tell of

    def look(self) -> None:
        """Ask about those whose time has come. Raises StoreUnavailable."""
        snapshot = self._snapshot()
        directory, settings = snapshot.directory, snapshot.config.dns
        if directory is not self._directory:
            known = self._directory.claims if self._directory else {}
            news = (each for name, each in directory.claims.items() if known.get(name) != each)
            await_claims(self._store, (claim for claims in news for claim in claims), self._now())
            self._directory, self._change = directory, -1
        due = self._store.due_domain_checks(self._now(), AT_ONCE)
        if due:
            asyncio.run(Asker(self._store, directory, settings, self._clock).ask(due))
        self._count(directory)

    def _count(self, directory: Directory) -> None:
        change = self._store.domain_change()
        if change == self._change:
            return
        claims = [claim for each in directory.claims.values() for claim in each]
        known = self._store.standing().verified or frozenset()
        verified = sum(claim in known for claim in claims)
        metrics.DNS_VERIFIED.set(verified)
        metrics.DNS_UNVERIFIED.set(len(claims) - verified)
        self._change = change

    def _now(self) -> int:
        return round(self._clock() * 1000)

    def run(self) -> None:
        """Look for what is due until it is stopped."""
        failing = False
        while not self._stopping.is_set():
            try:
                self.look()
                failing = False
            except StoreUnavailable as error:
                if not failing:
                    log.error("no domain is verified meanwhile, what is due cannot be read: %s", error)
                failing = True
            except Exception:  # a bug here verifies nothing; it never stops the log follower
                log.exception("DNS could not be asked about domains")
            self._stopping.wait(EVERY)


def await_claims(store: Store, claims: Iterable[Claim], now: int) -> None:
    """Have the store know what is to be verified; what it knows already stays as it is."""
    by_account: dict[str, list[Claim]] = {}
    for claim in claims:
        by_account.setdefault(claim.account, []).append(claim)
    rows = [
        DomainAwaited(*claim, "" if claim.key else new_challenge(), now, now)
        for account, wanted in by_account.items()
        for claim in set(wanted) - store.domain_checks(account).keys()
    ]
    if rows:
        store.record(rows)


class Asker:
    """Asks DNS about some domains and keys at once, and writes down what it says.

    `clock` gives Unix time in seconds. To be made for each event loop.
    """

    def __init__(
        self, store: Store, directory: Directory, settings: Dns, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._directory = directory
        self._settings = settings
        self._clock = clock
        self._resolver = Resolver(settings)

    async def ask(self, checks: Iterable[DomainCheck]) -> None:
        """Ask about each of these; then raise what kept one of them from it. Raises StoreUnavailable."""
        outcomes = await asyncio.gather(*map(self._ask, checks), return_exceptions=True)
        for outcome in filter(None, outcomes):
            raise outcome

    async def _ask(self, check: DomainCheck) -> None:
        place, expected = asked_for(check, self._directory)
        answer = await self._resolver.ask(place, "TXT") if expected else Answer("unknown", reason=place)
        now = round(self._clock() * 1000)
        found = after(check, answer, expected, settings=self._settings, now=now, random=random.random)
        await asyncio.to_thread(self._store.record, [DomainChecked(check, found)])
        if check.state != found.state or (check.missing is None) != (found.missing is None):
            _tell(found, self._settings)


def asked_for(check: DomainCheck, directory: Directory) -> tuple[str, str]:
    """Return where the record of a claim is and what it has to say; or why nobody can tell, and ""."""
    account = directory.accounts.get(check.account)
    if account is None or check.claim not in directory.claims.get(check.account, ()):
        return "no account file asks for it any more", ""
    if not check.key:
        return record_of(check.domain, check.challenge)
    key = _key(account, check)
    try:
        return key.place, key.read().record()
    except KeyFileError as error:
        return str(error), ""


def _key(account: Account, check: DomainCheck) -> Configured:
    for each in dkim_keys.of_account(account):
        if (each.domain, each.key.selector) == (check.domain, check.key):
            return each
    raise KeyError(f"{check.claim} is no key of the configuration")


def named(check: DomainCheck) -> str:
    """Return what a check is about, as a person finds it in an account file."""
    key = f", DKIM key {check.key}" if check.key else ""
    return f"{check.account}: {check.domain}{key}"


def _tell(check: DomainCheck, settings: Dns) -> None:
    what, seen, extra = named(check), check.answer, {"identity": check.account}
    if check.state == "lost":
        log.error("%s: not verified any more, its record is gone: %s", what, seen, extra=extra)
    elif check.missing is not None:
        line = "%s: its record is gone: %s; after %g hours it is not verified any more"
        log.warning(line, what, seen, settings.grace_hours, extra=extra)
    else:
        log.info("%s: verified by DNS", what, extra=extra)
