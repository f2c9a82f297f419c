"""What came back of a credential's mail, and which credentials are suspended for it."""

from dataclasses import dataclass

from estafeta_core.store.reader import Reader
from estafeta_core.store.standing_rows import Suspension


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the recipients of a credential's mail took it."""

    recipients: int  # delivered to, or bounced for good at once
    complaints: int
    bounces: int  # for good (bounce_class.HARD), at once or afterwards


class Reputation(Reader):
    """Questions about credentials; one alone is what a daemon opens that writes nothing."""

    def suspended(self) -> dict[str, Suspension]:
        """Return the suspensions in force by `account/credential`."""
        found = (Suspension(*row) for row in self.query("suspended"))
        return {suspension.credential_id: suspension for suspension in found}

    def outcomes(self, account: str, since: int) -> dict[str, Outcome]:
        """Return by credential what has become of mail that was accepted from `since` on.

        What was accepted before the last suspension of a credential was lifted does not count.
        """
        return {name: Outcome(*counts) for name, *counts in self.query("outcomes", account, since)}
