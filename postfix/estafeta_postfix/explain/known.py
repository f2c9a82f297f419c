"""The store as an explanation uses it: for reading only, whether it is there yet or not.

Unlike a daemon, which makes the store when it starts, this opens what is there with connections that cannot
write, and neither creates nor migrates anything. Without a store nobody is suppressed, no tag was used, and
nothing is kept.
"""

from estafeta_core.store import Store
from estafeta_core.store.statements import Values
from estafeta_core.store.store import backend


class NoStore(Store):
    """A store that nobody has made yet: every question finds nothing."""

    def query(self, name: str, *_: str | int | None, patience: float = 0.0) -> list[Values]:  # noqa: ARG002
        """Return no rows."""
        return []

    def domain_change(self) -> int:
        """Return that nothing has ever changed."""
        return 0


def open_known(url: str) -> Store:
    """Return the store at `url`, or an empty one where there is none; to be closed by the caller.

    StoreUnavailable when that cannot be told.
    """
    there = backend(url)
    return Store(there) if there.made() else NoStore(there)
