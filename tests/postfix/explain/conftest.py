import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estafeta_core.config.live import Live
from estafeta_core.identity import Identity
from estafeta_core.store import open_store
from estafeta_core.store.rows import Suppression
from estafeta_postfix.explain.asked import Asked
from estafeta_postfix.explain.explanation import Explanation, explain
from estafeta_postfix.explain.known import open_known
from estafeta_testing.milter_site import Site
from estafeta_testing.office import NOON

Explained = Callable[..., Explanation]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A configuration without a store."""
    return Site(tmp_path)


@pytest.fixture
def explained(site: Site) -> Explained:
    """Return a function that explains a message of acme/main to alice, unless told otherwise."""

    def explained(
        raw: bytes, *recipients: str, credential: str = "acme/main", **others: str | bool
    ) -> Explanation:
        asked = Asked(
            identity=Identity.parse(credential),
            listener=str(others.get("listener", "submission")),
            client_address=str(others.get("client_address", "127.0.0.1")),
            secured=bool(others.get("secured", True)),
            sender=str(others.get("sender", "app@acme.example")),
            recipients=recipients or ("alice@example.net",),
            raw=raw,
        )
        with contextlib.closing(open_known(site.store_url)) as store:
            return explain(Live(site.config), store, asked, lambda: NOON)

    return explained


@pytest.fixture
def suppressed(site: Site) -> Iterator[str]:
    """An address that acme does not mail; with it there is a store."""
    row = Suppression("acme", None, "gone@example.net", "non_transactional", "Manually Added", "", 0)
    with contextlib.closing(open_store(site.store_url)) as store:
        store.record([row])
        yield row.recipient
