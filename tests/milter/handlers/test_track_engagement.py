import quopri
import re
from dataclasses import replace
from typing import Literal

import pytest

from estafeta_core.options import Options
from estafeta_core.tokens import Kind, Token
from estafeta_milter.handlers import track_engagement
from estafeta_testing.office import HTML, LINKS, make_job, make_message

BOTH = Options(open_tracking=True, initial_open_pixel=True, click_tracking=True)
OPENS = Options(open_tracking=True, initial_open_pixel=True)
CLICKS = Options(click_tracking=True)

URL = re.compile(rb"https://click\.example\.com/([ocu])/([\w-]+)(\.gif)?")
ALTERNATIVE = b"multipart/alternative; boundary=x"


def tracked(body: bytes, kind: bytes = b"text/html", options: Options = BOTH) -> bytes:
    message = make_message(body=body, kind=kind)
    return track_engagement.apply(message, make_job(options=options)).rendered().body


def tokens(body: bytes) -> list[Token]:
    """Return what every URL of ours in `body` says, in order."""
    found = [LINKS.read(token.decode()) for _, token, _ in URL.findall(body)]
    assert all(token is not None and token.id == 4711 and not token.shared for token in found)
    return [token for token in found if token is not None]


def parts(**contents: bytes) -> bytes:
    """Return an alternative with a part of each type; `_` is read as `/x-`, `html` as text/html."""
    lines = [
        f"--x\r\nContent-Type: text/{kind.replace('_', '-')}\r\n\r\n".encode() + contents[kind]
        for kind in contents
    ]
    return b"\r\n".join([*lines, b"--x--\r\n"])


def test_s30_opens_alone_are_two_pixels() -> None:
    assert [token.kind for token in tokens(tracked(HTML, options=OPENS))] == [Kind.INITIAL_OPEN, Kind.OPEN]
    assert b'href="https://shop.example/a"' in tracked(HTML, options=OPENS)


def test_the_pixel_at_the_top_can_be_left_out() -> None:
    options = Options(open_tracking=True, initial_open_pixel=False)
    assert [token.kind for token in tokens(tracked(HTML, options=options))] == [Kind.OPEN]


def test_s31_clicks_alone_are_links() -> None:
    (token,) = tokens(tracked(HTML, options=CLICKS))
    assert (token.kind, token.target) == (Kind.CLICK, b"https://shop.example/a")
    assert b"<img" not in tracked(HTML, options=CLICKS)


@pytest.mark.parametrize(("kind", "targets"), [("", 2), ("html", 1), ("text", 1)])
def test_links_are_tracked_in_one_kind_of_text_alone(kind: Literal["", "html", "text"], targets: int) -> None:
    body = parts(plain=b"http://shop.example/plain", html=b'<a href="http://shop.example/html">x</a>')
    found = tokens(tracked(body, ALTERNATIVE, replace(CLICKS, click_tracking_in=kind)))
    assert len(found) == targets
    assert all(token.target.decode().endswith(kind.replace("text", "plain")) for token in found)


def test_a_marked_link_is_not_tracked() -> None:
    body = b'<a href="http://a.example/" x:stay>x</a><a href="http://b.example/">x</a>'
    (token,) = tokens(tracked(body, options=replace(CLICKS, untracked="x:stay")))
    assert token.target == b"http://b.example/"


def test_text_has_links_and_no_pixel() -> None:
    body = tracked(b"see http://shop.example/b.\r\n", b"text/plain")
    (token,) = tokens(body)
    assert token.target == b"http://shop.example/b"
    assert body.startswith(b"see https://click.example.com/c/")
    assert body.endswith(b".\r\n")
    assert (
        tracked(b"see http://shop.example/b.\r\n", b"text/plain", OPENS) == b"see http://shop.example/b.\r\n"
    )


def test_s57_amp_has_links_of_its_own_kind_and_no_pixel() -> None:
    amp = b'<!doctype html><html amp4email><body><a href="https://shop.example/amp">a</a></body></html>'
    body = tracked(parts(plain=b"a", x_amp_html=amp, html=HTML), ALTERNATIVE)
    kinds = [token.kind for token in tokens(body)]
    assert kinds == [Kind.AMP_CLICK, Kind.INITIAL_OPEN, Kind.CLICK, Kind.OPEN]


def test_a_link_marked_as_such_leads_to_the_unsubscribe_page_and_keeps_its_target() -> None:
    link = b'<a href="https://shop.example/bye" data-msys-unsubscribe="1" data-msys-linkname="Bye">x</a>'
    (token,) = tokens(tracked(link, options=CLICKS))
    assert (token.kind, token.target, token.name) == (
        Kind.LINK_UNSUBSCRIBE,
        b"https://shop.example/bye",
        "Bye",
    )


@pytest.mark.parametrize("name", ["", "Shop", "n" * 63])
def test_a_link_carries_its_name(name: str) -> None:
    link = f'<a data-msys-linkname="{name}" href="https://shop.example/a">x</a>'.encode()
    assert tokens(tracked(link, options=CLICKS))[0].name == name


def test_a_link_too_long_for_a_token_stays_as_it_is() -> None:
    link = b'<a href="https://shop.example/' + b"x" * 5000 + b'">x</a>'
    assert tracked(link, options=CLICKS) == link


@pytest.mark.parametrize(
    "target", ["mailto:a@b.example", "#top", "javascript:alert(1)", "/relative", "{{url}}"]
)
def test_c12_what_is_no_web_link_stays(target: str) -> None:
    link = f'<a href="{target}">x</a>'.encode()
    assert tracked(link, options=CLICKS) == link


@pytest.mark.parametrize(
    "kind",
    [
        b"multipart/signed; boundary=x; protocol=application/pgp-signature",
        b"multipart/encrypted; boundary=x",
        b"multipart/alternative; boundary=x; boundary=y",
    ],
)
def test_c9_what_is_signed_encrypted_or_in_doubt_is_not_touched(kind: bytes) -> None:
    body = parts(html=HTML)
    assert tracked(body, kind) is body


def test_b8_no_line_grows_over_998_bytes() -> None:
    body = b"<p>" + b'<a href="https://shop.example/%s">x</a>' % (b"y" * 600) + b"</p>"
    message = track_engagement.apply(make_message(body=body, kind=b"text/html"), make_job(options=CLICKS))
    final = message.rendered()
    assert max(map(len, final.body.split(b"\r\n"))) <= 998
    assert tokens(quopri.decodestring(final.body))[0].target == b"https://shop.example/" + b"y" * 600


@pytest.mark.parametrize("kind", [b"text/html", b"text/plain", b"text/x-amp-html"])
def test_a_link_of_ours_that_was_put_in_before_is_not_tracked_again(kind: bytes) -> None:
    own = [
        LINKS.web_version(4711),
        LINKS.unsubscribe(4711, via="link"),
        LINKS.click(4711, "https://shop.example/"),
    ]
    lines = [f'<a href="{url}">x</a>\r\n' if kind != b"text/plain" else f"{url}\r\n" for url in own]
    body = "".join(lines).encode()
    assert tracked(body, kind, CLICKS) == body


def test_a_link_that_only_looks_like_ours_is_tracked() -> None:
    link = b'<a href="https://click.example.com/u/forged">x</a>'
    assert tokens(tracked(link, options=CLICKS))[0].target == b"https://click.example.com/u/forged"


def test_a_charset_that_is_not_edited_leaves_the_text() -> None:
    body = b"\x1b$B$3$s\x1b(B <a href=http://shop.example/>"
    assert tracked(body, b"text/html; charset=iso-2022-jp") is body
