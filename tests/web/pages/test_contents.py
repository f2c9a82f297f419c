"""`/contents`: HTML of others, where it can do nothing and tells us nothing."""

import html
import re

import pytest

from estafeta_core.links import Links
from estafeta_core.store.rows import Forget
from estafeta_testing.history import History, record
from estafeta_testing.site import KEY, Site
from estafeta_web.pages.contents import harmless

LINKS = Links([KEY], "https://click.example.com/base", "bounce.example.com")


def test_t47_a_content_is_listed_with_its_mark_and_shown(desk: Site, history: History) -> None:
    id_ = history.transmission.transmission_id
    text = desk.http.get("/contents").text
    assert f'<a href="/contents/{id_}"><bdi>Spring news</bdi></a> <span class="mark">SMTP</span>' in text
    page = desk.http.get(f"/contents/{id_}").text
    assert f'<iframe class="content" sandbox src="/contents/{id_}/html"' in page
    assert desk.http.get(f"/contents/{id_}/html").content == b"<h1>Hello</h1>"


def test_h4_the_html_is_in_a_sandbox_even_by_itself(desk: Site, history: History) -> None:
    answer = desk.http.get(f"/contents/{history.transmission.transmission_id}/html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'; ")
    assert "allow" not in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


def test_a_look_at_a_content_counts_as_nothing(desk: Site) -> None:
    message = desk.message()
    links = desk.links
    parts = {
        "click": links.click(message.message_id, "https://shop.example/?a=1&b=2\"'"),
        "pixel": links.pixel(message.message_id, initial=False),
        "unsubscribe": links.unsubscribe(message.message_id),
        "web": links.web_version(message.message_id),
    }
    markup = "".join(f'<a href="{html.escape(url)}">{name}</a>' for name, url in parts.items())
    history = record(desk, markup=markup.encode())
    shown = desk.http.get(f"/contents/{history.transmission.transmission_id}/html").text
    targets = dict(re.findall(r'<a href="([^"]*)">(\w+)</a>', shown))
    assert {name: target for target, name in targets.items()} == {
        "click": "https://shop.example/?a=1&amp;b=2&quot;&#x27;",
        "web": "about:blank",
    }
    assert shown.count("about:blank") == 3


@pytest.mark.parametrize(
    "markup",
    [
        b'<a href="https://shop.example/c/abc">',
        b'<a href="https://click.example.com/base/c/abc">',
        b"https://" + b"x" * 300 + b"/c/" + b"a" * 60,
        b"",
        b"\xff\xfe http://",
    ],
)
def test_what_is_no_link_of_ours_stays(markup: bytes) -> None:
    assert harmless(markup, LINKS) == markup


def test_a_link_of_ours_is_known_by_its_token_whatever_the_host_was_then() -> None:
    token = LINKS.click(1, "https://shop.example/a").rpartition("/")[2]
    for before in ("http://old.example", "https://click.example.com/base", "https://old.example:8443/x"):
        assert harmless(f'"{before}/c/{token}"'.encode(), LINKS) == b'"https://shop.example/a"'


def test_a_content_that_is_kept_no_longer_is_not_found(desk: Site, history: History) -> None:
    id_ = history.transmission.transmission_id
    desk.store.record([Forget("contents", 2**62, 10)])
    for path in (f"/contents/{id_}", f"/contents/{id_}/html"):
        assert desk.http.get(path).status_code == 404
    assert "No content is kept" in desk.http.get("/contents").text


def test_a_file_that_is_gone_is_not_found(desk: Site, history: History) -> None:
    content = desk.store.content(history.transmission.transmission_id)
    assert content is not None
    assert desk.shelf.remove(content.digest, 2**40)
    assert desk.http.get(f"/contents/{history.transmission.transmission_id}/html").status_code == 404
