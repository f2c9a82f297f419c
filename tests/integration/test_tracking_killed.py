"""R2: whatever was answered is in the store once, however often the web service and the worker are killed.

`make soak SOAK='--only R2'` is the same with a hundred thousand, and 300 kills.
"""

from collections.abc import Iterator

import pytest

from estafeta_core import journal
from estafeta_core.config.load import load_config
from estafeta_soak.tracking import Recipients, kill_again_and_again, read_through, suppressed, written
from estafeta_testing import sandbox as testing
from estafeta_testing.relay import Relay, wait

HITS = 1500
KILLS = 6


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """A sandbox of this file alone, whose daemons are killed."""
    with testing.running() as running:
        yield Relay(running.description)


def test_r2_what_was_answered_is_recorded_once_whoever_is_killed(relay: Relay) -> None:
    messages = written(relay)
    with Recipients(relay, messages, HITS) as recipients:
        kill_again_and_again(relay, recipients, HITS, KILLS)
    assert recipients.wrong == []
    assert len(recipients.answered) >= HITS
    answered = set(recipients.answered)
    found = read_through(relay, answered, 60.0)
    assert answered - found.keys() == set(), "every answered hit is recorded"
    assert {hit: times for hit, times in found.items() if times > 1} == {}
    assert suppressed(relay, answered), "who left is left alone"
    path = load_config(relay.config).state_dir / journal.NAME
    wait(lambda: journal.files(path), [path], "the worker has read every file of the journal but the last")
