"""What DNS has said of domains and DKIM keys, and when each is asked about again."""

from estafeta_core.claims import Claim
from estafeta_core.store.reader import Reader
from estafeta_core.store.standing_rows import DomainCheck


class Domains(Reader):
    """The questions of whoever asks DNS, and of whoever shows what it said."""

    def domain_checks(self, account: str) -> dict[Claim, DomainCheck]:
        """Return what is known of the domains and keys of an account."""
        found = (DomainCheck(*row) for row in self.query("domain_checks", account))
        return {check.claim: check for check in found}

    def due_domain_checks(self, now: int, limit: int) -> list[DomainCheck]:
        """Return those whose time has come, the one that waits longest first."""
        return [DomainCheck(*row) for row in self.query("due_domain_checks", now, limit)]

    def domain_change(self) -> int:
        """Return a number that is another one whenever the state of a domain or key has changed."""
        return int(self.query("domain_change")[0][0])
