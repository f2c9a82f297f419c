"""A session is what its cookie says, and only while the secret is the one it was begun with."""

import base64

import msgspec
import pytest

from estafeta_core import secrets
from estafeta_core.directory import Credential, Directory
from estafeta_testing import site
from estafeta_web.pages.session import COOKIE_BYTES, LIFETIME, issue, read

KEYS = (b"a" * 32, b"b" * 32)
NOW = 1_800_000_000
DIRECTORY = Directory(site.accounts())


def credential(account: str = "acme", name: str = "main") -> Credential:
    found = DIRECTORY.by_id(account, name)
    assert found is not None
    return found


@pytest.mark.parametrize(("account", "name"), [("acme", "main"), ("plan", "usuario")])
def test_a_cookie_is_read_as_whom_it_was_made_for(account: str, name: str) -> None:
    cookie = issue(KEYS, credential(account, name), NOW)
    found = read(KEYS, cookie, NOW, DIRECTORY.by_id)
    assert found is credential(account, name)


def test_a_session_ends_after_its_time() -> None:
    cookie = issue(KEYS, credential(), NOW)
    assert read(KEYS, cookie, NOW + LIFETIME - 1, DIRECTORY.by_id) is not None
    assert read(KEYS, cookie, NOW + LIFETIME, DIRECTORY.by_id) is None


def test_a_new_first_key_signs_nobody_out_and_a_removed_one_everybody() -> None:
    cookie = issue(KEYS[1:], credential(), NOW)
    assert read(KEYS, cookie, NOW, DIRECTORY.by_id) is not None
    assert read(KEYS[:1], cookie, NOW, DIRECTORY.by_id) is None


def test_a_rotated_key_and_a_removed_credential_end_their_sessions() -> None:
    [acme, *_] = site.accounts()
    cookie = issue(KEYS, credential(), NOW)
    rotated = msgspec.structs.replace(acme.credentials["main"], key=secrets.hash_key("9" * 48))
    again = Directory([msgspec.structs.replace(acme, credentials={"main": rotated})])
    assert read(KEYS, cookie, NOW, again.by_id) is None
    assert read(KEYS, cookie, NOW, Directory([]).by_id) is None


def test_no_changed_bit_is_believed() -> None:
    cookie = issue(KEYS, credential(), NOW)
    raw = base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
    for place in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        text = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        assert read(KEYS, text, NOW, DIRECTORY.by_id) is None, place


@pytest.mark.parametrize("cookie", ["", "x", "é", "!" * 80, "A" * (COOKIE_BYTES + 1), "A" * 80])
def test_what_is_no_cookie_of_ours_is_nobodys_session(cookie: str) -> None:
    assert read(KEYS, cookie, NOW, DIRECTORY.by_id) is None
