"""S37 on the milter as it runs: pages as deep as they are taken, and such as would end a process of it."""

from pathlib import Path

import pytest

from estafeta_milter.html.inliner import DEPTH
from estafeta_testing.relay import Relay

FIELDS = (
    b"From: news@acme.example\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"
    b'X-MSYS-API: {"options": {"inline_css": true, "open_tracking": false, "click_tracking": false}}\r\n\r\n'
)
SHEET = b"<style>i{color:red}</style>\r\n"
ENDING = b"<i>Hello</i>\r\n"


def processes(relay: Relay) -> set[int]:
    """Return the ids of the milter's processes."""
    parent = relay.processes["milter"]
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return {parent, *map(int, children.split())}


def delivered(relay: Relay, page: bytes, *types: str) -> tuple[bytes, list[str]]:
    """Return the text that a recipient gets for `page`, and of what the sender is warned."""
    queue_id = relay.send(FIELDS + SHEET + page + ENDING)
    text = relay.copy(queue_id).parsed().get_payload(decode=True)
    assert isinstance(text, bytes)
    events = relay.events(queue_id, "delivery", "injection", *types)
    return text, [event["reason"] for event in events if event["type"] == "warning"]


@pytest.mark.parametrize("unit", [b"<div>\r\n", b"<b>\r\n", b"<table><tr><td>\r\n", b"<div><span></div>\r\n"])
def test_pages_that_would_end_a_process_leave_as_they_came(relay: Relay, unit: bytes) -> None:
    before = processes(relay)
    times = 30_000 // unit.count(b"<")
    text, told = delivered(relay, unit * times, "warning")
    assert text == SHEET + unit * times + ENDING
    assert len(told) == 1
    assert told[0].startswith("The style sheets of a text/html are not inlined: ")
    assert processes(relay) == before


def test_the_deepest_page_that_is_taken_is_inlined(relay: Relay) -> None:
    before = processes(relay)
    page = b"<div>\r\n" * (DEPTH - 10)
    text, told = delivered(relay, page)
    assert told == []
    assert text == SHEET + page + ENDING.replace(b"<i>", b'<i style="color: red;">')
    assert processes(relay) == before
