"""Credentials and domains as the store knows them: what a daemon opens that writes nothing."""

from estafeta_core.claims import Claim
from estafeta_core.directory import Standing
from estafeta_core.store.domains import Domains
from estafeta_core.store.reputation import Reputation


class StandingReader(Reputation, Domains):
    """Reads all of it; domains and keys only where one of them has changed since."""

    _change = -1
    _by_state: tuple[frozenset[Claim], frozenset[Claim]] = (frozenset(), frozenset())

    def standing(self) -> Standing:
        """Return what is in force now."""
        change = self.domain_change()
        if change != self._change:
            found = [(Claim(*row[:3]), row[3]) for row in self.query("settled_domains")]
            verified, lost = (
                frozenset(claim for claim, state in found if state == wanted)
                for wanted in ("verified", "lost")
            )
            self._change, self._by_state = change, (verified, lost)
        return Standing(frozenset(self.suspended()), *self._by_state)
