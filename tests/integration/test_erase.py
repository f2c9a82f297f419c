"""A person is erased while everything runs, and the store's files hold the address nowhere."""

import json
from pathlib import Path

from estafeta_testing.relay import SENDER, Relay

VERSION = (
    (
        f"From: {SENDER}\r\nSubject: Dear erased.person@example.net\r\nContent-Type: text/html\r\n"
        'X-MSYS-API: {{"metadata": {{"who": "erased.person@example.net"}}}}\r\n\r\n'
        '<html><body><a href="https://example.com/?m=erased.person@example.net">x</a></body></html>\r\n'
    )
    .replace("{{", "{")
    .replace("}}", "}")
)


def test_whoever_is_erased_is_in_no_file_of_the_store_and_still_counted(relay: Relay) -> None:
    queue_id = relay.send(VERSION.encode(), "erased.person@example.net", "someone.else@example.net")
    bounced = relay.send(VERSION.encode(), "bounce.erased.person@example.net")
    relay.events(queue_id, "injection", "injection", "delivery", "delivery")
    relay.events(bounced, "injection", "bounce")
    before = relay.estafeta("stats", "--json").stdout
    for address in ("Erased.Person@EXAMPLE.net", "bounce.erased.person@example.net"):
        said = relay.estafeta("erase", address, "--yes", "--json", "--forget-suppressions")
        assert said.returncode == 0, said.stderr
        assert json.loads(said.stdout)["erased"]["messages"] == 1
    url = relay.description["store"]
    store = Path(url.removeprefix("sqlite:///"))
    for path in store.parent.glob(f"{store.name}*") if url.startswith("sqlite:") else ():
        assert b"erased.person@" not in path.read_bytes(), path
        assert b"someone.else@" in path.read_bytes() or path != store
    assert (
        json.loads(relay.estafeta("stats", "--json").stdout)["statistics"] == json.loads(before)["statistics"]
    )
    relay.send(VERSION.encode(), "someone.else@example.net")  # and on it goes
