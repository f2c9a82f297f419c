from collections.abc import Callable

import pytest

from estafeta_core.directory import Credential
from estafeta_core.rules import allowed_address

NETWORKS = ("192.0.2.0/24", "2001:db8::/32", "198.51.100.7")


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("192.0.2.1", True),
        ("::ffff:192.0.2.1", True),
        ("198.51.100.7", True),
        ("2001:db8::1", True),
        ("192.0.3.1", False),
        ("2001:db9::1", False),
        ("::1", False),
        ("unknown", False),
        ("", False),
        ("192.0.2.1/32", False),
    ],
)
def test_d06_only_listed_networks_may_use_it(
    make_credential: Callable[..., Credential], address: str, allowed: bool
) -> None:
    refusal = allowed_address.check(make_credential(allow_from=NETWORKS), address)
    assert refusal == (None if allowed else allowed_address.NOT_ALLOWED)


def test_without_a_list_every_address_may_use_it(credential: Credential) -> None:
    assert allowed_address.check(credential, "203.0.113.9") is None
    assert allowed_address.check(credential, "unknown") is None
