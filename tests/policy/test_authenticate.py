from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest

from estafeta_core import secrets
from estafeta_core.config.accounts import Account, Subaccount
from estafeta_core.config.accounts import Credential as Settings
from estafeta_core.config.schema import Config, Listener
from estafeta_core.dialects import DIALECTS
from estafeta_core.dialects.devino import DEVINO
from estafeta_core.dialects.sparkpost import SPARKPOST
from estafeta_core.dialects.teenvio import TEENVIO
from estafeta_core.directory import Directory
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
KEY, OTHER_KEY, TEENVIO_KEY, EMITLO_KEY = (digit * 48 for digit in "1a7e")
PERFIT_KEY = "micuenta-tr-" + "f" * 48


CONFIG = Config(
    hostname="mx.example.com",
    base_url="https://click.example.com",
    bounce_domain="bounce.example.com",
    signing_keys=(Path("link.key"),),
    listeners={
        "submission": Listener(dialects=("sparkpost",), port=587),
        "teenvio": Listener(dialects=("teenvio",), port=2500),
        "perfit": Listener(dialects=("perfit",), port=2525),
        "devino": Listener(dialects=("devino",), port=465),
        "emitlo": Listener(dialects=("emitlo",), port=586),
        "login-only": Listener(dialects=("sparkpost",), port=588, mechanisms=("LOGIN",)),
        "emitlo-login": Listener(dialects=("emitlo",), port=590, mechanisms=("PLAIN", "LOGIN")),
        "shared": Listener(dialects=("sparkpost", "devino", "emitlo"), port=589),
        "all": Listener(dialects=("perfit", "sparkpost", "teenvio", "devino", "emitlo"), port=591),
    },
)


@pytest.fixture(scope="module")
def checker() -> secrets.PasswordChecker:
    return secrets.PasswordChecker()


@pytest.fixture(scope="module")
def directory() -> Directory:
    def password(username: str, secret: str, **settings: Any) -> Settings:
        return Settings(username=username, password=secrets.hash_password(secret), **settings)

    def key(secret: str, **settings: Any) -> Settings:
        return Settings(key=secrets.hash_key(secret), **settings)

    return Directory(
        [
            Account(
                account="acme",
                dialect="sparkpost",
                subaccounts={"123": Subaccount()},
                credentials={
                    "main": key(KEY),
                    "readonly": key(OTHER_KEY, permissions=("events",)),
                },
            ),
            Account(
                account="plan",
                dialect="teenvio",
                credentials={
                    "ana": password("ana.plan", "una clave"),
                    "key": key(TEENVIO_KEY, username="key.plan"),
                    "gone": password("gone.plan", "adiós", status="revoked"),
                },
            ),
            Account(
                account="website",
                dialect="devino",
                credentials={
                    "ana": password("ana.plan", "one word"),
                    "1website": password("1website", "test", allow_from=("192.0.2.0/24", "2001:db8::/32")),
                    "same": password("same_name", "of devino"),
                },
            ),
            Account(account="micuenta", dialect="perfit", credentials={"main": key(PERFIT_KEY)}),
            Account(
                account="yourdomain",
                dialect="emitlo",
                credentials={
                    "prod": key(EMITLO_KEY, username="prod_abc123"),
                    "nosend": key("5" * 48, username="prod_nosend", permissions=("events",)),
                    "suspended": key("6" * 48, username="prod_suspended", status="suspended"),
                    "revoked": key("8" * 48, username="prod_revoked", status="revoked"),
                    "same": key("9" * 48, username="same_name"),
                },
            ),
        ]
    )


@pytest.fixture
def authenticator(directory: Directory, checker: secrets.PasswordChecker) -> Authenticator:
    return Authenticator(CONFIG, directory, DIALECTS, checker, lambda: NOW)


def attempt(
    username: str, secret: str, service: str = "submission", client_address: str = "192.0.2.1"
) -> Attempt:
    return Attempt(1, "PLAIN", service, client_address, False, Credentials(username, secret))


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
    asked = attempt("ana.plan", "una clave", "teenvio")
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
    decision, checked = decide(authenticator, checker, attempt(username, secret, "teenvio"))
    assert isinstance(decision, Refused)
    assert (decision.reason, decision.guess, checked) == (TEENVIO.login_refused, True, True)


def test_a_revoked_password_is_told_so_to_whoever_knows_it(
    authenticator: Authenticator, checker: secrets.PasswordChecker
) -> None:
    decision, _ = decide(authenticator, checker, attempt("gone.plan", "adiós", "teenvio"))
    assert decision == Refused("Credential revoked", "plan/gone", guess=False)


def test_a_user_name_may_have_a_generated_key(
    authenticator: Authenticator, checker: secrets.PasswordChecker
) -> None:
    decision = decide(authenticator, checker, attempt("key.plan", TEENVIO_KEY, "teenvio"))
    assert decision == (Authenticated("plan/key"), False)


@pytest.mark.parametrize(
    ("username", "secret", "identity"),
    [
        ("SMTP_Injection", KEY, "acme/main"),
        ("ana.plan", "una clave", "plan/ana"),
        ("ana.plan", "one word", "website/ana"),
        ("key.plan", TEENVIO_KEY, "plan/key"),
    ],
)
def test_a_listener_may_serve_several_dialects(
    authenticator: Authenticator,
    checker: secrets.PasswordChecker,
    username: str,
    secret: str,
    identity: str,
) -> None:
    decision, _ = decide(authenticator, checker, attempt(username, secret, "all"))
    assert decision == Authenticated(identity)


def test_a_key_of_one_dialect_is_nobody_in_another(
    authenticator: Authenticator, checker: secrets.PasswordChecker
) -> None:
    decision, _ = decide(authenticator, checker, attempt("key.plan", KEY, "teenvio"))
    assert isinstance(decision, Refused)
    assert isinstance(authenticator.decide(attempt("SMTP_Injection", TEENVIO_KEY), 0), Refused)


def test_a_listener_that_is_not_configured_is_our_fault(authenticator: Authenticator) -> None:
    decision = authenticator.decide(attempt("SMTP_Injection", KEY, "nowhere"), 0)
    assert isinstance(decision, Unavailable)


def test_a_listener_takes_its_own_mechanisms_or_those_of_its_dialects(authenticator: Authenticator) -> None:
    assert authenticator.offered("login-only", "LOGIN")
    assert not authenticator.offered("login-only", "PLAIN")
    assert authenticator.offered("submission", "PLAIN")
    assert not authenticator.offered("teenvio", "PLAIN")  # t7
    assert not authenticator.offered("perfit", "PLAIN")  # p4, p5
    assert authenticator.offered("devino", "PLAIN")  # d9
    assert authenticator.offered("devino", "LOGIN")
    assert not authenticator.offered("emitlo", "LOGIN")  # e3
    assert authenticator.offered("emitlo-login", "LOGIN")
    assert authenticator.offered("nowhere", "PLAIN")


# What each provider says


@pytest.mark.parametrize(
    ("service", "username", "secret", "reason"),
    [
        ("teenvio", "ana.plan", "otra", "Authentication credentials invalid"),  # t18, t54
        ("teenvio", "ana", "una clave", "Authentication credentials invalid"),
        ("devino", "1website", "wrong", "Must authenticate before sending mail"),  # d23
        ("devino", "nobody", "test", "Must authenticate before sending mail"),
        ("emitlo", "prod_abc123", "wrong", "Invalid username or password"),  # e12
        ("emitlo", "prod_abc124", EMITLO_KEY, "Invalid username or password"),
        ("perfit", "micuenta", PERFIT_KEY, "Invalid credentials"),  # p6
        ("perfit", "APIKEY", PERFIT_KEY, "Invalid credentials"),
        ("perfit", "apikey", PERFIT_KEY[:-1], "Invalid credentials"),
    ],
)
def test_t18_d23_e12_p06_a_wrong_login_is_answered_in_the_providers_words(
    authenticator: Authenticator,
    checker: secrets.PasswordChecker,
    service: str,
    username: str,
    secret: str,
    reason: str,
) -> None:
    decision, _ = decide(authenticator, checker, attempt(username, secret, service))
    assert isinstance(decision, Refused)
    assert (decision.reason, decision.guess) == (reason, True)


@pytest.mark.parametrize(
    ("username", "secret", "reason"),
    [
        ("prod_nosend", "5" * 48, 'Credential lacks the "send" permission'),  # e13
        ("prod_suspended", "6" * 48, "Credential suspended"),  # e14
        ("prod_revoked", "8" * 48, "Credential revoked"),  # e14
    ],
)
def test_e13_e14_whoever_knows_the_secret_is_told_why_it_is_not_taken(
    authenticator: Authenticator, username: str, secret: str, reason: str
) -> None:
    decision = authenticator.decide(attempt(username, secret, "emitlo"), 0)
    who = f"yourdomain/{username.removeprefix('prod_')}"
    assert decision == Refused(reason, who, guess=False)


def test_p07_the_account_of_perfit_is_found_from_the_key_alone(authenticator: Authenticator) -> None:
    assert authenticator.decide(attempt("apikey", PERFIT_KEY, "perfit"), 0) == Authenticated("micuenta/main")


@pytest.mark.parametrize(
    ("client_address", "allowed"),
    [
        ("192.0.2.1", True),
        ("::ffff:192.0.2.1", True),
        ("2001:db8::25", True),
        ("198.51.100.1", False),
        ("2001:db9::25", False),
        ("unknown", False),
    ],
)
def test_d06_a_login_is_taken_from_the_addresses_that_were_told_only(
    authenticator: Authenticator, checker: secrets.PasswordChecker, client_address: str, allowed: bool
) -> None:
    decision, _ = decide(authenticator, checker, attempt("1website", "test", "devino", client_address))
    if allowed:
        assert decision == Authenticated("website/1website")
    else:
        reason = "Credential not allowed from this address"
        assert decision == Refused(reason, "website/1website", guess=False)


def test_d06_from_elsewhere_a_wrong_password_is_no_more_than_a_wrong_password(
    authenticator: Authenticator, checker: secrets.PasswordChecker
) -> None:
    decision, _ = decide(authenticator, checker, attempt("1website", "x", "devino", "198.51.100.1"))
    assert isinstance(decision, Refused)
    assert decision.reason == DEVINO.login_refused


# A listener with several dialects

LOGINS = {
    "sparkpost": ("SMTP_Injection", KEY, "acme/main"),
    "devino": ("1website", "test", "website/1website"),
    "emitlo": ("prod_abc123", EMITLO_KEY, "yourdomain/prod"),
    "teenvio": ("ana.plan", "una clave", "plan/ana"),
    "perfit": ("apikey", PERFIT_KEY, "micuenta/main"),
}
PAIRS = list(permutations(LOGINS, 2))


@pytest.mark.parametrize("dialect", ["sparkpost", "devino", "emitlo"])
def test_the_credential_decides_which_dialect_is_spoken(
    authenticator: Authenticator, checker: secrets.PasswordChecker, dialect: str
) -> None:
    username, secret, identity = LOGINS[dialect]
    decision, _ = decide(authenticator, checker, attempt(username, secret, "shared"))
    assert decision == Authenticated(identity)


@pytest.mark.parametrize(("named", "keyed"), PAIRS)
def test_nobody_gets_in_with_the_user_name_of_one_dialect_and_the_secret_of_another(
    authenticator: Authenticator, checker: secrets.PasswordChecker, named: str, keyed: str
) -> None:
    mixed = attempt(LOGINS[named][0], LOGINS[keyed][1], "all")
    decision, checked = decide(authenticator, checker, mixed)
    assert isinstance(decision, Refused)
    assert decision.guess
    assert checked  # as any wrong attempt where somebody has a password


@pytest.mark.parametrize(("service", "dialect"), PAIRS)
def test_nobody_gets_in_where_his_dialect_is_not_spoken(
    authenticator: Authenticator, checker: secrets.PasswordChecker, service: str, dialect: str
) -> None:
    username, secret, _ = LOGINS[dialect]
    listener = "submission" if service == "sparkpost" else service
    decision, _ = decide(authenticator, checker, attempt(username, secret, listener))
    assert isinstance(decision, Refused)
    assert decision.reason == DIALECTS[service].login_refused


@pytest.mark.parametrize(
    ("secret", "identity"), [("of devino", "website/same"), ("9" * 48, "yourdomain/same"), ("x", None)]
)
def test_a_user_name_that_two_dialects_have_is_told_apart_by_its_secret(
    authenticator: Authenticator, checker: secrets.PasswordChecker, secret: str, identity: str | None
) -> None:
    decision, _ = decide(authenticator, checker, attempt("same_name", secret, "shared"))
    refused = Refused(DEVINO.login_refused, "same_name", guess=True)
    assert decision == (Authenticated(identity) if identity else refused)


def test_where_several_dialects_are_spoken_the_reason_says_nothing_of_who_is_known(
    authenticator: Authenticator, checker: secrets.PasswordChecker
) -> None:
    reasons = set()
    for username in ("1website", "prod_abc123", "nobody", "prod_revoked"):
        decision, _ = decide(authenticator, checker, attempt(username, "wrong", "shared"))
        assert isinstance(decision, Refused)
        reasons.add(decision.reason)
    assert reasons == {DEVINO.login_refused}


def test_a_key_typed_as_user_name_is_not_for_the_log(
    authenticator: Authenticator, checker: secrets.PasswordChecker
) -> None:
    for key in (EMITLO_KEY, KEY):
        decision, _ = decide(authenticator, checker, attempt(key, "prod_abc123", "shared"))
        assert isinstance(decision, Refused)
        assert decision.who == ""


def test_f8_a_user_name_that_may_be_a_secret_is_not_shown(
    directory: Directory, checker: secrets.PasswordChecker
) -> None:
    config = msgspec.structs.replace(
        CONFIG, listeners={"peers": Listener(dialects=("postmark", "mandrill"), port=2587)}
    )
    authenticator = Authenticator(config, directory, DIALECTS, checker, lambda: NOW)
    decision = authenticator.decide(attempt("a-token-that-was-revoked", "the same", "peers"), 0.0)
    assert isinstance(decision, Refused)
    assert decision.who == ""
