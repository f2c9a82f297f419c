"""Clients of the providers that are steered by plain headers, where one session is not enough to tell."""

import secrets

from estafeta_testing.relay import Relay


def test_f8_a_token_that_stands_where_the_user_name_belongs_is_in_no_file(relay: Relay) -> None:
    token = f"{secrets.token_hex(4)}-not-a-token-any-more-{secrets.token_hex(20)}"
    with relay.raw("peers") as client:
        relay.begin(client, tls=True)
        for mechanisms in (("PLAIN",), ("LOGIN",)):
            assert client.login(token, token, mechanisms).startswith("535 5.7.8 ")
    files = [path for path in relay.dir.rglob("*") if path.is_file()]
    assert relay.maillog in files
    assert [path for path in files if token.encode() in path.read_bytes()] == []
