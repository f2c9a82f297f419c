"""What changes in an account file while somebody is logged in, as it is felt at the next MAIL (E14)."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from estafeta_core import secrets
from estafeta_testing.relay import Relay, wait
from estafeta_testing.smtp import Connection

PATIENCE = 3.0  # seconds; the files are looked at twice a second
SENDER = "yo@open.example"


@dataclass(frozen=True, slots=True)
class Provider:
    """An account of a dialect, and how its client logs in."""

    dialect: str
    listener: str
    username: str
    key_alone: bool = False


PROVIDERS = (
    Provider("perfit", "perfit-2525", "apikey", key_alone=True),
    Provider("teenvio", "teenvio-58700", "usuario.open"),
    Provider("devino", "devino-465", "1open"),
    Provider("emitlo", "emitlo-587", "prod_open"),
)
TAKEN_AWAY = {
    "status: suspended": "Credential suspended",
    "permissions: [events]": 'Credential lacks the "send" permission',
    "allow_from: [192.0.2.0/24]": "Credential not allowed from this address",
    "status: revoked": "Credential revoked",
}


class Opened:
    """An account that changes while its client is logged in."""

    def __init__(self, relay: Relay, provider: Provider) -> None:
        self._key = secrets.generate_key()
        self._relay = relay
        self._provider = provider
        self._file = relay.accounts_dir / "open.yaml"
        self.write("status: active")
        time.sleep(1.2)  # every process looks at the files for itself

    def write(self, setting: str) -> None:
        """Give the credential another setting."""
        username = "" if self._provider.key_alone else f"username: {self._provider.username}, "
        draft = self._file.with_suffix(".draft")
        draft.write_text(
            f"account: open\ndialect: {self._provider.dialect}\n"
            f"domains: {{open.example: {{verified: true}}}}\nsenders: [{SENDER}]\n"
            f'credentials: {{main: {{{username}key: "{secrets.hash_key(self._key)}", {setting}}}}}\n'
        )
        draft.rename(self._file)

    @contextlib.contextmanager
    def session(self) -> Iterator[Connection]:
        """Yield a connection that has logged in."""
        place = self._relay.listener(self._provider.listener)
        with self._relay.raw(place.name) as client:
            self._relay.begin(client, tls=place.tls == "required")
            reply = client.login(self._provider.username, self._key, place.mechanisms)
            assert reply.startswith("235"), reply
            yield client

    def remove(self) -> None:
        """Take the account away."""
        self._file.unlink(missing_ok=True)


@pytest.fixture(params=PROVIDERS, ids=lambda provider: provider.dialect)
def opened(request: pytest.FixtureRequest, listeners: Relay) -> Iterator[Opened]:
    account = Opened(listeners, request.param)
    yield account
    account.remove()


def mail_until(client: Connection, wanted: str) -> None:
    """Say MAIL until it is answered so."""

    def say() -> str:
        client.command("RSET")
        return client.command(f"MAIL FROM:<{SENDER}>")

    wait(say, wanted, "the reply to MAIL", PATIENCE)


def test_e14_what_an_operator_takes_away_is_gone_at_the_next_mail(opened: Opened) -> None:
    with opened.session() as client:
        mail_until(client, "250 2.1.0 Ok")
        for setting, reason in TAKEN_AWAY.items():
            opened.write(setting)
            mail_until(client, f"535 5.7.8 {reason}")
        opened.write("status: active")
        mail_until(client, "250 2.1.0 Ok")
        opened.remove()
        mail_until(client, "535 5.7.8 Credential revoked")
