import ipaddress
from dataclasses import replace

import pytest

from estafeta_core.config.load import load
from estafeta_core.identity import Identity
from estafeta_postfix.explain.asked import address_of, listener_of
from estafeta_testing.milter_site import Site


@pytest.mark.parametrize(
    ("dialect", "listener"),
    [("sparkpost", "submission"), ("teenvio", "teenvio"), ("devino", "devino"), ("emitlo", "emitlo")],
)
def test_a_message_goes_to_the_first_listener_that_speaks_the_dialect(
    site: Site, dialect: str, listener: str
) -> None:
    assert listener_of(load(site.config).config, dialect) == listener


def test_a_deprecated_listener_is_the_last_choice(site: Site) -> None:
    old = "  old: {dialects: [teenvio], port: 2500, tls: starttls, deprecated: true}\n"
    new = "  new: {dialects: [teenvio], port: 58700, tls: starttls}\n"
    site.configure(listeners=f"listeners:\n{old}{new}")
    assert listener_of(load(site.config).config, "teenvio") == "new"
    site.configure(listeners=f"listeners:\n{old}")
    assert listener_of(load(site.config).config, "teenvio") == "old"
    assert listener_of(load(site.config).config, "perfit") is None


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        ((), "127.0.0.1"),
        (("192.0.2.0/24",), "192.0.2.0"),
        (("192.0.2.0/24", "127.0.0.0/8"), "127.0.0.1"),
        (("2001:db8::/32",), "2001:db8::"),
    ],
)
def test_the_client_is_where_the_credential_may_be(
    site: Site, networks: tuple[str, ...], address: str
) -> None:
    credential = load(site.config).directory.credential(Identity("acme", "main"))
    assert credential is not None
    allowed = tuple(map(ipaddress.ip_network, networks))
    assert address_of(replace(credential, allow_from=allowed)) == address
