import pytest

from estafeta_milter.utf8 import LABEL, TOLD, read, texts, unreadable
from estafeta_testing.mime import attached, mixed, multipart, part

STAYS = "; it stays as it came"


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        (b"plain", "", "plain"),
        ("año".encode(), "", "año"),
        ("año".encode(), "us-ascii", "año"),
        (b"a\xf1o", "", None),
        (b"a\xf1o", "us-ascii", None),
        (b"a\xf1o", "utf-8", None),
        (b"a\xf1o", "iso-8859-1", "año"),
        (b"\x98", "windows-1251", None),
        (b"abc", "x-own", None),
    ],
)
def test_d15_a_text_is_read_in_its_charset_and_one_without_as_utf8(
    content: bytes, charset: str, text: str | None
) -> None:
    assert read(content, charset) == text


def test_texts_are_what_readers_show_and_no_files() -> None:
    message = mixed(
        multipart("alternative", part("text/plain", "a"), part("text/html", "b")),
        part("text/x-amp-html", "c"),
        part("text/csv", "d"),
        attached(b"e", "e.txt", "text/plain"),
        part("text/plain", "f", "Content-Transfer-Encoding: x-own"),
    )
    assert [content for _, content in texts(message)] == [b"a", b"b"]


def test_d15_each_kind_of_text_that_cannot_be_read_is_told_of_once() -> None:
    broken = part("text/plain; charset=utf-8", b"\xff")
    message = mixed(broken, broken, part("text/html", b"\xff"), part("text/plain", "año".encode()))
    assert unreadable(message) == (
        f"A text/plain cannot be read in the charset 'utf-8'{STAYS}",
        f"A text/html cannot be read in UTF-8, and names no charset{STAYS}",
    )


def test_what_a_client_calls_a_charset_is_shown_in_short_and_in_ascii() -> None:
    (told,) = unreadable(mixed(part('text/plain; charset="\x1b[31m' + "y" * 500 + '"', "a")))
    assert told == f"A text/plain cannot be read in the charset '\\x1b[31m{'y' * (LABEL - 5)}'{STAYS}"


def test_a_thousand_charsets_are_not_a_thousand_events() -> None:
    message = mixed(*(part(f"text/plain; charset=x-{number}", "a") for number in range(900)))
    assert len(unreadable(message)) == TOLD
