"""What a configuration gives every message, worked out once a reload."""

from dataclasses import dataclass

from estafeta_core.config.load import Snapshot
from estafeta_core.hosting import Shelf
from estafeta_core.jobs import Jobs
from estafeta_core.links import Links
from estafeta_core.tickets import Tickets
from estafeta_milter.dkim.keyring import Keyring
from estafeta_milter.message.part import Bounds


@dataclass(frozen=True, slots=True)
class Derived:
    """The signers, bounds and folders of one snapshot."""

    snapshot: Snapshot
    links: Links
    jobs: Jobs
    tickets: Tickets
    bounds: Bounds
    shelf: Shelf
    keyring: Keyring


class Deriving:
    """Remembers what was derived last; threads that come at once may each work it out, to the same end."""

    def __init__(self) -> None:
        self._last: Derived | None = None

    def of(self, snapshot: Snapshot) -> Derived:
        """Return what `snapshot` gives every message; OSError or ValueError when a key has gone bad."""
        derived = self._last
        if derived is None or derived.snapshot is not snapshot:
            derived = self._last = _derive(snapshot)
        return derived


def _derive(snapshot: Snapshot) -> Derived:
    config = snapshot.config
    mime = config.mime
    return Derived(
        snapshot=snapshot,
        links=Links.from_config(config),
        jobs=Jobs.from_config(config),
        tickets=Tickets.from_config(config),
        bounds=Bounds(mime.depth, mime.parts, mime.header_count, mime.header_bytes),
        shelf=Shelf.of(config),
        keyring=Keyring(snapshot.directory.accounts),
    )
