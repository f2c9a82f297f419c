import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from estafeta_postfix.cli.text import json_text
from estafeta_postfix.explain.document import document
from estafeta_postfix.explain.explanation import Explanation
from estafeta_postfix.explain.page import page
from estafeta_testing import corpora
from estafeta_testing.milter_site import Site
from estafeta_testing.office import MANDRILL, TEENVIO

Explained = Callable[..., Explanation]

HEAD = b"From: News <news@acme.example>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
LISTS = (
    b'X-MSYS-API: {"campaign_id": "spring", "tags": ["a", "b"], "cc": ["c@example.net"],'
    b' "bcc": ["d@example.net", "e@example.net"], "options": {"click_tracking": true}}\r\n'
)
HTML = b'Content-Type: text/html\r\n\r\n<a href="https://shop.example/">x</a>\r\n'


def shown(explanation: Explanation, *, width: int = 200, body: bool = False, every: bool = False) -> str:
    return "\n".join(page(explanation, width=width, body=body, every=every))


def test_the_session_stands_first_with_its_replies_to_the_letter(explained: Explained) -> None:
    lines = shown(explained(HEAD + HTML, "alice@example.net", "bob"), width=40).split("\n")
    assert lines[:12] == [
        "acme/main at submission, from 127.0.0.1 under TLS",
        "",
        "  C: AUTH",
        "  S: 235 2.7.0 Authentication successful",
        "  C: MAIL FROM:<app@acme.example>",
        "  S: 250 2.1.0 Ok",
        "  C: RCPT TO:<alice@example.net>",
        "  S: 250 2.1.5 Ok",
        "  C: RCPT TO:<bob>",
        "! S: 553 5.1.3 Bad recipient address syntax",
        "  C: DATA",
        "  S: 354 End data with <CR><LF>.<CR><LF>",
    ]
    assert "accepted; 1 of 2 recipients refused" in lines


def test_the_decision_says_why_postfix_splits(explained: Explained) -> None:
    said = shown(explained(HEAD + LISTS + HTML))
    for words in (
        "campaign          spring",
        "tags              a, b",
        "tracked           clicks",
        "DKIM              not signed",
        "return path       ours at bounce.example.com",
        "suppression       there is no store yet: nobody is known to be suppressed",
        "copies            differ: one queue file, and 4 copies by Postfix's split",
        "because a bcc recipient, and nobody else, is shown in Bcc",
    ):
        assert words in said


def test_what_a_message_asks_for_beside_tracking_is_told(explained: Explained) -> None:
    options = b'{"options": {"inline_css": true, "skip_suppression": true}}'
    said = shown(explained(HEAD + b"X-MSYS-API: " + options + b"\r\n" + HTML, credential="acme/sender"))
    assert "inline CSS        yes" in said
    assert "suppression       skipped, as the message asks" in said
    said = shown(explained(HEAD + HTML))
    assert "inline CSS" not in said
    assert "skipped" not in said


def test_what_a_message_chooses_by_plain_headers_is_told(explained: Explained) -> None:
    raw = b"From: yo@part.tienda.example\r\nX-MC-Subaccount: part\r\nX-MC-Autotext: yes\r\n" + HTML
    said = {"credential": MANDRILL.identity, "listener": MANDRILL.listener, "sender": MANDRILL.sender}
    found = shown(explained(raw, **said))
    assert "tracked           opens and clicks in HTML" in found
    assert "subaccount        part, as the message asks" in found
    assert "warning           X-MC-Autotext is not supported: no text is made of the HTML" in found


def test_each_kind_is_shown_once_in_full_and_the_rest_in_a_line(explained: Explained) -> None:
    explanation = explained(HEAD + LISTS + HTML)
    said = shown(explanation)
    assert said.count("copy for ") == 3
    assert "1 more copy (--all shows everything in full)\n  e@example.net  bcc" in said
    assert shown(explanation, every=True).count("copy for ") == 4


def test_a_copy_is_shown_field_by_field_and_its_links_with_it(explained: Explained) -> None:
    said = shown(explained(HEAD + b"Bcc: secret@example.net\r\n" + LISTS + HTML))
    for words in (
        "  kept     From: News <news@acme.example>",
        "  removed  Bcc: secret@example.net  (by Postfix)",
        "  removed  X-MSYS-API: {",
        "  added    Cc: c@example.net",
        "  added    Message-Id: <QUEUEID@mx.example.com>  (by Postfix)",
        "    click             https://shop.example/\n                      https://click.example.com/c/",
    ):
        assert words in said


def test_what_was_changed_is_shown_with_what_was_before(explained: Explained) -> None:
    lines = shown(explained(b"Cc: x@example.net\r\n" + HEAD + LISTS + HTML)).split("\n")
    place = next(number for number, line in enumerate(lines) if line.startswith("  changed  Cc: "))
    assert "c@example.net" in lines[place]
    assert lines[place + 1] == "   before: x@example.net"


def test_values_are_cut_to_the_width_and_replies_are_not(explained: Explained) -> None:
    said = shown(explained(HEAD + LISTS + HTML), width=60)
    assert "…" in said
    assert max(len(line) for line in said.split("\n") if " S: " not in line and " C: " not in line) <= 60


def test_bodies_are_shown_when_asked_for(explained: Explained) -> None:
    explanation = explained(HEAD + b"\r\nfirst\r\nsecond \x1b[31m\r\n")
    assert "second" not in shown(explanation)
    assert "  body\n    first\n    second \\x1b[31m" in shown(explanation, body=True)


def test_nothing_that_a_stranger_wrote_reaches_the_terminal_as_it_is(explained: Explained) -> None:
    hostile = (
        b"From: news@acme.example\r\nSubject: \x1b[2J\x07\xff\xc2\x9b\r\nX-\x1b: a\r\n\r\n\x1b]0;x\x07\r\n"
    )
    said = shown(explained(hostile), body=True)
    assert all(sign.isprintable() or sign == "\n" for sign in said)


@pytest.mark.parametrize(
    ("recipients", "words"),
    [
        (("a@example.net",), "one queue file for one recipient"),
        (("a@example.net", "b@example.net"), "alike: one queue file for 2 recipients"),
    ],
)
def test_one_queue_file_is_told_where_nothing_differs(
    explained: Explained, recipients: tuple[str, ...], words: str
) -> None:
    alike = b'X-MSYS-API: {"options": {"transactional": true}}\r\n'
    assert words in shown(explained(HEAD + alike + HTML, *recipients))


def test_a_refusal_says_whether_to_come_again(explained: Explained) -> None:
    assert shown(explained(HEAD + HTML, "alice")).endswith(
        "refused for good (5xx): it must not be sent again as it is"
    )


def test_recipients_alone_and_nobody_at_all_are_told(
    site: Site, explained: Explained, suppressed: str
) -> None:
    alone = explained(b"", credential="plan/usuario", listener="teenvio", sender=TEENVIO.sender)
    assert shown(alone).endswith("accepted: no message, its recipients are kept as contacts")
    nobody = shown(explained(HEAD + HTML, suppressed))
    assert "accepted, and sent to nobody" in nobody
    assert "not sent to       gone@example.net: suppressed for non-transactional mail of acme" in nobody


@pytest.mark.parametrize("path", corpora.parameters(corpora.messages()))
def test_every_message_of_the_corpora_can_be_explained(path: Path, explained: Explained) -> None:
    tracked = b'X-MSYS-API: {"bcc": ["c@example.net"], "options": {"click_tracking": true}}\n'
    from_acme = (
        tracked + HEAD.split(b"\r\n")[0] + b"\n" + re.sub(rb"(?im)^from", b"X-From", path.read_bytes())
    )
    explanation = explained(from_acme, "alice@example.net", "bob@example.net")
    assert explanation.last.code in (250, 550)
    said = shown(explanation, body=True, every=True)
    assert all(sign.isprintable() or sign == "\n" for sign in said)
    assert len(json.loads(json_text(document(explanation)))["copies"]) in (0, 3)
