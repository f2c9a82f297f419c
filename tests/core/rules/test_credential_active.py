from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from estafeta_core.directory import Credential
from estafeta_core.refusal import Refusal
from estafeta_core.rules import credential_active

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("settings", "refusal"),
    [
        ({}, None),
        ({"status": "suspended"}, credential_active.SUSPENDED),
        ({"status": "revoked"}, credential_active.REVOKED),
        ({"expires": NOW + SECOND}, None),
        ({"expires": NOW}, credential_active.EXPIRED),
        ({"expires": NOW - SECOND}, credential_active.EXPIRED),
        ({"expires": NOW - SECOND, "status": "revoked"}, credential_active.REVOKED),
    ],
)
def test_status_and_expiry_decide(
    make_credential: Callable[..., Credential], settings: dict[str, Any], refusal: Refusal | None
) -> None:
    assert credential_active.check(make_credential(**settings), None, NOW) == refusal
    assert credential_active.check(make_credential(**settings), "123", NOW) == refusal


@pytest.mark.parametrize(
    ("subaccount", "refusal"),
    [
        ("123", None),
        ("124", credential_active.UNKNOWN_SUBACCOUNT),
        ("9", credential_active.SUBACCOUNT_SUSPENDED),
        ("10", credential_active.SUBACCOUNT_TERMINATED),
    ],
)
def test_s11_the_subaccount_has_to_be_there_and_active(
    credential: Credential, subaccount: str, refusal: Refusal | None
) -> None:
    assert credential_active.check(credential, subaccount, NOW) == refusal
