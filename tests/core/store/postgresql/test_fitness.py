"""What a server says of a database, each from the eyes of a user of its own."""

import pytest

from estafeta_core.store import StoreUnavailable, open_store
from estafeta_core.store.postgresql import schema
from estafeta_core.store.postgresql.fitness import Fitness, fitness
from estafeta_testing.postgresql import Cluster

NEWEST = max(schema.scripts())


def asked(url: str) -> Fitness:
    return fitness(url, 5.0)


def test_nothing_is_wrong_with_a_store_that_its_owner_has_made(url: str) -> None:
    assert asked(url).version == 0
    open_store(url).close()
    found = asked(url)
    assert (found.version, found.may_create, found.closed, found.read_only) == (NEWEST, True, (), False)


def test_tables_that_somebody_else_may_not_write_are_named(url: str, cluster: Cluster) -> None:
    open_store(url).close()
    cluster.sql("CREATE ROLE reading LOGIN")
    ((place,),) = cluster.sql("SELECT current_schema()", url=url)
    try:
        cluster.sql(f"GRANT USAGE ON SCHEMA {place} TO reading", url=url)
        cluster.sql(f"GRANT ALL ON ALL TABLES IN SCHEMA {place} TO reading", url=url)
        cluster.sql("REVOKE INSERT ON messages FROM reading", url=url)
        found = asked(url.replace("user=estafeta", "user=reading"))
        assert (found.version, found.closed, found.may_create) == (NEWEST, ("messages",), False)
        cluster.sql(f"REVOKE ALL ON {schema.TABLE} FROM reading", url=url)
        assert asked(url.replace("user=estafeta", "user=reading")).closed == (schema.TABLE, "messages")
    finally:
        cluster.sql("DROP OWNED BY reading", url=url)
        cluster.sql("DROP ROLE reading")


def test_a_user_whose_transactions_only_read_is_told(url: str) -> None:
    assert asked(f"{url}%20-cdefault_transaction_read_only%3Don").read_only


def test_a_server_that_syncs_nothing_is_told(url: str, cluster: Cluster) -> None:
    ((fsync,),) = cluster.sql("SHOW fsync")
    assert asked(url).fsync == (fsync == "on")


def test_a_server_that_is_not_there_cannot_be_asked() -> None:
    with pytest.raises(StoreUnavailable):
        asked("postgresql://estafeta@127.0.0.1:1/estafeta")
