"""Two hosts behind HAProxy, with PostgreSQL and Redis beside them, taken apart under load: nothing is lost.

`make hosts` is the same with another seed each time. What is run is what docs/hosts.md shows.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.release,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has network namespaces"),
    pytest.mark.timeout(1800),
]

PROGRAM = Path(__file__).parents[1] / "hosts" / "hosts.py"
SEED = 7


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--seed", str(SEED), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=1700,
    )
    assert done.stdout, f"it could not run: status {done.returncode}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_part_is_lost_in_turn_and_every_promise_is_kept(result: dict[str, Any]) -> None:
    assert result["broken"] == []


def test_each_host_and_each_server_was_away_while_mail_was_sent(result: dict[str, Any]) -> None:
    assert {each["name"] for each in result["outcomes"]} >= {
        *("mx1 is cut off", "mx2 is cut off", "mx1 is killed", "mx2 is killed"),
        *("Redis is killed", "Redis is cut off"),
        *("PostgreSQL is killed", "PostgreSQL is stopped", "PostgreSQL is cut off"),
    }
    figures = result["figures"]
    assert figures["attempts"]["accepted"] >= 300
    assert min(figures["hosts"].values()) >= 50
    assert figures["copies_whose_links_were_followed"] >= 4
    assert figures["events_posted"] >= 300
