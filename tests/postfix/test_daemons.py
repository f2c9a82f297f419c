import importlib
import sys
from pathlib import Path

import pytest

from estafeta_postfix.daemons import RUNNERS, program


@pytest.mark.parametrize("role", RUNNERS)
def test_every_role_has_somebody_to_run_it(role: str) -> None:
    module, name = RUNNERS[role]
    assert callable(getattr(importlib.import_module(module), name))


def test_a_daemon_runs_under_the_interpreter_of_whoever_starts_it() -> None:
    made = program("sasl", Path("/etc/estafeta/estafeta.yaml"), Path("/tmp/log"))
    assert made.command[0] == sys.executable
    assert list(made.command[-2:]) == ["serve", "sasl"]
    assert made.log == Path("/tmp/log")
