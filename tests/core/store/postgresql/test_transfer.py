from collections.abc import Iterator

import pytest

from estafeta_core.store import StoreUnavailable, open_store
from estafeta_core.store.postgresql import transfer
from estafeta_core.store.postgresql.partitions import lowest_id
from estafeta_core.store.statements import Values
from estafeta_testing import postgresql

MARCH, OCTOBER = 1_709_251_200_000, 1_729_000_000_000  # Unix milliseconds, in 2024


def broken() -> Iterator[Values]:
    yield ("acme", "spring")
    raise KeyError


def test_events_of_every_month_get_a_table(cluster: postgresql.Cluster) -> None:
    with cluster.store() as url, transfer.opened(url, 5.0, writes=True) as there:
        there.prepare(lowest_id(MARCH), lowest_id(OCTOBER))
        columns = ("event_id", "type", "timestamp", "transmission_id", "account", "data")
        ids = [lowest_id(MARCH), lowest_id(OCTOBER)]
        there.fill("events", columns, [(each, "delivery", 1, 1, "acme", "{}") for each in ids])
        assert there.ends() == tuple(ids)
        assert [there.count(f"events_2024_{month}") for month in ("03", "04", "10")] == [1, 0, 1]
        assert there.count("events_default") == 0


def test_an_error_in_the_block_leaves_nothing(cluster: postgresql.Cluster) -> None:
    with cluster.store() as url:
        with pytest.raises(KeyError), transfer.opened(url, 5.0, writes=True) as there:
            there.fill("tags", ("account", "tag"), broken())
        with transfer.opened(url, 5.0, writes=False) as there:
            assert there.count("tags") == 0


def test_beside_other_processes_nothing_is_opened(cluster: postgresql.Cluster) -> None:
    with cluster.store() as url:
        store = open_store(url)
        store.lease("worker")
        with pytest.raises(StoreUnavailable, match="1 connections of Estafeta are open"):
            transfer.opened(url, 5.0, writes=False).__enter__()
        store.close()
