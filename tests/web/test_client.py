from collections.abc import Sequence

import pytest
from starlette.requests import Request

from estafeta_web import client

PROXIES = client.networks(["10.0.0.0/8", "::1"])


def request(here: str, *told: str) -> Request:
    fields = [(b"x-forwarded-for", value.encode("latin-1")) for value in told]
    return Request({"type": "http", "headers": fields, "client": (here, 1234)})


@pytest.mark.parametrize(
    ("here", "told", "address"),
    [
        ("192.0.2.1", (), "192.0.2.1"),
        ("192.0.2.1", ("198.51.100.7",), "192.0.2.1"),  # no proxy of ours: anybody may say so
        ("10.1.2.3", (), "10.1.2.3"),
        ("10.1.2.3", ("198.51.100.7",), "198.51.100.7"),
        ("10.1.2.3", ("198.51.100.7, 10.9.9.9",), "198.51.100.7"),
        ("10.1.2.3", ("203.0.113.1, 198.51.100.7",), "198.51.100.7"),  # the first one the client made up
        ("10.1.2.3", ("203.0.113.1", "198.51.100.7"), "198.51.100.7"),
        ("::ffff:10.1.2.3", ("198.51.100.7",), "198.51.100.7"),
        ("::1", ("2001:db8::7",), "2001:db8::7"),
        ("10.1.2.3", ("198.51.100.7, nonsense",), "10.1.2.3"),
        ("10.1.2.3", ("10.5.5.5",), "10.5.5.5"),
        ("10.1.2.3", ("",), "10.1.2.3"),
        ("10.1.2.3", ("1" * 60_000,), "10.1.2.3"),
        ("10.1.2.3", ("2001:db8::7%" + "e" * 60,), "10.1.2.3"),
    ],
)
def test_the_address_is_the_last_one_that_somebody_we_trust_has_seen(
    here: str, told: Sequence[str], address: str
) -> None:
    assert client.address(request(here, *told), PROXIES) == address


def test_without_trusted_proxies_nothing_that_is_sent_counts() -> None:
    assert client.address(request("10.1.2.3", "198.51.100.7"), ()) == "10.1.2.3"


def test_a_connection_may_have_no_address() -> None:
    assert client.address(Request({"type": "http", "headers": [], "client": None}), PROXIES) == ""
