import base64
import email.header
import encodings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core import rfc2047
from estafeta_testing.cost import at_most


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?caf=C3=A9?=", "café"),
        ("=?UTF-8?B?Y2Fmw6k=?=", "café"),
        ("=?UTF-8?B?Y2Fmw6k?=", "café"),  # padding left out, as some programs do
        ("=?iso-8859-1?Q?a_b=E9?=", "a bé"),
        ("=?utf-8*fr?q?caf=C3=A9?=", "café"),  # with a language (RFC 2231 section 5)
        ("a =?utf-8?q?b?= c", "a b c"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?=\t=?iso-8859-1?q?=E9?=", "aé"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),  # a character split between words
        ("=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"),
        ("=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=", "=?utf-8?q?x?="),  # read once
        ("=?utf-8?q??=", ""),
    ],
)
def test_words_become_what_they_stand_for(written: str, text: str) -> None:
    assert rfc2047.decode(written) == text


@pytest.mark.parametrize(
    "written",
    [
        "=?utf-8?b?***?=",
        "=?utf-8?q?=FF?=",
        "=?nonsense?q?a?=",
        "=?rot13?q?a?=",
        "=?unicode-escape?q?=5Cx41?=",
        "=?utf-8?x?a?=",
        "=?utf-8?q?a",
        "=?idna?q?a?=",
        "=?utf-8?b?é?=",
        "a =?zip?q?x?= b",
    ],
)
def test_words_that_cannot_be_decoded_stay_as_they_are(written: str) -> None:
    assert rfc2047.decode(written) == written


def test_bytes_are_read_as_utf8_and_never_fail() -> None:
    assert rfc2047.decode("é =?utf-8?q?=C3=A9?=".encode()) == "é é"
    assert rfc2047.decode(b"\xff") == "\ufffd"


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    rfc2047.decode(f"=?utf-8?q?{text}?= =?{text}?b?{text}?=")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_what_pythons_library_encodes_comes_back(text: str) -> None:
    encoded = email.header.Header(text, "utf-8").encode()
    assert rfc2047.decode(encoded.replace("\n", "")) == text


def test_time_is_linear_in_the_length() -> None:
    for piece in ("=?", "=?utf-8?q?", "=?a?b?=?", "=?utf-8?q?a?= "):
        with at_most(1):
            rfc2047.decode(piece * 20_000)


def test_made_up_charsets_are_not_remembered() -> None:
    """Python keeps every name it was asked to look up, known or not, as long as the process lives."""
    remembered = encodings._cache
    spellings = [f"utf{'-' * a}{'_' * b}8" for a in range(12) for b in range(12)]
    assert rfc2047.decode("=?utf-8?q?a?=") == "a"
    before = len(remembered)
    for charset in [*spellings, *(f"made-up-{number}" for number in range(500))]:
        rfc2047.decode(f"=?{charset}?q?a?=")
    assert len(remembered) <= before + 1  # utf_8, whatever it was called


@pytest.mark.parametrize(
    "charset", ["utf-8", "UTF8", "iso-8859-1", "latin1", "gb2312", "shift_jis", "iso-2022-jp", "cp874"]
)
def test_charsets_of_mail_are_known_by_their_usual_names(charset: str) -> None:
    assert rfc2047.decode(f"=?{charset}?q?abc?=") == "abc"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("plain =? x", "plain =? x"),
        ("=?x-unknown?Q?a=40b?=", "a@b"),
        ("=??q?a=40b?=", "a@b"),
        ("=?two words?q?a_b?=", "a b"),
        ("=?utf-8?q?a=40b=FF?=", "a@b\xff"),
        ("=?utf-8?q?a=40b c?=", "a@b c"),
        ("=?utf-8?q?a=40b", "a@b"),
        ("=?utf-8?b?YUBi!?=", "a@b"),
        ("=?utf-8?b?Y U B i?=", "a@b"),
        ("=?utf-8?b?YQ==QGI=?=", "a@b"),
        ("=?utf-8?b?YUBiY?=", "a@b"),
        ("=?utf-8*en?q?=C3=A9?= =?x?q?=40?=", "é@"),
        ("=?cp037?q?a=40b?=", "a@b"),  # EBCDIC, which few programs know
        ("=?hz?q?~{a@~}?=", "~{a@~}"),
        ("x =?x?q?a?= y =?x?q?b?=z", "x a y bz"),
    ],
)
def test_generous_programs_make_something_of_every_word(written: str, text: str) -> None:
    assert rfc2047.lenient(written) == text


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("utf-8", "me@bücher.example"),
        ("koi8-r", "Борис"),
        ("iso-2022-jp", "先月.先旭"),  # its bytes are ASCII, `@` and `.` among them
        ("shift_jis", "表示"),
        ("gb2312", "世界.com"),
        ("big5", "世界.com"),
        ("euc-kr", "한국"),
    ],
)
def test_what_every_program_can_decode_has_no_other_reading(charset: str, text: str) -> None:
    word = f"=?{charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="
    assert rfc2047.lenient(word) == rfc2047.decode(word) == text


@given(st.text(), st.sampled_from(["=?x?q?", "=?utf-8?b?", "=??Q?", ""]))
def test_no_text_makes_a_generous_reading_fail(text: str, opening: str) -> None:
    rfc2047.lenient(opening + text)
    assert rfc2047.lenient(text.replace("?", "")) == text.replace("?", "")


@pytest.mark.parametrize(
    "piece", ["=?", "=?x", "=?utf-8?q?", "=??b?", "=?a?b?=?", "=?x?q?a?= ", "?=", "=", " ", "=?x?b?=="]
)
def test_a_generous_reading_takes_linear_time(piece: str) -> None:
    # With the square of the length this would take minutes, and the test has a time limit.
    for start in ("", "=?", "=?utf-8?q?", "=?utf-8?b?"):
        rfc2047.lenient(start + piece * (500_000 // len(piece)))
