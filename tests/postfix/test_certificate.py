import datetime
import ssl
from pathlib import Path

import pytest

from estafeta_postfix import certificate

NOW = datetime.datetime.now(datetime.UTC)


def handshake(made: certificate.Certificates, folder: Path, name: str) -> None:
    """Let a client that trusts the authority meet a server with the chain, in memory."""
    chain = folder / "chain.pem"
    chain.write_bytes(made.chain)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(chain)
    client_context = ssl.create_default_context(cadata=made.authority.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


@pytest.mark.parametrize("name", ["mx.example.com", "localhost", "127.0.0.1"])
def test_a_client_that_trusts_the_authority_accepts_the_server(tmp_path: Path, name: str) -> None:
    handshake(certificate.make("mx.example.com", NOW), tmp_path, name)


def test_another_name_is_not_accepted(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(certificate.make("mx.example.com", NOW), tmp_path, "other.example.com")


def test_an_expired_certificate_is_not_accepted(tmp_path: Path) -> None:
    long_ago = NOW - 2 * certificate.LIFETIME
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(certificate.make("mx.example.com", long_ago), tmp_path, "localhost")


def test_a_host_name_longer_than_a_common_name_may_be_is_no_obstacle(tmp_path: Path) -> None:
    name = ".".join(["a" * 60] * 3)
    handshake(certificate.make(name, NOW), tmp_path, name)
