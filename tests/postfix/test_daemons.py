import importlib
import sys
from pathlib import Path

import msgspec
import pytest

from estafeta_core.config.schema import Config, Listener
from estafeta_postfix.daemons import RUNNERS, program, roles


@pytest.mark.parametrize("role", RUNNERS)
def test_every_role_has_somebody_to_run_it(role: str) -> None:
    module, name = RUNNERS[role]
    assert callable(getattr(importlib.import_module(module), name))


def test_a_daemon_runs_under_the_interpreter_of_whoever_starts_it() -> None:
    made = program("sasl", Path("/etc/estafeta/estafeta.yaml"), Path("/tmp/log"))
    assert made.command[0] == sys.executable
    assert list(made.command[-2:]) == ["serve", "sasl"]
    assert made.log == Path("/tmp/log")


def test_the_receipt_proxy_runs_where_a_listener_wants_receipts() -> None:
    teenvio = Listener(dialects=("teenvio",), port=2500)
    config = Config(
        hostname="mx.example.com",
        base_url="https://click.example.com",
        bounce_domain="bounce.example.com",
        listeners={"teenvio": teenvio},
        signing_keys=(),
    )
    assert roles(config) == ["sasl", "policy", "milter", "web", "worker", "intake"]
    giving = msgspec.structs.replace(teenvio, receipt=True)
    assert roles(msgspec.structs.replace(config, listeners={"teenvio": giving})) == list(RUNNERS)
