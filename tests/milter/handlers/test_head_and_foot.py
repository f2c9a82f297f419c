import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.options import Options
from estafeta_core.tokens import Kind
from estafeta_milter.handlers import head_and_foot, track_engagement
from estafeta_milter.handlers.head_and_foot import NETWORKS
from estafeta_milter.texts.sentences import LANGUAGES
from estafeta_testing.office import HTML, LINKS, make_job, make_message

PROFILES = (("facebook", "https://facebook.com/acme"), ("Mastodon", "https://social.example/@acme?a=1&b=2"))
BOTH = Options(head="es", foot="es")
SOCIAL = Options(head="es", foot="es", social=PROFILES)
ALTERNATIVE = b"multipart/alternative; boundary=x"
BLOCK = re.compile(rb"\r\n<div lang=.*?</div>\r\n", re.DOTALL)
URL = re.compile(rb"https://click\.example\.com/([ocuw])/([\w-]+)")


def framed(body: bytes, kind: bytes = b"text/html", options: Options = BOTH) -> bytes:
    """Return the content of a message's only part, or the body of one that has several or may not be read."""
    message = head_and_foot.apply(make_message(body=body, kind=kind), make_job(options=options))
    parts = message.text_parts()
    content = message.decoded(parts[0]) if parts and kind != ALTERNATIVE else None
    return message.rendered().body if content is None else content


def kinds(body: bytes) -> list[Kind]:
    """Return what each URL of ours in `body` is, in order."""
    found = [LINKS.read(token.decode()) for _, token in URL.findall(body)]
    assert all(token is not None and token.id == 4711 and not token.shared for token in found)
    return [token.kind for token in found if token is not None]


@pytest.mark.parametrize("language", LANGUAGES)
def test_t33_t35_the_line_on_top_leads_to_the_web_version_and_the_closing_one_to_unsubscribe(
    language: str,
) -> None:
    body = framed(HTML, options=Options(head=language, foot=language))
    assert kinds(body) == [Kind.WEB_VERSION, Kind.LINK_UNSUBSCRIBE]
    assert body.isascii()
    before, after = re.split(rb'<a href="https://shop\.example/a">a</a>', body)
    for part, sentence in (
        (before, LANGUAGES[language].web_version),
        (after, LANGUAGES[language].unsubscribe),
    ):
        assert html.unescape(re.sub("<[^>]*>", "", part.decode())).strip() == sentence.text


def test_t33_the_line_on_top_stands_behind_the_start_of_the_body_and_the_foot_before_its_end() -> None:
    body = framed(b"<html><head><title>t</title></head><body id=a>Hi</body></html>")
    assert re.fullmatch(
        rb"<html><head><title>t</title></head><body id=a>\s<div .*</div>\sHi\s<div .*</div>\s</body></html>",
        body.replace(b"\r\n", b" "),
    )


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (Options(head="es"), [Kind.WEB_VERSION]),
        (Options(foot="es"), [Kind.LINK_UNSUBSCRIBE]),
        (Options(foot="es", social=PROFILES), [Kind.LINK_UNSUBSCRIBE]),
    ],
)
def test_t33_each_of_them_can_be_left_out(options: Options, found: list[Kind]) -> None:
    assert kinds(framed(HTML, options=options)) == found


def test_t34_profiles_are_pictures_with_the_name_of_their_network() -> None:
    body = framed(HTML, options=SOCIAL).decode()
    icons = re.findall(
        r'<a href="([^"]*)"[^>]*><img src="([^"]*)" alt="([^"]*)" width="32" height="32"', body
    )
    assert [tuple(map(html.unescape, icon)) for icon in icons] == [
        ("https://facebook.com/acme", "https://click.example.com/icons/facebook.png", "Facebook"),
        ("https://social.example/@acme?a=1&b=2", "https://click.example.com/icons/mastodon.png", "Mastodon"),
    ]


@pytest.mark.parametrize("network", [*NETWORKS, "Google+", 'Мой "круг" & <b>', "++", "YouTube"])
def test_t34_any_name_of_a_network_is_ascii_and_ends_no_attribute(network: str) -> None:
    body = framed(
        HTML, options=Options(foot="es", social=((network, "https://x.example/ä\"'><b>"),))
    ).decode()
    assert body.isascii()
    (found,) = re.findall(r'<a href="([^"<>]*)"[^<>]*><img src="([^"<>]*)" alt="([^"<>]*)"', body)
    assert html.unescape(found[0]) == "https://x.example/ä\"'><b>"
    assert re.fullmatch(r"https://click\.example\.com/icons/[a-z0-9]+\.png", found[1])
    assert html.unescape(found[2]) == NETWORKS.get(network.lower(), network)


def test_t34_t37_profiles_are_tracked_and_our_own_links_are_not() -> None:
    job = make_job(options=Options(head="es", foot="es", social=PROFILES, click_tracking=True))
    message = head_and_foot.apply(make_message(body=HTML, kind=b"text/html"), job)
    body = track_engagement.apply(message, job).rendered().body
    assert kinds(body) == [Kind.WEB_VERSION, Kind.CLICK, Kind.CLICK, Kind.CLICK, Kind.LINK_UNSUBSCRIBE]
    targets = [LINKS.read(token.decode()) for path, token in URL.findall(body) if path == b"c"]
    assert [token.target for token in targets if token] == [
        b"https://shop.example/a",
        b"https://facebook.com/acme",
        b"https://social.example/@acme?a=1&b=2",
    ]


def test_plain_text_has_a_foot_with_each_address_on_a_line_of_its_own_and_no_head() -> None:
    body = framed(b"Hola\r\n", b"text/plain; charset=utf-8", SOCIAL)
    lines = body.decode().split("\r\n")
    assert lines[:-2] == [
        "Hola",
        "",
        "Facebook: https://facebook.com/acme",
        "Mastodon: https://social.example/@acme?a=1&b=2",
        "",
        "Si no desea recibir más correos nuestros, puede darse de baja aquí:",
    ]
    assert kinds(lines[-2].encode()) == [Kind.LINK_UNSUBSCRIBE]


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "utf-8"])
def test_t40_a_text_keeps_its_charset_and_its_encoding(charset: str) -> None:
    written = "Buenas, señor\r\n".encode(charset)
    body = (
        b"--x\r\nContent-Type: text/plain; charset=%s; format=flowed\r\nContent-Transfer-Encoding: 8bit\r\n"
        b"\r\n%s\r\n--x--\r\n" % (charset.encode(), written)
    )
    changed = framed(body, ALTERNATIVE)
    end = body.index(written) + len(written)
    assert changed.startswith(body[:end])
    assert changed.endswith(body[end:])
    inserted = changed[end : len(changed) - len(body) + end].decode(charset)
    assert "más correos nuestros" in inserted
    assert not any(line.endswith(" ") for line in inserted.split("\r\n"))


def test_t40_the_message_of_the_manual_keeps_every_byte_of_its_own() -> None:
    source = (
        b'<html>\r\n  <head>\r\n      <meta http-equiv="content-type" content="text/html;\r\n'
        b'        charset=ISO-8859-1">\r\n  </head>\r\n  <body bgcolor="#FFFFFF" text="#000000">\r\n'
        b"      Buenas,<br>\r\n"
        b"      <u>V&iacutector J. Chamorro</u> - teenvio.com<br>\r\n  </body>\r\n</html>\r\n"
    )
    body = framed(source, b"text/html; charset=ISO-8859-1", SOCIAL)
    first = body.index(b'text="#000000">') + len(b'text="#000000">')
    assert body.startswith(source[:first])
    assert body.endswith(b"\r\n</html>\r\n")
    assert BLOCK.sub(b"", body) == source


@pytest.mark.parametrize(
    "charset", ["us-ascii", "iso-8859-1", "windows-1251", "koi8-r", "shift_jis", "euc-kr", "gb2312", "utf-8"]
)
@given(written=st.binary(max_size=60))
def test_outside_of_what_is_inserted_every_byte_stays(charset: str, written: bytes) -> None:
    source = b"<body>" + written.translate(None, b"\0<-") + b"</body>"
    message = make_message(body=source, kind=b"text/html; charset=" + charset.encode())
    changed = head_and_foot.apply(message, make_job(options=SOCIAL))
    (part,) = changed.text_parts()
    content = changed.decoded(part) or b""
    assert BLOCK.sub(b"", content) == source
    assert kinds(content) == [Kind.WEB_VERSION, Kind.LINK_UNSUBSCRIBE]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"--x\r\nContent-Type: text/html\r\n\r\n<p>a</p>\r\n--x--\r\n", b"multipart/signed; boundary=x"),
        (b"--x\r\nContent-Type: text/plain\r\n\r\na\r\n--x--\r\n", b"multipart/encrypted; boundary=x"),
        (b"-----BEGIN PGP MESSAGE-----\r\n", b"text/plain"),
        (b"\x1b$B$3$s\x1b(B <body>", b"text/html; charset=iso-2022-jp"),
        (b"<!doctype html><html amp4email><body></body></html>", b"text/x-amp-html"),
        (b"<frameset></frameset>", b"text/html"),
        (b"BEGIN:VCALENDAR", b"text/calendar"),
    ],
)
def test_what_may_not_be_rewritten_stays(body: bytes, kind: bytes) -> None:
    assert framed(body, kind, SOCIAL) is body


@pytest.mark.parametrize(
    "markup", [b"", b"Hi", b"<p>Hi", b"<!doctype html><p>Hi", b"<html><p>Hi</html>", b"<!-- Hi", b"<a href='"]
)
def test_any_html_gets_both_once(markup: bytes) -> None:
    assert kinds(framed(markup)) == [Kind.WEB_VERSION, Kind.LINK_UNSUBSCRIBE]
