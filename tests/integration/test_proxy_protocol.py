"""A listener behind a proxy: what it makes of who speaks the PROXY protocol, and of who does not."""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from estafeta_hosts.host import Order
from estafeta_postfix import ports
from estafeta_postfix.demo_accounts import DEMOS, write
from estafeta_postfix.supervisor import dying_with_parent
from estafeta_testing.documents import ROOT
from estafeta_testing.relay import Relay
from estafeta_testing.sandbox import Credential
from estafeta_testing.smtp import Connection

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run Postfix")

CLIENT = "203.0.113.7"  # whom the proxy speaks for
PROXY = "127.0.0.1"
HEADER = f"PROXY TCP4 {CLIENT} {PROXY} 40000 587\r\n".encode()  # version 1
CONFIG = """\
hostname: mx.example.com
base_url: http://localhost
bounce_domain: bounce.example.com
signing_keys: []
auth: {{failure_delay: 0.01, failure_delay_limit: 0.05}}
web: {{port: {web}}}
ip_pools: {{my_ip_pool: {{}}}}
listeners:
  behind: {{dialects: [sparkpost, devino], port: {behind}, tls: required, proxy_protocol: true}}
  behind-ssl: {{dialects: [sparkpost, devino], port: {ssl}, tls: implicit, proxy_protocol: true}}
"""


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """One host on loopback, where this program is the proxy."""
    with tempfile.TemporaryDirectory(prefix="estafeta-test-") as root:
        folder = Path(root)
        folder.chmod(0o755)
        web, behind, encrypted, *others = ports.take(7)
        config = folder / "estafeta.yaml"
        config.write_text(CONFIG.format(web=web, behind=behind, ssl=encrypted))
        (folder / "accounts").mkdir()
        credentials = write(folder / "accounts", folder / "dkim", DEMOS, here=[CLIENT])
        order = Order(str(folder / "host"), str(config), str(folder / "accounts"), own_ports=tuple(others))
        with _running(order) as running:
            running.credentials = [Credential(**asdict(each)) for each in credentials]
            yield running


@contextlib.contextmanager
def _running(order: Order) -> Iterator[Relay]:
    process = subprocess.Popen(
        dying_with_parent(order.command()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=ROOT / "tests" / "hosts",
    )
    try:
        assert process.stdout is not None
        yield Relay(json.loads(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout:
            process.stdout.close()


def connected(relay: Relay, listener: str, header: bytes) -> Connection:
    """Connect as HAProxy does: its word about the client comes before TLS."""
    place = relay.listener(listener)
    return Connection(PROXY, place.port, relay.tls if place.tls == "implicit" else None, first=header)


@pytest.mark.parametrize("listener", ["behind", "behind-ssl"])
def test_the_address_of_the_client_is_the_one_that_the_proxy_names(relay: Relay, listener: str) -> None:
    credential = relay.credential("website/1website")  # which may log in from that address alone
    other = HEADER.replace(CLIENT.encode(), b"203.0.113.8")
    for header, expected in ((HEADER, "235"), (other, "535")):
        with connected(relay, listener, header) as connection:
            relay.begin(connection, tls=listener == "behind")
            assert connection.login(credential.username, credential.password).startswith(expected)
    assert f"connect from unknown[{CLIENT}]" in relay.maillog.read_text()


def test_whoever_comes_without_a_proxy_is_not_greeted(relay: Relay) -> None:
    place = relay.listener("behind")
    with socket.create_connection((PROXY, place.port), 30) as client:
        client.sendall(b"EHLO client.example\r\n")
        assert client.recv(4096)[:3] in (b"", b"421")


def test_check_asks_such_listeners_as_their_proxy_does(relay: Relay) -> None:
    only = [f"--only={name}" for name in ("listeners", "certificate", "relay", "smuggling")]
    done = relay.estafeta("check", "--offline", "--json", *only)
    found = json.loads(done.stdout)
    assert [each for each in found if each["severity"] != "note"] == [], done.stdout
