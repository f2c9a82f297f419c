"""Fixtures for the end-to-end tests: sandboxes with more questions to ask of them."""

from collections.abc import Iterator

import pytest

from estafeta_testing import peers
from estafeta_testing import sandbox as testing
from estafeta_testing.relay import Relay
from estafeta_testing.sandbox import Sandbox


@pytest.fixture(scope="session")
def relay(sandbox: Sandbox) -> Relay:
    """The sandbox that all tests of this process share: it must not be broken, nor its accounts changed."""
    made = Relay(sandbox.description)
    peers.add(made)
    return made


EVERY_LISTENER = """
  required: {dialects: [sparkpost], port: 588, tls: required}
  implicit: {dialects: [sparkpost], port: 465, tls: implicit}
  plain: {dialects: [sparkpost], port: 25, tls: none}
  impatient: {dialects: [sparkpost], port: 26, tls: none, idle_timeout: 1}
  named: {dialects: [perfit], port: 28, tls: none, hostname: smtp.myperfit.example}
  shared: {dialects: [sparkpost, emitlo, devino], port: 589, tls: required}
  few: {dialects: [sparkpost], port: 27, tls: none, messages_per_connection: 2, recipients_per_message: 2}
"""


@pytest.fixture(scope="session")
def listeners() -> Iterator[Relay]:
    """A sandbox with a listener of every kind there is."""
    with testing.running(config=testing.QUICK.rstrip("\n") + EVERY_LISTENER) as running:
        yield Relay(running.description)
