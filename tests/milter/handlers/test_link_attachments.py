import html
import re

import pytest

from estafeta_core.options import Options
from estafeta_milter import hosting
from estafeta_milter.handlers import link_attachments
from estafeta_milter.message.message import Message
from estafeta_testing.mime import attached, mixed, multipart, part
from estafeta_testing.office import LINKS, make_job

NEUTRAL = Options(link_attachments=True)
PDF = attached(b"%PDF-1" * 1000, "informe.pdf")
URL = re.compile(rb"https://click\.example\.com/f/[\w-]+/[\w%.-]+")


def linked(message: Message, options: Options = NEUTRAL) -> Message:
    """Return the message with its files as links."""
    plan = hosting.plan(message, options, LINKS, 77)
    return link_attachments.apply(message, make_job(options=options, files=plan.files)).rendered()


def texts(message: Message) -> list[bytes]:
    return [message.decoded(part) or b"" for part in message.text_parts()]


def plain(charset: str, *names: str, text: str = "Hola", options: Options = NEUTRAL) -> str:
    """Return the decoded plain text of a message with files of these names, their URLs as URL."""
    files = [attached(name.encode(), name) for name in names]
    (content,) = texts(
        linked(mixed(part(f"text/plain; charset={charset}", text.encode(charset)), *files), options)
    )
    return URL.sub(b"URL", content).decode(charset)


def test_t29_the_list_stands_at_the_end_of_both_texts_and_the_part_is_gone() -> None:
    alternative = multipart(
        "alternative", part("text/plain", "Hola"), part("text/html", "<html><body>Hola</body></html>")
    )
    final = linked(mixed(alternative, PDF), Options(link_attachments=True, foot="es"))
    text, markup = texts(final)
    (url,) = URL.findall(text)
    assert text == b"Hola\r\n\r\nArchivos adjuntos:\r\n\r\ninforme.pdf (6 KB)\r\n" + url + b"\r\n"
    assert markup.startswith(b'<html><body>Hola\r\n<div lang="es"')
    assert markup.endswith(b"</div>\r\n</body></html>")
    assert URL.findall(markup) == [url]
    seen = html.unescape(re.sub("(<[^>]*>|\r\n)+", "|", markup.decode()))
    assert seen == "|Hola|Archivos adjuntos|informe.pdf| (6 KB)|"
    assert b"application/pdf" not in final.body
    assert final.body.endswith(b"--top--\r\n")


def test_without_a_language_names_and_sizes_stand_alone() -> None:
    text, markup = texts(linked(mixed(part("text/plain", "Hola"), part("text/html", "Hola"), PDF)))
    (url,) = URL.findall(text)
    assert text == b"Hola\r\n\r\ninforme.pdf (6 KB)\r\n" + url + b"\r\n"
    assert markup == b'Hola\r\n<p><a href="' + url + b'">informe.pdf</a> (6 KB)</p>\r\n'


@pytest.mark.parametrize(
    "options", [{"foot": "de"}, {"head": "de"}, {"tags_footer": "de"}, {"foot": "de", "head": "es"}]
)
def test_the_heading_is_in_the_language_of_the_other_lines(options: dict[str, str]) -> None:
    asked = Options(link_attachments=True, **options)  # type: ignore[arg-type]
    assert "Anh\N{LATIN SMALL LETTER A WITH DIAERESIS}nge:\r\n" in plain("utf-8", "a.pdf", options=asked)


def test_each_file_is_a_line_with_its_url_on_the_next() -> None:
    assert plain("utf-8", "a.pdf", "año.pdf", text="Hola\r\n") == (
        "Hola\r\n\r\na.pdf (5 B)\r\nURL\r\n\r\naño.pdf (8 B)\r\nURL\r\n"
    )


@pytest.mark.parametrize(
    ("charset", "name", "shown"),
    [
        ("utf-8", "Звіт 日本.pdf", "Звіт 日本.pdf"),
        ("iso-8859-1", "año.pdf", "año.pdf"),
        ("us-ascii", "año.pdf", "ano.pdf"),
        ("iso-8859-1", "año ł ő.pdf", "año ? o.pdf"),
        ("windows-1251", "Отчёт año.pdf", "Отчёт ano.pdf"),
        ("us-ascii", "Отчёт.pdf", "?????.pdf"),
    ],
)
def test_what_a_charset_does_not_have_becomes_the_nearest_in_ascii(
    charset: str, name: str, shown: str
) -> None:
    size = len(name.encode())  # the files hold their names
    assert plain(charset, name) == f"Hola\r\n\r\n{shown} ({size} B)\r\nURL\r\n"


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (1, "1 B"), (512, "512 B"), (1023, "1023 B"), (1024, "1 KB"), (3000, "3 KB")],
)
def test_a_size_is_in_bytes_where_it_is_small(size: int, shown: str) -> None:
    message = mixed(part("text/plain", "Hola"), part("text/html", "Hola"), attached(b"x" * size, "a.txt"))
    text, markup = texts(linked(message))
    assert f"\r\na.txt ({shown})\r\n".encode() in text
    assert f">a.txt</a> ({shown})</p>".encode() in markup


@pytest.mark.parametrize("charset", ["utf-8", "windows-1251", "shift_jis", "us-ascii"])
def test_html_holds_any_name_in_any_charset(charset: str) -> None:
    name = "Отчёт & <b> año.pdf"
    written = part(
        "application/pdf", b"x", "Content-Disposition: attachment; filename*=utf-8''" + quoted(name)
    )
    (markup,) = texts(linked(mixed(part(f"text/html; charset={charset}", "<p>x</p>"), written)))
    assert markup.isascii()
    assert "Отчёт & _b_ año.pdf" in html.unescape(markup.decode())
    assert markup.count(b"<") == 6


def quoted(name: str) -> str:
    return "".join(f"%{byte:02X}" for byte in name.encode())


def test_amp_gets_the_links_without_styles() -> None:
    amp = part("text/x-amp-html", "<html amp4email><body>amp</body></html>")
    message = mixed(multipart("alternative", part("text/plain", "x"), amp, part("text/html", "x")), PDF)
    _, markup, _ = texts(linked(message, Options(link_attachments=True, foot="es")))
    assert b'<body>amp\r\n<p><a href="https://click.example.com/f/' in markup
    assert b"style" not in markup


def test_a_very_long_url_is_not_broken() -> None:
    name = "ñ" * 120 + ".pdf"
    written = part(
        "application/pdf", b"x", "Content-Disposition: attachment; filename*=utf-8''" + quoted(name)
    )
    final = linked(mixed(part("text/plain; charset=utf-8", "Hola"), written))
    (text,) = texts(final)
    (url,) = URL.findall(text)
    assert len(url) > 998
    assert url.endswith(quoted("ñ" * 120).encode() + b".pdf")
    assert max(map(len, final.body.split(b"\r\n"))) <= 998


def test_everything_else_is_as_it_was() -> None:
    before = mixed(part("text/plain", "Hola"), part("text/calendar", "BEGIN:VCALENDAR\r\nEND:VCALENDAR"), PDF)
    after = linked(before)
    start, end = (
        before.body.index(b"\r\n--top\r\nContent-Type: text/cal"),
        before.body.index(b"\r\n--top\r\nContent-Type: app"),
    )
    assert before.body[start:end] + b"\r\n--top--\r\n" in after.body
    assert after.body.startswith(before.body[: before.body.index(b"Hola") + 4])
    assert after.headers is before.headers
