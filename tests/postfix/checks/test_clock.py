import contextlib
import time
from dataclasses import replace

import pytest

from estafeta_core.store import open_store
from estafeta_core.store.rows import Event
from estafeta_postfix.checks.clock import BACK, look, synchronised
from estafeta_postfix.checks.setup import Setup
from estafeta_testing.stored import make_rows


@pytest.mark.parametrize(("ahead", "expected"), [(0, []), (BACK * 2, ["clock-back"])])
def test_events_from_the_future_tell_that_time_went_back(
    setup: Setup, ahead: int, expected: list[str]
) -> None:
    with contextlib.closing(open_store(setup.config.store)) as store:
        when = time.time_ns() // 1_000_000 + ahead
        rows = make_rows("alice@example.net")
        store.record([replace(row, timestamp=when) if isinstance(row, Event) else row for row in rows])
    assert [each.code for each in look(setup) if each.severity == "error"] == expected


def test_without_a_store_only_the_kernel_is_asked(setup: Setup) -> None:
    codes = [each.code for each in look(setup)]
    assert codes == ([] if synchronised() else ["clock-unsynchronised"])
