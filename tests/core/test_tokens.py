"""Tokens: one spelling each, no forgery, rotation, nothing raised by hostile text."""

import base64
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estafeta_core.tokens import NAME_BYTES, TARGET_BYTES, Kind, Signer, Token, read_keys, subkey

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
SIGNER = Signer([OLD])
URL_ALPHABET = string.ascii_letters + string.digits + "-_"
ids = st.integers(0, 2**63 - 1)
plain = st.sampled_from([Kind.OPEN, Kind.INITIAL_OPEN, Kind.LIST_UNSUBSCRIBE, Kind.WEB_VERSION])
linked = st.sampled_from([Kind.CLICK, Kind.AMP_CLICK, Kind.LINK_UNSUBSCRIBE, Kind.FILE, Kind.IMAGE])


@given(plain, ids, st.booleans())
def test_a_token_without_payload_says_what_it_was_made_of(kind: Kind, id_: int, shared: bool) -> None:
    assert SIGNER.read(SIGNER.sign(kind, id_, shared=shared)) == Token(kind, id_, shared)


@given(linked, ids, st.booleans(), st.binary(max_size=300), st.text(max_size=60).filter(str.isprintable))
def test_a_link_carries_its_exact_target_and_name(
    kind: Kind, id_: int, shared: bool, target: bytes, name: str
) -> None:
    token = SIGNER.sign(kind, id_, shared=shared, target=target, name=name.encode())
    assert SIGNER.read(token) == Token(kind, id_, shared, target, name)


def test_the_longest_link_can_be_read_and_one_byte_more_is_refused() -> None:
    token = SIGNER.sign(Kind.CLICK, 1, target=b"t" * TARGET_BYTES, name=b"n" * NAME_BYTES)
    read = SIGNER.read(token)
    assert read is not None
    assert (len(read.target), len(read.name)) == (TARGET_BYTES, NAME_BYTES)
    with pytest.raises(ValueError, match="too long"):
        SIGNER.sign(Kind.CLICK, 1, target=b"t" * (TARGET_BYTES + 1))
    with pytest.raises(ValueError, match="too long"):
        SIGNER.sign(Kind.CLICK, 1, name=b"n" * (NAME_BYTES + 1))


def test_a_file_has_a_name_of_up_to_255_bytes_beside_its_digest() -> None:
    name = "ñ" * 127 + "a"
    token = SIGNER.sign(Kind.FILE, 1, shared=True, target=bytes(32), name=name.encode())
    assert SIGNER.read(token) == Token(Kind.FILE, 1, True, bytes(32), name)


def test_the_numbers_in_links_that_have_been_sent_never_change() -> None:
    assert {kind.name: kind.value for kind in Kind} == {
        "OPEN": 1,
        "INITIAL_OPEN": 2,
        "CLICK": 3,
        "AMP_CLICK": 4,
        "LIST_UNSUBSCRIBE": 5,
        "LINK_UNSUBSCRIBE": 6,
        "BOUNCE": 7,
        "WEB_VERSION": 8,
        "FILE": 9,
        "IMAGE": 10,
    }


@pytest.mark.parametrize(
    "token",
    [
        SIGNER.sign(Kind.CLICK, 77, target=b"https://example.com/?a=b", name=b"name"),
        SIGNER.sign(Kind.WEB_VERSION, 77),
        SIGNER.sign(Kind.FILE, 77, shared=True, target=bytes(range(32)), name=b"a.pdf"),
    ],
)
def test_h2_changing_any_character_makes_a_token_invalid(token: str) -> None:
    for place, right in enumerate(token):
        for wrong in URL_ALPHABET.replace(right, "") + "=+/ \n\0.~é":
            assert SIGNER.read(token[:place] + wrong + token[place + 1 :]) is None


def test_h2_changing_any_character_of_an_address_token_makes_it_invalid() -> None:
    token = SIGNER.sign_address(Kind.BOUNCE, 77)
    for place, right in enumerate(token):
        for wrong in (string.ascii_lowercase + string.digits).replace(right, "") + "=+ \n\0\u017f\u212a":
            assert SIGNER.read_address(token[:place] + wrong + token[place + 1 :]) is None


@pytest.mark.parametrize("length", range(60))
def test_h2_truncated_and_extended_tokens_are_invalid(length: int) -> None:
    token = SIGNER.sign(Kind.OPEN, 5)
    address = SIGNER.sign_address(Kind.BOUNCE, 5)
    if length != len(token):
        assert SIGNER.read(token[:length].ljust(length, "A")) is None
    if length != len(address):
        assert SIGNER.read_address(address[:length].ljust(length, "a")) is None


def test_a_token_in_another_encoding_of_the_same_bytes_is_invalid() -> None:
    token = SIGNER.sign(Kind.OPEN, 2**62 + 2**20)
    raw = base64.urlsafe_b64decode(token + "==")
    assert SIGNER.read(token + "=" * (-len(token) % 4)) is None
    assert SIGNER.read(base64.b64encode(raw).decode()) is None
    assert SIGNER.read(base64.b32encode(raw).decode()) is None
    assert SIGNER.read(token[:5] + "\n" + token[5:]) is None


def test_an_address_token_fits_a_local_part_and_survives_case_folding() -> None:
    token = SIGNER.sign_address(Kind.BOUNCE, 2**63 - 1)
    assert len("b+" + token) <= 64
    assert set(token) <= set(string.ascii_lowercase + "234567")
    assert SIGNER.read_address(token.upper()) == SIGNER.read_address(token) == Token(Kind.BOUNCE, 2**63 - 1)


@given(st.text(max_size=200) | st.text(URL_ALPHABET, max_size=200) | st.text(string.printable, max_size=50))
@settings(max_examples=500)
def test_h2_hostile_text_is_no_token_and_raises_nothing(text: str) -> None:
    assert SIGNER.read(text) is None
    assert SIGNER.read_address(text) is None


def test_a_megabyte_of_text_is_no_token() -> None:
    assert SIGNER.read("A" * 1_000_000) is None
    assert SIGNER.read_address("a" * 1_000_000) is None


def test_keys_rotate_without_breaking_links_that_have_been_sent() -> None:
    sent = Signer([OLD]).sign(Kind.OPEN, 9)
    during, after = Signer([NEW, OLD]), Signer([NEW])
    assert during.read(sent) == Token(Kind.OPEN, 9)
    assert after.read(sent) is None
    assert after.read(during.sign(Kind.OPEN, 9)) == Token(Kind.OPEN, 9)
    assert Signer([OLD]).read(during.sign(Kind.OPEN, 9)) is None
    assert during.read_address(Signer([OLD]).sign_address(Kind.BOUNCE, 9)) == Token(Kind.BOUNCE, 9)


def test_a_token_of_a_kind_that_does_not_exist_yet_is_none() -> None:
    body = SIGNER._prefix[31] + (5).to_bytes(8, "big")
    text = base64.urlsafe_b64encode(SIGNER._signed(body)).rstrip(b"=").decode()
    assert SIGNER.read(text) is None


def test_what_one_purpose_signs_means_nothing_to_another() -> None:
    assert len({subkey(OLD, b"token"), subkey(OLD, b"msfbl"), subkey(NEW, b"token"), OLD}) == 4


def test_keys_must_be_there_long_enough_and_different(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no signing key"):
        Signer([])
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Signer([b"short"])
    with pytest.raises(ValueError, match="same id"):
        Signer([OLD, OLD])
    key = tmp_path / "link.key"
    key.write_bytes(b"0" * 64 + b"\r\n")
    assert read_keys([key]) == [b"0" * 64]
    key.write_bytes(b"short")
    with pytest.raises(ValueError, match=r"link\.key.*this file has 5"):
        read_keys([key])
    with pytest.raises(FileNotFoundError):
        read_keys([tmp_path / "missing"])
