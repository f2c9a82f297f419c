from pathlib import Path

import msgspec

from estafeta_core.config.schema import SharedLimits
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.limits import look
from estafeta_postfix.checks.setup import Setup
from estafeta_testing.redis_server import redis_server

from .conftest import known


def found(setup: Setup, limits: SharedLimits) -> list[Finding]:
    known(setup, config=msgspec.structs.replace(setup.config, limits=limits))
    return list(look(setup))


def test_limits_that_a_host_counts_alone_need_no_server(setup: Setup) -> None:
    assert found(setup, SharedLimits()) == []


def test_a_server_that_is_away_is_told_with_what_is_done_meanwhile(setup: Setup, tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        assert found(setup, SharedLimits(store=server.url, timeout=4.0)) == []
    (away,) = found(setup, SharedLimits(store=server.url, hosts=2))
    assert (away.severity, away.code) == ("error", "limits-away")
    assert away.reason.endswith("; each of 2 hosts counts its share of every limit")
    (away,) = found(setup, SharedLimits(store=server.url, away="defer"))
    assert away.reason.endswith("; what limits apply to is put off")


def test_a_password_that_is_wrong_is_told_and_not_shown(setup: Setup, tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", "open sesame") as server:
        url = server.url.replace("unix://", "unix://:pass-of-ours@")
        (away,) = found(setup, SharedLimits(store=url, timeout=4.0))
    assert "WRONGPASS" in away.reason
    assert "pass-of-ours" not in f"{away}"
