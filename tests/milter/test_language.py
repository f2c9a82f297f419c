"""What a message says of its own language."""

import pytest

from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_milter import language
from estafeta_testing.office import ALTERNATIVE, FROM, make_message

SAID_BY_HTML = (
    b'<!DOCTYPE html>\r\n<!--[if mso]> x <![endif]-->\r\n<html xmlns="x" lang="%s"><body>x</body></html>'
)


@pytest.mark.parametrize(
    ("options", "header", "html", "expected"),
    [
        (Options(foot="gl", head="gl"), b"es", b"en", "gl"),
        (Options(tags_footer="ru"), b"es", b"en", "ru"),
        (Options(), b"es", b"en", "es"),
        (Options(), b" pt-BR, en", b"", "pt"),
        (Options(), b"\r\n FI", b"", "fi"),
        (Options(), b"nb-NO", b"", "no"),
        (Options(), b"", b"de-AT", "de"),
        (Options(), b"", b"NN", "no"),
        (Options(), b"", b"", ""),
        (Options(), b"english", b"", ""),
        (Options(), b"*", b"ca", "ca"),
        (Options(), b"\xff\xfe", b"\xff", ""),
    ],
)
def test_the_first_that_says_a_language_is_believed(
    options: Options, header: bytes, html: bytes, expected: str
) -> None:
    headers = [FROM, Header("Content-Type", b"text/html")]
    if header:
        headers.append(Header("Content-Language", header))
    message = make_message(headers=tuple(headers), body=SAID_BY_HTML % html)
    assert language.of(message, options) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (b"<html lang=eu>", "eu"),
        (b"<HTML class='x' LANG='sv'>", "sv"),
        (b'<html\r\nxml:lang="fr" lang="it">', "it"),
        (b'<html data-lang="fr">', ""),
        (b'<p lang="fr">', ""),
        (b" " * language.HEAD_BYTES + b'<html lang="fr">', ""),
        (b"<html " + b"lang " * 800, ""),
    ],
)
def test_the_tag_of_the_html_is_read_as_browsers_do(tag: bytes, expected: str) -> None:
    parts = b"--b\r\nContent-Type: text/html\r\n\r\n" + tag + b"\r\n--b--\r\n"
    message = make_message(headers=(FROM, Header("Content-Type", ALTERNATIVE)), body=parts)
    assert language.of(message, Options()) == expected


def test_a_message_without_html_says_nothing() -> None:
    assert language.of(make_message(headers=(FROM,), body=b'<html lang="es">'), Options()) == ""
