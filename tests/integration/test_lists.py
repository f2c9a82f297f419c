"""cc, bcc and archive recipients: who gets a copy, what it shows, whose its links are, what is recorded."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from estafeta_testing.injections import PAYLOADS, PLACES, authorised
from estafeta_testing.outbox import Copy
from estafeta_testing.queue import copies_of, queue_manager_held, split_lines
from estafeta_testing.relay import SENDER, Relay
from estafeta_testing.signatures import Records
from estafeta_testing.smtp import queue_id

ALICE = "alice@example.net"
CC = ("cc1@example.net", "cc2@example.org", "cc3@example.com")
BCC = ("bcc1@example.net", "bcc2@example.org", "bcc3@example.com")
ARCHIVE = ("archive1@example.net", "archive2@example.org")
LISTS: dict[str, list[Any]] = {
    "cc": [{"email": CC[0], "name": "J\u00f6rg"}, CC[1], {"email": CC[2], "name": "Doe, Jane"}],
    "bcc": [BCC[0], {"email": BCC[1], "name": "Bee \U0001f41d"}, {"email": BCC[2], "name": "Bob"}],
    "archive": [*ARCHIVE],
}
SHOWN_CC = (
    "Boss <boss@acme.example>, =?utf-8?B?SsO2cmc=?= <cc1@example.net>, cc2@example.org,"
    ' "Doe, Jane" <cc3@example.com>'
)
SHOWN_BCC = {
    BCC[0]: ["bcc1@example.net"],
    BCC[1]: ["=?utf-8?B?QmVlIPCfkJ0=?= <bcc2@example.org>"],
    BCC[2]: ["Bob <bcc3@example.com>"],
}
TRACKED = {"open_tracking": True, "click_tracking": True}
LINK = "https://example.com/?a=1"


def message(asked: Mapping[str, Any], *fields: str, to: str = f"Alice <{ALICE}>") -> bytes:
    """Return a message with a link in it that asks for this."""
    head = [
        f"From: News <{SENDER}>",
        f"To: {to}",
        *fields,
        "Subject: offer",
        "Content-Type: text/html",
        f"X-MSYS-API: {json.dumps(asked)}",
    ]
    return "\r\n".join([*head, "", f'<body><a href="{LINK}">Go</a></body>', ""]).encode()


def tokens(relay: Relay, copy: Copy) -> Counter[tuple[str, int]]:
    """Return kind and message id of every token in the body of a copy."""
    found = re.findall(rb"/[cou]/([\w-]+)", copy.body)
    read = [relay.links.read(token.decode()) for token in found]
    return Counter((token.kind.name, token.id) for token in read if token is not None)


def own_id(relay: Relay, copy: Copy) -> int:
    """Return the message that return path, X-MSFBL and List-Unsubscribe of a copy name: the same in all."""
    bounce = relay.links.read_bounce_address(copy.return_path)
    feedback = relay.links.read_msfbl(copy.value("X-MSFBL"))
    mailto, url = re.findall(r"<[^>]*[:/]([\w-]+)>", copy.value("List-Unsubscribe"))
    leave = {read.id for token in (mailto, url) if (read := relay.links.read(token))}
    assert bounce is not None
    assert feedback is not None
    assert feedback.rcpt_to == copy.delivered_to
    assert {bounce.id, feedback.message_id} == leave == {bounce.id}
    assert not bounce.shared
    return bounce.id


def assert_signed(relay: Relay, copy: Copy) -> None:
    """Have every signature of a copy verified with the sandbox's own records."""
    verified = Records.of(relay.description).dkimpy(copy.message)
    assert verified
    assert all(verified)


def by_recipient(relay: Relay, sent: str) -> dict[str, Copy]:
    copies = relay.copies(sent)
    found = {copy.delivered_to: copy for copy in copies}
    assert len(found) == len(copies), "one copy each"
    return found


EVERY_COPY = ["Received", "Received", "From", "To", "Cc", "Subject", "Content-Type", "Message-Id", "Date"]
ITS_OWN = ["List-Unsubscribe", "List-Unsubscribe-Post", "X-MSFBL", "DKIM-Signature"]


def test_s39_s46_nine_copies_show_what_they_should_and_tell_their_readers_apart(relay: Relay) -> None:
    sent = relay.send(message({**LISTS, "options": TRACKED}, "Cc: Boss <boss@acme.example>"))
    copies = by_recipient(relay, sent)
    assert set(copies) == {ALICE, *CC, *BCC, *ARCHIVE}
    found = relay.found(sent)
    numbers = {each.rcpt_to: each.message_id for each in found.messages}
    for address, copy in copies.items():
        extra = ["Bcc"] if address in BCC else []
        assert [name for name, _ in copy.headers] == [*EVERY_COPY, *extra, *ITS_OWN]
        assert copy.value("To") == f"Alice <{ALICE}>"
        assert copy.value("Cc") == SHOWN_CC
        assert copy.values("Bcc") == SHOWN_BCC.get(address, [])
        assert own_id(relay, copy) == numbers[address]
        shown = numbers[ALICE if address in ARCHIVE else address]
        assert tokens(relay, copy) == {("INITIAL_OPEN", shown): 1, ("CLICK", shown): 1, ("OPEN", shown): 1}
        Records.of(relay.description).assert_valid(copy.message, "default")
    assert {copies[address].body for address in ARCHIVE} == {copies[ALICE].body}
    assert len({copy.body for copy in copies.values()}) == 7
    same = {tuple(copy.values(name)[0] for name in EVERY_COPY[2:]) for copy in copies.values()}
    assert len(same) == 1
    for address in (ALICE, *CC, *ARCHIVE):
        assert not [
            other for other in BCC + ARCHIVE if other != address and other in str(copies[address].headers)
        ]


def test_s49_s50_s51_everybody_is_counted_under_one_transmission_and_a_click_is_the_readers(
    relay: Relay,
) -> None:
    sent = relay.send(message({**LISTS, "options": TRACKED}))
    copies = by_recipient(relay, sent)
    kinds: dict[str, str | None] = {
        ALICE: None,
        **dict.fromkeys(CC, "cc"),
        **dict.fromkeys(BCC, "bcc"),
        **dict.fromkeys(ARCHIVE, "archive"),
    }
    for path in ("c", "o"):
        (url, *_) = re.findall(rf'"({re.escape(relay.web)}/{path}/[^"]*)"', copies[BCC[1]].body.decode())
        relay.http("GET", url)
    events = relay.events(sent, *["injection", "delivery"] * 9, "click", "initial_open")
    assert len({event["transmission_id"] for event in events}) == 1
    for kind in ("injection", "delivery"):
        told = {event["rcpt_to"]: event.get("rcpt_type") for event in events if event["type"] == kind}
        assert told == kinds
    for kind in ("click", "initial_open"):
        (event,) = [event for event in events if event["type"] == kind]
        assert (event["rcpt_to"], event["rcpt_type"]) == (BCC[1], "bcc")
        assert event["message_id"] == str(own_id(relay, copies[BCC[1]]))


def test_s46_a_click_in_an_archive_copy_counts_as_one_of_the_first_recipient(relay: Relay) -> None:
    sent = relay.send(message({"archive": [ARCHIVE[0]], "options": TRACKED}))
    archive = by_recipient(relay, sent)[ARCHIVE[0]]
    (url,) = re.findall(rf'"({re.escape(relay.web)}/c/[^"]*)"', archive.body.decode())
    assert relay.http("GET", url).location == LINK.encode()
    events = relay.events(sent, *["injection", "delivery"] * 2, "click")
    (click,) = [event for event in events if event["type"] == "click"]
    assert (click["rcpt_to"], click.get("rcpt_type")) == (ALICE, None)


def test_s46_s52_the_archive_of_several_rcpt_to_is_the_first_ones(relay: Relay) -> None:
    with relay.session() as client:
        sent = queue_id(
            client.message(
                SENDER, ["first@example.net", "second@example.net"], message({**LISTS, "options": TRACKED})
            )
        )
    copies = by_recipient(relay, sent)
    assert len(copies) == 10
    assert copies[ARCHIVE[0]].body == copies["first@example.net"].body != copies["second@example.net"].body


def test_s47_b14_one_copy_per_mailbox_by_precedence(relay: Relay) -> None:
    names = ("to", "cc", "bcc", "archive")
    lists = {
        "cc": ["TO@example.net", "cc@Example.NET", "cc@example.net"],
        "bcc": ["to@EXAMPLE.net", "CC@example.net", "bcc@b\u00fccher.example"],
        "archive": [
            "To@example.net",
            "Bcc@xn--bcher-kva.example",
            "archive@example.net",
            "archive@example.NET",
        ],
    }
    sent = relay.send(message({**lists, "options": TRACKED}), "to@example.net", "TO@example.net")
    copies = {address.partition("@")[0].lower(): copy for address, copy in by_recipient(relay, sent).items()}
    assert sorted(copies) == sorted(names)
    assert len(relay.copies(sent)) == 4
    assert {name: copy.values("Bcc") for name, copy in copies.items() if copy.values("Bcc")} == {
        "bcc": ["bcc@xn--bcher-kva.example"]
    }
    assert {copy.value("Cc") for copy in copies.values()} == {"TO@example.net, cc@Example.NET"}
    assert copies["archive"].body == copies["to"].body
    relay.events(sent, *["injection", "delivery"] * 4)


def test_only_what_has_to_be_split_is_split(relay: Relay) -> None:
    """Three messages that differ in tracking and lists alone; counted are queue files and handovers."""
    lists = {"cc": [CC[0]], "archive": [ARCHIVE[0]]}
    plain = {"options": {"transactional": True}}
    cases = [
        (message({**plain, **lists}), 3, 0),
        (message({**plain, **lists, "bcc": [BCC[0]]}), 4, 4),
        (message({"options": {"transactional": True, **TRACKED}, **lists}), 3, 3),
    ]
    for raw, recipients, handed_over in cases:
        sent = relay.send(raw)
        assert len(by_recipient(relay, sent)) == recipients
        assert len(copies_of(relay, sent)) == handed_over
        assert len([line for line in split_lines(relay) if f" {sent}: " in line]) == handed_over


def test_s42_copies_that_are_alike_show_cc_and_share_their_signature(relay: Relay) -> None:
    asked = {"cc": [CC[0]], "archive": [ARCHIVE[0]], "options": {"transactional": True}}
    sent = relay.send(message(asked, "Cc: a@acme.example", "Cc: b@acme.example"))
    copies = by_recipient(relay, sent)
    assert {copy.value("Cc") for copy in copies.values()} == {
        "a@acme.example, b@acme.example, cc1@example.net"
    }
    assert len({copy.value("DKIM-Signature") for copy in copies.values()}) == 1
    for copy in copies.values():
        assert_signed(relay, copy)
    events = relay.events(sent, *["injection", "delivery"] * 3)
    told = {event["rcpt_to"]: event.get("rcpt_type") for event in events if event["type"] == "delivery"}
    assert told == {ALICE: None, CC[0]: "cc", ARCHIVE[0]: "archive"}


@pytest.mark.parametrize(
    ("own", "left"),
    [
        (b'"M\xc3\xbcller, X" <x@acme.example>', b'"M\xc3\xbcller, X" <x@acme.example>'),
        (b"M\xfcller\r\n\t<x@acme.example>", b"=?unknown-8bit?B?TfxsbGVy?=\r\n\t<x@acme.example>"),
        (b"a\rb <x@acme.example>", b"a b <x@acme.example>"),  # Postfix makes a space of a lone CR
        (b"\tx@acme.example  ,\r\n y@acme.example", b"x@acme.example  ,\r\n y@acme.example"),
    ],
)
def test_s42_what_the_client_wrote_of_cc_leaves_as_it_came_or_in_encoded_words(
    relay: Relay, own: bytes, left: bytes
) -> None:
    for asked in ({"cc": [CC[0]], "options": {"transactional": True}}, {"cc": [CC[0]], "bcc": [BCC[0]]}):
        raw = message(asked).replace(b"Subject:", b"Cc: " + own + b"\r\nSubject:", 1)
        for copy in by_recipient(relay, relay.send(raw)).values():
            (value,) = [value for name, value in copy.headers if name == "Cc"]
            assert value == left + b",\r\n cc1@example.net"
            assert_signed(relay, copy)


def test_s43_a_bcc_of_the_clients_own_is_shown_to_nobody(relay: Relay) -> None:
    raw = message(
        {"bcc": [BCC[0]]}, "Bcc: eve@acme.example", "bcc : eve@acme.example", "Resent-Bcc: eve@x.example"
    )
    copies = by_recipient(relay, relay.send(raw))
    assert {address: copy.values("Bcc") for address, copy in copies.items()} == {ALICE: [], BCC[0]: [BCC[0]]}
    assert not [copy for copy in copies.values() if b"eve@" in copy.message]


@pytest.mark.parametrize("kind", ["cc", "bcc", "archive"])
def test_a_suppressed_recipient_of_a_list_gets_nothing_and_is_told_of(relay: Relay, kind: str) -> None:
    sent = relay.send(message({**LISTS, kind: ["suppressed@example.net"], "options": TRACKED}))
    copies = by_recipient(relay, sent)
    assert "suppressed@example.net" not in copies
    assert len(copies) == 1 + sum(len(entries) for name, entries in LISTS.items() if name != kind)
    wanted = ["injection", "delivery"] * len(copies) + ["injection", "bounce"]
    told = [event for event in relay.events(sent, *wanted) if event["rcpt_to"] == "suppressed@example.net"]
    assert {event["type"]: event["rcpt_type"] for event in told} == {"injection": kind, "bounce": kind}
    (bounce,) = [event for event in told if event["type"] == "bounce"]
    assert bounce["bounce_class"] == "25"


def test_a_list_goes_where_rcpt_to_alone_is_suppressed(relay: Relay) -> None:
    sent = relay.send(message(LISTS, to="suppressed@example.net"), "suppressed@example.net")
    copies = by_recipient(relay, sent)
    assert set(copies) == {*CC, *BCC, *ARCHIVE}
    for copy in copies.values():
        own_id(relay, copy)


@pytest.mark.parametrize("kind", ["cc", "bcc", "archive"])
def test_the_last_recipient_left_needs_no_split(relay: Relay, kind: str) -> None:
    asked = {kind: [{"email": "last@example.net", "name": "Last"}], "options": TRACKED}
    sent = relay.send(message(asked, to="suppressed@example.net"), "suppressed@example.net")
    copy = relay.copy(sent)
    assert copies_of(relay, sent) == []
    assert copy.delivered_to == "last@example.net"
    assert copy.values("Bcc") == (["Last <last@example.net>"] if kind == "bcc" else [])
    assert copy.values("Cc") == (["Last <last@example.net>"] if kind == "cc" else [])
    assert_signed(relay, copy)


def test_nobody_is_left_where_all_are_suppressed(relay: Relay) -> None:
    asked = {"cc": ["suppressed@example.net"], "bcc": ["Suppressed@example.net"]}
    sent = relay.send(message(asked), "suppressed@example.net")
    assert relay.copies(sent) == []
    relay.events(sent, "injection", "bounce")


def test_s41_the_sender_is_warned_of_a_to_with_two_recipients(relay: Relay) -> None:
    sent = relay.send(message({"archive": [ARCHIVE[0]]}, to=f"{ALICE}, bob@example.net"))
    assert len(relay.copies(sent)) == 2
    events = relay.events(sent, *["injection", "warning", "delivery"] * 2)
    (reason,) = {event["reason"] for event in events if event["type"] == "warning"}
    assert reason.endswith("it names 2")


LONG_NAMES = {
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 50,
    "right to left": "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "quotes": 'The "Boss" \\ of, all',
    "an address": "ceo@bank.example",
    "encoded words": "=?utf-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?=",
    "1 KB": "N" * 1024,
    "1 KB of words": "name " * 204,
}


@pytest.mark.parametrize("name", LONG_NAMES.values(), ids=LONG_NAMES)
def test_s42_s43_any_name_is_shown_in_lines_that_no_host_breaks(relay: Relay, name: str) -> None:
    asked = {"cc": [{"email": CC[0], "name": name}], "bcc": [{"email": BCC[0], "name": name}]}
    for address, copy in by_recipient(relay, relay.send(message(asked))).items():
        written = [name.encode() + b": " + value for name, value in copy.headers if name in ("Cc", "Bcc")]
        assert max(len(line) for field in written for line in field.split(b"\r\n")) <= 76
        parsed = copy.parsed()
        fields = [parsed["Cc"], parsed["Bcc"]] if address in BCC else [parsed["Cc"]]
        assert [field.addresses[0].addr_spec for field in fields] == [CC[0], BCC[0]][: len(fields)]
        assert all(len(field.addresses) == 1 for field in fields)
        assert_signed(relay, copy)


def test_s48_a_thousand_on_the_lists_and_not_one_more(relay: Relay) -> None:
    many = [f"reader{number}@example{number % 9}.net" for number in range(1001)]
    with relay.session() as client:
        over = client.message(SENDER, [ALICE], message({"cc": many[:400], "bcc": many[400:]}))
        assert over.startswith("550 5.6.0 X-MSYS-API 'cc', 'bcc' and 'archive' are limited to 1000")
    with queue_manager_held(relay):  # that it is taken is enough here
        sent = relay.send(message({"cc": many[:1000]}))
        assert len(relay.found(sent).messages) == 1001
    copies = by_recipient(relay, sent)
    assert len(copies) == 1001
    assert {copy.value("Cc").count("@") for copy in copies.values()} == {1000}


def test_f17_what_postfix_would_cut_is_refused_before_it_is_taken(relay: Relay) -> None:
    """A field of 60,000 bytes is cut where a milter is asked, at the internal listener too."""
    own = "Cc: " + ",\r\n ".join(f"own{number}@department.example.com" for number in range(1400))
    named = [{"email": f"r{number}@example.net", "name": "\u4e2d" * 20} for number in range(300)]
    with relay.session() as client:
        before = relay.sql("SELECT count(*) FROM transmissions")
        reply = client.message(SENDER, [ALICE], message({"cc": named}, own))
        assert reply.startswith("550 5.6.0 The Cc header would be longer than 59000 bytes"), reply
        long = [{"email": f"r{number}@example.net", "name": "N" * 1000} for number in range(50)]
        reply = client.message(SENDER, [ALICE], message({"bcc": long}))
        assert reply.startswith("550 5.5.3 Too many copies"), reply
        assert relay.sql("SELECT count(*) FROM transmissions") == before


def fields_of(copy: Copy) -> Counter[str]:
    return Counter(name.strip().lower() for name, _ in copy.headers)


@pytest.mark.parametrize("place", PLACES)
def test_b7_d9_e6_no_text_becomes_a_field_or_a_recipient_of_a_delivered_message(
    relay: Relay, place: str
) -> None:
    sent: dict[str, dict[str, Any]] = {}
    for payload in PAYLOADS:
        asked = PLACES[place](payload)
        with relay.session() as client:  # each in its own: smtpd hangs up after twenty refusals
            reply = client.message(SENDER, [ALICE], message(asked))
        assert reply.startswith(("250 2.0.0 Ok: queued as ", "550 5.6.0 ")), reply
        if reply.startswith("250"):
            sent[queue_id(reply)] = asked
    for id_, asked in sent.items():
        copies = by_recipient(relay, id_)
        assert set(copies) == {ALICE} | authorised(asked)
        for address, copy in copies.items():
            found = fields_of(copy)
            assert (found["from"], found["to"], found["cc"]) == (1, 1, int("cc" in asked))
            assert found["bcc"] == int(address == "bcc@example.net")
            assert set(found) <= {name.lower() for name in (*EVERY_COPY, *ITS_OWN, "Bcc")}
            assert b"another body" not in copy.message
            assert copy.body.startswith(b"<body>")
