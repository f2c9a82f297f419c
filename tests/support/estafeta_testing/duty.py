"""A lease that somebody has, for as long as a test lasts."""

from estafeta_core.store import Lease, Store


def on_duty(store: Store) -> Lease:
    """Return the worker's lease, taken by this host."""
    lease = Lease(store, "worker", "here", 3600)
    assert lease.take()
    return lease
