import pytest

from estafeta_core.store import Store, StoreUnavailable, open_store
from estafeta_core.store.account_rows import AccountsChanged, AccountText
from estafeta_core.store.postgresql import listening
from estafeta_testing import postgresql


def write(store: Store, name: str) -> None:
    store.record([AccountsChanged(), AccountText(name, 0, b"", b"")])


def test_it_hears_each_change_and_ends_with_its_server(cluster: postgresql.Cluster) -> None:
    with cluster.store() as url:
        store = open_store(url)
        heard = listening.notices(url, 5.0)
        next(heard)
        write(store, "a")
        next(heard)
        write(store, "b")
        next(heard)
        cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        with pytest.raises(StoreUnavailable):
            next(heard)
        store.close()


def test_silence_is_not_trusted_for_ever(
    cluster: postgresql.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "SILENCE", 0.2)
    with cluster.store() as url:
        open_store(url).close()
        heard = listening.notices(url, 5.0)
        next(heard)
        with pytest.raises(StoreUnavailable, match="did not answer"):
            next(heard)
