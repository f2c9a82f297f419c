"""What a caller who catches StoreUnavailable catches."""

import pytest

from estafeta_core.store.errors import RowsRefused, SchemaTooNew, StoreUnavailable


@pytest.mark.parametrize("kind", [StoreUnavailable, RowsRefused, SchemaTooNew])
def test_whoever_catches_store_unavailable_catches_every_failure_of_the_store(
    kind: type[StoreUnavailable],
) -> None:
    with pytest.raises(StoreUnavailable, match="why"):
        raise kind("why")
