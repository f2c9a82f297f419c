import hashlib
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estafeta_core import secrets

PASSWORD = "correct horse é"
STORED = secrets.hash_password(PASSWORD)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def checker(clock: Clock) -> secrets.PasswordChecker:
    return secrets.PasswordChecker(clock)


def test_generated_keys_differ_and_hold_160_bits_beyond_their_prefix() -> None:
    keys = {secrets.generate_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(len(bytes.fromhex(key)) == 4 + 20 for key in keys)


def test_a_stored_key_holds_prefix_and_sha256_of_the_whole_key_and_not_the_key() -> None:
    key = secrets.generate_key()
    stored = secrets.hash_key(key)
    assert stored == f"sha256:{key[:8]}:{hashlib.sha256(key.encode()).hexdigest()}"
    assert key not in stored
    assert secrets.key_prefix(stored) == key[:8]
    assert secrets.stored_digest(stored) == secrets.key_digest(key)


@pytest.mark.parametrize("words", ["micuenta-tr-", "mi.cuenta_2-tr-", "ek_live_", "a-"])
def test_a_key_with_words_before_it_is_recognised_by_its_own_prefix(words: str) -> None:
    key = secrets.generate_key()
    stored = secrets.hash_key(words + key)
    assert secrets.key_prefix(stored) == key[:8]
    assert secrets.stored_digest(stored) == secrets.key_digest(words + key)


def test_a_key_made_elsewhere_is_recognised_by_how_it_begins() -> None:
    assert secrets.key_prefix(secrets.hash_key("0123456789" * 4)) == "01234567"
    assert secrets.key_prefix(secrets.hash_key("account-of-ours-" + "0" * 40)) == "account-"


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "sha256:",
        "sha256:12345678",
        "md5:12345678:" + "0" * 64,
        "sha256:1234567:" + "0" * 64,
        "sha256:12345678:" + "0" * 63,
        "sha256:12345678:" + "G" * 64,
        "sha256:12345678:" + "0" * 64 + "\n",
    ],
)
def test_text_of_another_form_is_no_stored_key(stored: str) -> None:
    with pytest.raises(ValueError, match="not a stored key"):
        secrets.stored_digest(stored)


@pytest.mark.parametrize("key", ["", "short", "a" * 39, "bad:char" + "0" * 40])
def test_short_or_odd_text_cannot_be_stored_as_a_generated_key(key: str) -> None:
    with pytest.raises(ValueError, match=r"160 bits|not a stored key"):
        secrets.hash_key(key)


@given(st.text())
def test_any_presented_key_has_a_digest(key: str) -> None:
    assert len(secrets.key_digest(key)) == 32


def test_a_stored_password_has_the_parameters_of_owasp() -> None:
    assert STORED.startswith("argon2id:$argon2id$v=19$m=19456,t=2,p=1$")
    secrets.check_stored_password(STORED)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "argon2id:",
        "argon2id:x",
        STORED.removeprefix("argon2id:"),
        STORED.replace("argon2id", "argon2i"),
        STORED.replace("m=19456", "m=1048576"),
        "sha256:" + STORED.removeprefix("argon2id:"),
    ],
    ids=[
        "empty",
        "no hash",
        "no PHC string",
        "no scheme",
        "another argon2",
        "too much memory",
        "wrong scheme",
    ],
)
def test_what_could_not_be_verified_or_would_take_too_long_is_no_stored_password(stored: str) -> None:
    with pytest.raises(ValueError, match=r"argon2id|KiB"):
        secrets.check_stored_password(stored)


@pytest.mark.parametrize("password", ["", "\0", "a\0b"])
def test_empty_passwords_and_nul_are_refused_when_set_and_when_checked(
    password: str, checker: secrets.PasswordChecker
) -> None:
    with pytest.raises(ValueError, match="empty or hold NUL"):
        secrets.hash_password(password)
    assert not checker.check("a/b", STORED, password)


def test_the_right_password_passes_and_others_do_not(checker: secrets.PasswordChecker) -> None:
    assert checker.check("a/b", STORED, PASSWORD)
    assert checker.check("a/b", STORED, unicodedata.normalize("NFD", PASSWORD))
    for wrong in (PASSWORD + " ", PASSWORD[:-1], PASSWORD.upper(), ""):
        assert not checker.check("a/b", STORED, wrong)


def test_no_password_is_cut_off(checker: secrets.PasswordChecker) -> None:
    stored = secrets.hash_password("x" * 4096)
    assert checker.check("a/b", stored, "x" * 4096)
    assert not checker.check("a/b", stored, "x" * 4095)


def test_a_malformed_hash_verifies_nothing(checker: secrets.PasswordChecker) -> None:
    assert not checker.check("a/b", "argon2id:garbage", PASSWORD)


def test_a_success_is_remembered_for_five_minutes_and_a_failure_is_not(
    checker: secrets.PasswordChecker, clock: Clock
) -> None:
    assert not checker.remembered("a/b", STORED, PASSWORD)
    checker.check("a/b", STORED, "wrong")
    assert not checker.remembered("a/b", STORED, "wrong")
    checker.check("a/b", STORED, PASSWORD)
    clock.now += 299
    assert checker.remembered("a/b", STORED, PASSWORD)
    clock.now += 1
    assert not checker.remembered("a/b", STORED, PASSWORD)


def test_a_changed_entry_forgets_the_old_password_at_once(checker: secrets.PasswordChecker) -> None:
    checker.check("a/b", STORED, PASSWORD)
    changed = secrets.hash_password("another")
    assert not checker.remembered("a/b", changed, PASSWORD)
    assert not checker.check("a/b", changed, PASSWORD)
    assert not checker.remembered("a/c", STORED, PASSWORD)


def test_fields_of_the_memory_cannot_run_into_each_other(checker: secrets.PasswordChecker) -> None:
    checker.check("a/b", STORED, PASSWORD)
    assert not checker.remembered("a/b" + STORED, "", PASSWORD)


def test_the_memory_is_bounded_and_drops_the_oldest(
    checker: secrets.PasswordChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "REMEMBERED_ENTRIES", 2)
    for name in ("a/1", "a/2", "a/3"):
        checker.check(name, STORED, PASSWORD)
    remembered = [checker.remembered(name, STORED, PASSWORD) for name in ("a/1", "a/2", "a/3")]
    assert remembered == [False, True, True]


def test_an_unknown_user_costs_a_real_verification(
    checker: secrets.PasswordChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    real = secrets._verified

    def spy(stored: str, password: str) -> bool:
        verified.append(stored)
        return real(stored, password)

    monkeypatch.setattr(secrets, "_verified", spy)
    checker.refuse_unknown(PASSWORD)
    assert len(verified) == 1
    assert "$m=19456,t=2,p=1$" in verified[0]


@settings(max_examples=5)
@given(st.text(min_size=1).filter(lambda text: "\0" not in text))
def test_every_password_checks_against_its_own_hash(password: str) -> None:
    assert secrets.PasswordChecker().check("a/b", secrets.hash_password(password), password)
