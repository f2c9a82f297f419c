"""Every file of tests/testcases/, played against real Postfix."""

from pathlib import Path

import pytest

from estafeta_testing import session, testcase
from estafeta_testing.relay import Relay

FOLDER = Path(__file__).parents[1] / "testcases"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.testcase")), ids=lambda path: path.stem)
def test_the_session_of_the_file_runs_as_it_is_written(path: Path, relay: Relay) -> None:
    mismatch = session.run(relay, testcase.read(path))
    if mismatch:
        pytest.fail(f"{path.name}\n{mismatch}", pytrace=False)
