from email import message_from_bytes, policy

import pytest

from estafeta_milter.handlers import to_utf8
from estafeta_milter.message.message import Message
from estafeta_testing import corpora
from estafeta_testing.cost import at_most
from estafeta_testing.mime import attached, mixed, multipart, part
from estafeta_testing.office import make_job, make_message


def made(message: Message) -> Message:
    return to_utf8.apply(message, make_job()).rendered()


def read(message: Message) -> list[tuple[str, str]]:
    """Return charset and text of each text as the standard library reads them."""
    raw = message_from_bytes(corpora.whole(message.headers, message.body), policy=policy.default)
    return [
        (part.get_content_charset(""), part.get_content())
        for part in raw.walk()
        if part.get_content_maintype() == "text"
    ]


WORDS = [
    ("windows-1251", "Здравствуйте!"),
    ("koi8-r", "Здравствуйте!"),
    ("iso-8859-5", "Здравствуйте!"),
    ("x-mac-cyrillic", "Здравствуйте!"),
    ("iso-8859-1", "año"),
    ("windows-1252", "año €"),
    ("iso-8859-15", "año €"),
    ("shift_jis", "日本語 表"),
    ("euc-jp", "日本語"),
    ("iso-2022-jp", "日本語"),
    ("iso-2022-kr", "안녕"),
    ("hz-gb-2312", "你好"),
    ("gb18030", "你好"),
    ("big5", "你好"),
    ("euc-kr", "안녕"),
    ("utf-16", "año 日本"),
    ("utf-16le", "año 日本"),
    ("utf-32be", "año 日本"),
]
CODECS = {
    "utf-16": "utf-16-be",
    "x-mac-cyrillic": "mac-cyrillic",
    "utf-16le": "utf-16-le",
    "utf-32be": "utf-32-be",
}


@pytest.mark.parametrize(("charset", "word"), WORDS)
def test_d15_every_text_is_made_utf8_as_its_label_and_its_bytes(charset: str, word: str) -> None:
    encoded = word.encode(CODECS.get(charset, charset))
    encoded = b"\xfe\xff" + encoded if charset == "utf-16" else encoded
    final = made(
        mixed(part(f"text/plain; charset={charset}", encoded), part(f"text/html; charset={charset}", encoded))
    )
    assert read(final) == [("utf-8", word), ("utf-8", word)]
    assert [body.charset for body in final.bodies()] == ["utf-8", "utf-8"]
    assert b"Content-Type: text/plain; charset=utf-8\r\n" in final.body


@pytest.mark.parametrize(
    "text",
    [
        part("text/plain", "plain"),
        part("text/plain; charset=us-ascii", "plain"),
        part("text/plain; charset=utf-8", "año".encode()),
        part("text/plain; charset=UTF8", b"\xff not in it"),
        part("text/plain; charset=us-ascii", b"a\xf1o"),
        part("text/plain; charset=windows-1251", b"\x98"),
        part("text/plain; charset=iso-2022-jp", b"\x1b$B\x7f\x7f"),
        part("text/plain; charset=x-unknown", b"abc"),
        part("text/plain; charset=utf-7", b"+AGE-"),
        part("text/plain; charset=unicode_escape", b"\\u0041"),
        part("text/csv; charset=windows-1251", "я".encode("cp1251")),
        part("text/calendar; charset=windows-1251", "я".encode("cp1251")),
        attached("я".encode("cp1251"), "a.txt", "text/plain; charset=windows-1251"),
        multipart("signed", part("text/plain; charset=windows-1251", "я".encode("cp1251"))),
        part("text/plain; charset=windows-1251", b"=ZZ", "Content-Transfer-Encoding: x-unknown"),
    ],
)
def test_d15_what_is_utf8_no_body_or_cannot_be_read_stays_as_it_is(text: bytes) -> None:
    message = mixed(part("text/plain", "first"), text)
    final = made(message)
    assert final.body is message.body
    assert final.headers is message.headers


def test_d15_unlabelled_utf8_is_labelled() -> None:
    text = part("text/plain; format=flowed", "año".encode())
    assert read(made(mixed(text, part("text/html; charset=us-ascii", "<p>я</p>".encode())))) == [
        ("utf-8", "año"),
        ("utf-8", "<p>я</p>"),
    ]


def test_every_body_is_made_utf8_and_not_only_the_first_of_a_type() -> None:
    texts = [part("text/plain; charset=koi8-r", word.encode("koi8-r")) for word in ("один", "два", "три")]
    assert [word for _, word in read(made(mixed(*texts)))] == ["один", "два", "три"]


def test_ascii_in_another_charset_gets_the_label_alone() -> None:
    final = made(mixed(part("text/html; charset=iso-8859-1", "<p>abc</p>")))
    assert final.body == mixed(part("text/html; charset=utf-8", "<p>abc</p>")).body


def test_a_message_of_one_text_changes_its_own_fields() -> None:
    message = make_message(body="Привет\r\n".encode("cp1251"), kind=b"text/plain;\n charset=windows-1251")
    final = made(message)
    assert [(header.name, header.value) for header in final.headers[2:]] == [
        ("Content-Type", b"text/plain;\n charset=utf-8"),
        ("MIME-Version", b"1.0"),
        ("Content-Transfer-Encoding", b"quoted-printable"),
    ]
    assert read(final) == [("utf-8", "Привет\r\n")]


def test_d15_html_does_not_name_the_old_charset_any_longer() -> None:
    html = '<html><head><meta charset="windows-1251"></head><body>Привет</body></html>'
    final = made(mixed(part("text/html; charset=windows-1251", html.encode("cp1251"))))
    assert read(final) == [("utf-8", html.replace("windows-1251", "utf-8"))]


def test_a_byte_order_mark_does_not_become_text() -> None:
    final = made(mixed(part("text/html; charset=utf-16", "\ufeff<p>я</p>".encode("utf-16-le"))))
    assert read(final) == [("utf-8", "<p>я</p>")]


def test_a_large_text_is_made_utf8_in_time() -> None:
    text = part("text/plain; charset=iso-2022-jp", ("日本語" * 300_000).encode("iso-2022-jp"))
    bodies = [part("text/plain; charset=windows-1251", "я".encode("cp1251"))] * 990
    for message in (mixed(text), mixed(*bodies)):
        with at_most(2):
            made(message)
