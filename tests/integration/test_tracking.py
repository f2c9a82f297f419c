"""What recipients do with a delivered message, against the running web service: links, pixels, leaving."""

import html
import json
import re
from pathlib import Path

import pytest

from estafeta_testing import corpora
from estafeta_testing.relay import BROWSER, SENDER, Relay
from estafeta_testing.smtp import queue_id

RECIPIENT = "Reader@Example.NET"
TRACKED = '"options": {"open_tracking": true, "click_tracking": true}'
_HREF = re.compile(rb"""<a(?:rea)?\b[^>]*?\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_SRC = re.compile(rb'src="([^"]*/o/[^"]*\.gif)"')


def message(body: str, header: str = TRACKED) -> bytes:
    return (
        f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: tracked\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"X-MSYS-API: {{{header}}}\r\n\r\n{body}\r\n"
    ).encode()


def links(body: bytes) -> list[str]:
    """Return the targets of every link of a markup, as a browser reads them."""
    found = (b"".join(match.groups(b"")) for match in _HREF.finditer(body))
    return [html.unescape(target.decode()) for target in found]


def unsubscribe_url(relay: Relay, queue_id: str) -> str:
    offered = re.findall(r"<([^>]*)>", relay.copy(queue_id).value("List-Unsubscribe"))
    return next(str(url) for url in offered if url.startswith("http"))


def event(relay: Relay, queue_id: str, kind: str, *others: str) -> dict[str, object]:
    """Return the only event of a kind, of which there must be one beside the others."""
    events = relay.events(queue_id, "injection", "delivery", kind, *others)
    return next(event for event in events if event["type"] == kind)


@pytest.mark.parametrize(
    "target",
    [
        "https://example.com/",
        "https://example.com/a%20b/c;d=e?f=g&h=%26&i=1+2#j=k&l",
        "http://user@example.com:8080/?q=<>\"'",
        "https://example.com/?redirect=https://evil.example/%0d%0aX-Evil:%201",
        "https://example.com/" + "long/" * 300,
    ],
)
def test_a_link_leads_to_the_very_bytes_it_led_to(relay: Relay, target: str) -> None:
    sent = relay.send(message(f'<p><a href="{html.escape(target)}">Go</a></p>'), RECIPIENT)
    (url,) = links(relay.copy(sent).parsed().get_content().encode())
    assert url.startswith(f"{relay.web}/c/")
    answer = relay.http("GET", url)
    assert answer.status == 302
    assert answer.location == target.encode()
    assert event(relay, sent, "click")["target_link_url"] == target


def test_a_click_is_recorded_with_everything_known(relay: Relay) -> None:
    metadata = {f"key{n}": "x" * 90 for n in range(20)}
    header = f'"campaign_id": "spring", "tags": ["a"], "metadata": {json.dumps(metadata)}, {TRACKED}'
    body = '<a data-msys-linkname="the link" href="https://example.com/?a=1&amp;b=2">Go</a>'
    sent = relay.send(message(body, header), RECIPIENT)
    (url,) = links(relay.copy(sent).parsed().get_content().encode())
    relay.http("GET", url)
    seen = event(relay, sent, "click")
    assert seen["rcpt_to"] == RECIPIENT.lower()
    assert seen["raw_rcpt_to"] == RECIPIENT
    assert seen["campaign_id"] == "spring"
    assert seen["rcpt_tags"] == ["a"]
    assert seen["target_link_name"] == "the link"
    assert seen["target_link_url"] == "https://example.com/?a=1&b=2"
    assert seen["user_agent"] == BROWSER
    assert seen["ip_address"] == "127.0.0.1"
    assert seen["rcpt_meta"] == {f"key{n}": "x" * 90 for n in range(9)}, (
        "1000 bytes, whole keys from the front"
    )
    injection = next(each for each in relay.events(sent) if each["type"] == "injection")
    assert injection["rcpt_meta"] == metadata


def test_both_pixels_are_seen_and_told_apart(relay: Relay) -> None:
    sent = relay.send(message("<html><body>Hello</body></html>"), RECIPIENT)
    top, bottom = (url.decode() for url in _SRC.findall(relay.copy(sent).body))
    for url in (top, bottom):
        answer = relay.http("GET", url)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "image/gif"
        assert answer.body.startswith(b"GIF89a")
        assert answer.headers["Cache-Control"] == "no-store"
    seen = relay.events(sent, "injection", "delivery", "initial_open", "open")
    assert {each["type"]: each["rcpt_to"] for each in seen}["initial_open"] == RECIPIENT.lower()


def test_h7_a_head_request_is_told_of_and_counts_for_nobody(relay: Relay) -> None:
    sent = relay.send(message('<body><a href="https://example.com/">Go</a></body>'), RECIPIENT)
    body = relay.copy(sent).body
    for url in (*links(body), *(found.decode() for found in _SRC.findall(body))):
        assert relay.http("HEAD", url).status in (200, 302)
    told = relay.events(sent, "injection", "delivery", "click", "open", "initial_open")
    assert {each.get("automated") for each in told if "user_agent_parsed" in each} == {"head"}


@pytest.mark.parametrize("place", ["c", "u", "o"])
def test_a_token_that_was_changed_leads_nowhere(relay: Relay, place: str) -> None:
    sent = relay.send(message('<body><a href="https://example.com/">Go</a></body>'), RECIPIENT)
    (url,) = links(relay.copy(sent).body)
    token = url.rpartition("/")[2]
    changed = token[:20] + ("A" if token[20] != "A" else "B") + token[21:]
    answer = relay.http("GET", f"{relay.web}/{place}/{changed}" + (".gif" if place == "o" else ""))
    assert answer.status == 404
    assert answer.headers["Location"] is None


def test_one_click_unsubscribes_and_the_open_session_feels_it(relay: Relay) -> None:
    reader = "one.click@example.net"
    with relay.session() as client:
        first = queue_id(client.message(SENDER, [reader], message("Hello", "")))
        url = unsubscribe_url(relay, first)
        page = relay.http("GET", url)
        assert page.status == 200
        assert b"<form" in page.body
        again = queue_id(client.message(SENDER, [reader], message("A GET unsubscribes nobody", "")))
        assert len(relay.copies(again)) == 1

        assert relay.http("POST", url, "List-Unsubscribe=One-Click").status == 200
        left = queue_id(client.message(SENDER, [reader], message("Too late", "")))
        assert relay.copies(left) == []
        bounce = relay.events(left, "injection", "bounce")[-1]
        assert bounce["bounce_class"] == "25"
        transactional = '"options": {"transactional": true}'
        receipt = queue_id(client.message(SENDER, [reader], message("A receipt still comes", transactional)))
        assert len(relay.copies(receipt)) == 1

    seen = event(relay, first, "list_unsubscribe")
    assert seen["rcpt_to"] == reader
    assert relay.http("POST", url, "List-Unsubscribe=One-Click").status == 200, (
        "a second click changes nothing"
    )
    event(relay, first, "list_unsubscribe")


def test_a_post_that_does_not_say_one_click_unsubscribes_nobody(relay: Relay) -> None:
    reader = "scanner@example.net"
    sent = relay.send(message("Hello", ""), reader)
    url = unsubscribe_url(relay, sent)
    assert relay.http("POST", url, "").status == 400
    assert relay.http("HEAD", url).status == 200
    assert len(relay.copies(relay.send(message("Again", ""), reader))) == 1
    relay.events(sent, "injection", "delivery")


def test_the_unsubscribe_link_of_a_body_asks_first(relay: Relay) -> None:
    reader = "body.link@example.net"
    body = '<a href="https://example.com/bye" data-msys-unsubscribe="1" data-msys-linkname="bye">Leave</a>'
    sent = relay.send(message(body), reader)
    (url,) = links(relay.copy(sent).parsed().get_content().encode())
    assert b"https://example.com/bye" in relay.http("GET", url).body, "the page offers the way on"
    assert relay.http("POST", url, "List-Unsubscribe=One-Click").status == 200
    seen = event(relay, sent, "link_unsubscribe")
    assert seen["target_link_url"] == "https://example.com/bye"
    assert relay.copies(relay.send(message("Too late", ""), reader)) == []


@pytest.mark.parametrize("path", corpora.parameters(corpora.templates()))
def test_every_link_of_a_template_leads_where_it_led(relay: Relay, path: Path) -> None:
    markup = path.read_text(encoding="utf-8")
    sent = relay.send(message(markup.replace("\n", "\r\n")), RECIPIENT)
    before = links(markup.encode())
    after = links(relay.copy(sent).parsed().get_content().encode())
    assert len(after) == len(before)
    followed = 0
    for was, now in zip(before, after, strict=True):
        if not now.startswith(f"{relay.web}/"):
            assert now == was
            assert not re.match(r"https?://[\w.-]+(?:[/?#]|$)", was), f"{was} is not tracked"
            continue
        answer = relay.http("GET", now)
        assert answer.status == 302
        assert answer.location == was.encode()
        followed += 1
    clicks = ["click"] * followed
    relay.events(sent, "injection", "delivery", *clicks)
