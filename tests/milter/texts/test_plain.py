import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_milter.message.charsets import codec
from estafeta_milter.texts import plain
from estafeta_milter.texts.sentences import LANGUAGES

CHARSETS = [
    "us-ascii",
    "",
    "utf-8",
    "iso-8859-1",
    "iso-8859-2",
    "windows-1251",
    "koi8-r",
    "shift_jis",
    "gb2312",
]
URL = "https://click.example.com/u/TOKEN"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("charset", CHARSETS)
def test_t35_every_charset_can_hold_every_language_in_some_way(language: str, charset: str) -> None:
    said = plain.spoken(language, charset)
    for text in (said.web_version, said.unsubscribe, said.attachments):
        text.encode(codec(charset) or "")
        assert re.fullmatch(
            r"[^?]+(\? [^?]+)?:", text
        )  # a question mark stands at the end of a sentence alone


@pytest.mark.parametrize("language", LANGUAGES)
def test_utf8_says_what_is_written(language: str) -> None:
    said = plain.spoken(language, "utf-8")
    assert (
        said.unsubscribe
        == LANGUAGES[language].unsubscribe.text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'") + ":"
    )


@pytest.mark.parametrize(
    ("language", "charset", "part"),
    [
        ("es", "us-ascii", "mas correos nuestros, puede darse de baja aqui"),
        ("es", "iso-8859-1", "más correos nuestros, puede darse de baja aquí"),
        ("es", "koi8-r", "mas correos nuestros, puede darse de baja aqui"),
        ("de", "us-ascii", "erhalten moechten, koennen Sie"),
        ("no", "us-ascii", "Onsker du ikke lenger a motta"),
        ("fr", "iso-8859-1", "vous désabonner"),
        ("ru", "koi8-r", "отписаться от рассылки"),
        ("ru", "windows-1251", "отписаться от рассылки"),
        ("ru", "shift_jis", "отписаться от рассылки"),
        ("ru", "us-ascii", "you can unsubscribe here"),
        ("ru", "iso-8859-1", "you can unsubscribe here"),
    ],
)
def test_what_a_charset_cannot_hold_is_folded_or_said_in_english(
    language: str, charset: str, part: str
) -> None:
    assert part in plain.spoken(language, charset).unsubscribe


def test_paragraphs_stand_behind_the_text_with_an_empty_line_between() -> None:
    appended = plain.append(b"Hello\r\n", "utf-8", [["Leave:", URL], ["Más:", URL]])
    assert appended == f"Hello\r\n\r\nLeave:\r\n{URL}\r\n\r\nMás:\r\n{URL}\r\n".encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", b"a\r\n"),
        (b"x", b"x\r\n\r\na\r\n"),
        (b"x\r\n", b"x\r\n\r\na\r\n"),
        (b"x\n", b"x\n\na\n"),
        (b"x\ny", b"x\ny\n\na\n"),
    ],
)
def test_line_ends_are_those_of_the_text(content: bytes, expected: bytes) -> None:
    assert plain.append(content, "us-ascii", [["a"]]) == expected


def test_a_name_that_the_charset_does_not_have_is_no_reason_to_fail() -> None:
    assert plain.append(b"x\r\n", "us-ascii", [["Я: https://x.example/"]]).endswith(
        b"?: https://x.example/\r\n"
    )


@pytest.mark.parametrize("charset", ["iso-2022-jp", "utf-16", "utf-7", "nonsense"])
def test_a_charset_that_is_not_edited_leaves_the_text(charset: str) -> None:
    content = b"x\r\n"
    assert plain.append(content, charset, [["a"]]) is content


def test_nothing_to_say_leaves_the_text() -> None:
    content = b"x"
    assert plain.append(content, "utf-8", []) is content


@given(st.binary(), st.sampled_from(CHARSETS), st.sampled_from(sorted(LANGUAGES)))
def test_what_the_client_wrote_stays_to_the_byte_and_the_address_on_its_own_line(
    content: bytes, charset: str, language: str
) -> None:
    appended = plain.append(content, charset, [[plain.spoken(language, charset).unsubscribe, URL]])
    assert appended.startswith(content)
    added = appended[len(content) :]
    assert added.split(b"\r\n" if b"\r\n" in added else b"\n").count(URL.encode()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_flowed_text_shows_the_lines_as_they_are(language: str) -> None:
    appended = plain.append(b"", "utf-8", [[plain.spoken(language, "utf-8").unsubscribe, URL]])
    for line in appended.decode().split("\r\n"):  # RFC 3676 sections 4.1 to 4.4
        assert line == line.strip()
        assert not line.startswith((">", "From "))
