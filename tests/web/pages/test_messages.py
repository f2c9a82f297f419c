"""`/messages/ID`: a life as a timeline."""

import re

import pytest

from estafeta_testing.history import History
from estafeta_testing.site import Site
from estafeta_web.pages import messages


def life(desk: Site, history: History, name: str) -> str:
    message = next(each for each in history.messages if each.rcpt_to.startswith(name))
    return desk.http.get(f"/messages/{message.message_id}").text


def steps(text: str) -> list[str]:
    return re.findall(r"</time> <strong>([^<]+)</strong>", text)


def test_everything_that_happened_stands_in_order(desk: Site, history: History) -> None:
    text = life(desk, history, "alice")
    assert steps(text) == [
        "Accepted",
        "Delivered",
        "Opened (top of the message)",
        "Opened",
        "Clicked",
        "Unsubscribed, by the mail program",
    ]
    assert "<bdi>https://shop.example/?a=1&amp;b=2</bdi>" in text
    assert "<dt>TLS</dt><dd><bdi>yes</bdi></dd>" in text


def test_h7_what_a_program_did_is_told_apart(desk: Site, history: History) -> None:
    text = " ".join(life(desk, history, "alice").split())
    assert text.count("by a program, not a person") == 1
    assert 'Opened (top of the message)</strong> <span class="mark">by a program' in text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bob", "550 5.1.1 &lt;bob@example.net&gt;: Recipient address rejected: User unknown"),
        ("carol", "Marked as spam"),
        ("dave", "Recipient address was suppressed"),
    ],
)
def test_reasons_are_visible(desk: Site, history: History, name: str, reason: str) -> None:
    assert reason in life(desk, history, name)


def test_a_life_longer_than_a_page_says_so(
    desk: Site, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "more events than are shown" not in life(desk, history, "alice")
    monkeypatch.setattr(messages, "EVENTS", 5)
    text = life(desk, history, "alice")
    assert (len(steps(text)), "more events than are shown" in text) == (5, True)


@pytest.mark.parametrize("id_", ["0", "x", "1" * 30, "12"])
def test_what_is_no_message_is_not_found(desk: Site, id_: str) -> None:
    assert desk.http.get(f"/messages/{id_}").status_code == 404
