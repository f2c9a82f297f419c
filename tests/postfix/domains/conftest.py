"""A name server, and what asks it."""

from collections.abc import Iterator

import pytest

from estafeta_core.config.schema import Dns
from estafeta_testing.name_server import NameServer, name_server

ZONES = ("new.example", "acme.example", "example.com", "2.0.192.in-addr.arpa")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    with name_server(tmp_path_factory.mktemp("dns"), *ZONES) as running:
        yield running


@pytest.fixture
def dns(server: NameServer) -> Dns:
    return Dns(servers=(server.address,), timeout=2.0)
