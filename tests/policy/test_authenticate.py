import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from estafeta_core import secrets
from estafeta_core.config.accounts import Account, Subaccount
from estafeta_core.config.accounts import Credential as Settings
from estafeta_core.config.schema import Config, Listener
from estafeta_core.dialects.base import Dialect, Part, UserName
from estafeta_core.dialects.sparkpost import SPARKPOST
from estafeta_core.directory import Credential, Directory
from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal
from estafeta_policy.authenticate import (
    Authenticated,
    Authenticator,
    Decision,
    Refused,
    Unavailable,
    Verification,
)
from estafeta_policy.wire.dovecot_auth import Attempt
from estafeta_policy.wire.sasl import Credentials

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
# Fixed, for they are in the names of tests, which every worker has to call the same.
KEY, OTHER_KEY, PEOPLE_KEY = (digit * 48 for digit in "1a7")


@dataclasses.dataclass(frozen=True)
class ByUserName:
    """A dialect whose credentials are found by user name, as most providers have it."""

    name: str
    login_refused: str = "Authentication credentials invalid"
    found_by: Literal["key", "username"] = "username"
    mechanisms: tuple[str, ...] = ("LOGIN",)
    size_limit: int = 512_000
    control_headers: frozenset[str] = frozenset()
    event_metadata_limit: int = 0

    @property
    def store_failed(self) -> Refusal:
        return Refusal(451, "4.3.0", "Try again later")

    def parse_username(self, username: str) -> UserName | None:
        return UserName(username) if username.isascii() and "." in username else None

    def options(self, headers: Sequence[Header], credential: Credential) -> Options | Refusal:
        return Options()

    def sending_domain_refused(self, domain: str) -> Refusal:
        return Refusal(550, "5.7.1", domain)

    def check_structure(self, root: Part) -> Refusal | None:
        return None


PEOPLE, OTHERS = ByUserName("people"), ByUserName("others", login_refused="No")
DIALECTS: dict[str, Dialect] = {"sparkpost": SPARKPOST, "people": PEOPLE, "others": OTHERS}
CONFIG = Config(
    hostname="mx.example.com",
    base_url="https://click.example.com",
    bounce_domain="bounce.example.com",
    signing_keys=(Path("link.key"),),
    listeners={
        "submission": Listener(dialects=("sparkpost",), port=587),
        "people": Listener(dialects=("people",), port=2500),
        "login-only": Listener(dialects=("sparkpost",), port=588, mechanisms=("LOGIN",)),
        "mixed": Listener(dialects=("sparkpost", "people", "others"), port=589),
    },
)


@pytest.fixture(scope="module")
def checker() -> secrets.PasswordChecker:
    return secrets.PasswordChecker()


@pytest.fixture(scope="module")
def directory() -> Directory:
    return Directory(
        [
            Account(
                account="acme",
                dialect="sparkpost",
                subaccounts={"123": Subaccount()},
                credentials={
                    "main": Settings(key=secrets.hash_key(KEY)),
                    "readonly": Settings(key=secrets.hash_key(OTHER_KEY), permissions=("events",)),
                },
            ),
            Account(
                account="plan",
                dialect="people",
                credentials={
                    "ana": Settings(username="ana.plan", password=secrets.hash_password("una clave")),
                    "key": Settings(username="key.plan", key=secrets.hash_key(PEOPLE_KEY)),
                    "gone": Settings(
                        username="gone.plan", password=secrets.hash_password("adiós"), status="revoked"
                    ),
                },
            ),
            Account(
                account="other",
                dialect="others",
                credentials={
                    "ana": Settings(username="ana.plan", password=secrets.hash_password("one word"))
                },
            ),
        ]
    )


@pytest.fixture
def authenticator(directory: Directory, checker: secrets.PasswordChecker) -> Authenticator:
    return Authenticator(CONFIG, directory, DIALECTS, checker, lambda: NOW)


def attempt(username: str, secret: str, service: str = "submission") -> Attempt:
    return Attempt(1, "PLAIN", service, "192.0.2.1", False, Credentials(username, secret))


def decide(
    authenticator: Authenticator, checker: secrets.PasswordChecker, asked: Attempt
) -> tuple[Decision, bool]:
    """Return the decision, and whether a password was checked for it."""
    decision = authenticator.decide(asked, 0)
    if isinstance(decision, Verification):
        return authenticator.conclude(decision, decision.run(checker), 0), True
    return decision, False


def test_a_key_alone_says_who_it_is(authenticator: Authenticator) -> None:
    decision = authenticator.decide(attempt("SMTP_Injection", KEY), 0)
    assert decision == Authenticated("acme/main")


def test_s11_the_user_name_names_the_subaccount(authenticator: Authenticator) -> None:
    decision = authenticator.decide(attempt("SMTP_Injection:X-MSYS-SUBACCOUNT=123", KEY), 0)
    assert decision == Authenticated("acme/main/123")


def test_a_subaccount_that_is_not_there_is_no_guess_at_a_secret(authenticator: Authenticator) -> None:
    decision = authenticator.decide(attempt("SMTP_Injection:X-MSYS-SUBACCOUNT=999", KEY), 0)
    assert decision == Refused("Unknown subaccount", "acme/main/999", guess=False)


def test_s06_a_key_without_the_permission_is_told_so(authenticator: Authenticator) -> None:
    decision = authenticator.decide(attempt("SMTP_Injection", OTHER_KEY), 0)
    assert decision == Refused(
        'Credential lacks the permission "Send via SMTP"', "acme/readonly", guess=False
    )


@pytest.mark.parametrize(
    ("username", "secret", "who"),
    [
        ("SMTP_Injection", "wrong", "SMTP_Injection"),
        ("SMTP_Injection", KEY[:-1], "SMTP_Injection"),
        ("SMTP_Injection", KEY + " ", "SMTP_Injection"),
        ("smtp_injection", KEY, ""),
        ("SMTP_Injection\tuser=admin", KEY, ""),
        ("SMTP_Injection\0", KEY, ""),
        (KEY, KEY, ""),
        ("", KEY, ""),
    ],
)
def test_whatever_a_stranger_gets_wrong_has_one_reason(
    authenticator: Authenticator, username: str, secret: str, who: str
) -> None:
    decision = authenticator.decide(attempt(username, secret), 0)
    assert decision == Refused(SPARKPOST.login_refused, who, guess=True)


def test_a_password_is_checked_by_whoever_runs_the_verification(
    authenticator: Authenticator, checker: secrets.PasswordChecker
) -> None:
    asked = attempt("ana.plan", "una clave", "people")
    first, second = decide(authenticator, checker, asked), decide(authenticator, checker, asked)
    assert first == (Authenticated("plan/ana"), True)
    assert second == (Authenticated("plan/ana"), False)  # remembered


@pytest.mark.parametrize(
    ("username", "secret"),
    [
        ("ana.plan", "wrong"),
        ("nobody.plan", "wrong"),
        ("key.plan", "wrong"),
        ("gone.plan", "wrong"),
        ("x", "y"),
    ],
)
def test_every_wrong_attempt_at_a_listener_with_passwords_costs_a_check(
    authenticator: Authenticator, checker: secrets.PasswordChecker, username: str, secret: str
) -> None:
    decision, checked = decide(authenticator, checker, attempt(username, secret, "people"))
    assert isinstance(decision, Refused)
    assert (decision.reason, decision.guess, checked) == (PEOPLE.login_refused, True, True)


def test_a_revoked_password_is_told_so_to_whoever_knows_it(
    authenticator: Authenticator, checker: secrets.PasswordChecker
) -> None:
    decision, _ = decide(authenticator, checker, attempt("gone.plan", "adiós", "people"))
    assert decision == Refused("Credential revoked", "plan/gone", guess=False)


def test_a_user_name_may_have_a_generated_key(
    authenticator: Authenticator, checker: secrets.PasswordChecker
) -> None:
    decision = decide(authenticator, checker, attempt("key.plan", PEOPLE_KEY, "people"))
    assert decision == (Authenticated("plan/key"), False)


@pytest.mark.parametrize(
    ("username", "secret", "identity"),
    [
        ("SMTP_Injection", KEY, "acme/main"),
        ("ana.plan", "una clave", "plan/ana"),
        ("ana.plan", "one word", "other/ana"),
        ("key.plan", PEOPLE_KEY, "plan/key"),
    ],
)
def test_a_listener_may_serve_several_dialects(
    authenticator: Authenticator,
    checker: secrets.PasswordChecker,
    username: str,
    secret: str,
    identity: str,
) -> None:
    decision, _ = decide(authenticator, checker, attempt(username, secret, "mixed"))
    assert decision == Authenticated(identity)


def test_a_key_of_one_dialect_is_nobody_in_another(
    authenticator: Authenticator, checker: secrets.PasswordChecker
) -> None:
    decision, _ = decide(authenticator, checker, attempt("key.plan", KEY, "people"))
    assert isinstance(decision, Refused)
    assert isinstance(authenticator.decide(attempt("SMTP_Injection", PEOPLE_KEY), 0), Refused)


def test_a_listener_that_is_not_configured_is_our_fault(authenticator: Authenticator) -> None:
    decision = authenticator.decide(attempt("SMTP_Injection", KEY, "nowhere"), 0)
    assert isinstance(decision, Unavailable)


def test_a_listener_takes_its_own_mechanisms_or_those_of_its_dialects(authenticator: Authenticator) -> None:
    assert authenticator.offered("login-only", "LOGIN")
    assert not authenticator.offered("login-only", "PLAIN")
    assert authenticator.offered("submission", "PLAIN")
    assert not authenticator.offered("people", "PLAIN")
    assert authenticator.offered("nowhere", "PLAIN")
