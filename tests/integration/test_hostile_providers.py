"""What a hostile customer of a provider, or what he relays, may try: resources, senders, files, the queue.

Each message gets an answer for good and at once; nobody is shown as somebody else; what one command, one
requeue or one user of the host does, changes nothing for others.
"""

import base64
import re
import time

import pytest

from estafeta_testing.queue import postfix, queue_manager_held
from estafeta_testing.relay import SENDER, Relay
from estafeta_testing.smtp import queue_id

SLOWEST = 5.0  # seconds for the reply to the final dot, on a machine with other tests; under 2 alone (R4)
LONGEST_LINE = 998  # RFC 5322 section 2.1.1

TEENVIO = ("plan/usuario", "teenvio-58700", "remitente@dominio.example")
DEVINO = ("website/1website", "devino-587", "noreply@devino.example")
EMITLO = ("yourdomain/prod", "emitlo-587", "hello@yourdomain.example")
PERFIT = ("micuenta/main", "perfit-2525", "yo@midominio.example")
SPARKPOST = ("acme/main", "sparkpost-587", SENDER)
CUSTOMERS = {"teenvio": TEENVIO, "devino": DEVINO, "emitlo": EMITLO, "perfit": PERFIT, "sparkpost": SPARKPOST}
Customer = tuple[str, str, str]

PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n\r\nHola\r\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def html(markup: bytes) -> bytes:
    return b"Content-Type: text/html; charset=utf-8\r\n\r\n" + markup + b"\r\n"


def multipart(*parts: bytes, kind: bytes = b"mixed", boundary: bytes = b"=_b") -> bytes:
    delimited = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    field = b"Content-Type: multipart/" + kind + b'; boundary="' + boundary + b'"\r\n\r\n'
    return field + delimited + b"--" + boundary + b"--\r\n"


def answer(relay: Relay, customer: Customer, content: bytes, fields: str = "From: ME") -> str:
    """Return the reply to the final dot; ME in the header fields is the customer's own sender."""
    credential, listener, sender = customer
    head = fields.replace("ME", sender).encode() + b"\r\n"
    with relay.session(credential, listener=listener) as client:
        return client.message(sender, ["alice@example.net"], head + content)


TWO_TEXTS = multipart(PLAIN, html(b"<p>Hola</p>"), kind=b"alternative")


def spelt(number: int) -> bytes:
    """Return one of the 65,536 ways in which upper and lower case spell sixteen letters."""
    return bytes(ord("A") if number >> place & 1 else ord("a") for place in range(16))


def nested(innermost: bytes, depth: int = 40) -> bytes:
    for level in range(depth):
        innermost = multipart(innermost, boundary=b"=_%02d_" % level)
    return innermost


SPELLINGS = html(b"<style>" + b"\r\n".join(b"url(cid:%s)" % spelt(n) for n in range(9_900)) + b"</style>")
ALIKE = [b"Content-Type: image/png\r\nContent-ID: <%s>\r\n\r\n%s" % (spelt(0), PNG) for _ in range(940)]
HOSTILE = {
    "10,000 spellings of the id of 940 images": multipart(PLAIN, SPELLINGS, *ALIKE),
    "the same, 40 multiparts down": nested(multipart(PLAIN, SPELLINGS, *ALIKE)),
    "25,000 references to one image": multipart(PLAIN, html(b'<img src="cid:x">' * 25_000)),
    "a reference that never ends": multipart(PLAIN, html(b"<style>" + b"cid:" * 100_000 + b"</style>")),
    "30,000 tags": multipart(PLAIN, html(b"[Unsubscribe]" * 30_000)),
    "10,000 attachments of a byte": multipart(PLAIN, html(b"<p>"), *[b"\r\n1"] * 10_000),
    "950 different attachments": multipart(
        PLAIN,
        html(b"<p>"),
        *[b"Content-Type: application/octet-stream\r\n\r\n%d" % number for number in range(950)],
    ),
    "45,000 attributes before a style": multipart(
        PLAIN, html(b"<p " + b" ".join(b"a%d=cid" % n for n in range(40_000)) + b' style="cid:1">')
    ),
    "900 texts": multipart(PLAIN, *[html(b'<a href="https://a.example/%d">x</a>' % n) for n in range(900)]),
    "25,000 meta tags": multipart(PLAIN, html(b"<meta charset=x>" * 25_000)),
    "UTF-7": multipart(PLAIN, html(b"+AFs-Unsubscribe+AF0- +ADw-script+AD4-").replace(b"=utf-8", b"=utf-7")),
    "ISO-2022-JP": multipart(
        PLAIN, html(b"\x1b$B!!\x1b(B[Unsubscribe]\0").replace(b"=utf-8", b"=iso-2022-jp")
    ),
    "a name of 90 pieces on each of 200 files": multipart(
        PLAIN,
        html(b"<p>"),
        *[
            b"Content-Type: application/x;"
            + b";".join(b" name*%d*=%%41" % piece for piece in range(90))
            + b"\r\n\r\n%d" % n
            for n in range(200)
        ],
    ),
}


@pytest.mark.parametrize("customer", [TEENVIO, DEVINO], ids=["teenvio", "devino"])
@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_message_gets_its_answer_at_once(relay: Relay, raw: bytes, customer: Customer) -> None:
    started = time.monotonic()
    reply = answer(relay, customer, raw)
    assert time.monotonic() - started < SLOWEST
    assert reply.startswith(("250 ", "500 ", "552 ", "554 ")), reply
    if reply.startswith("250"):
        lines = relay.copy(queue_id(reply)).message.split(b"\r\n")
        assert max(map(len, lines)) <= LONGEST_LINE


ENCODED = "victim=40bank=2Eexample"
# Each shows an address of another domain to some reader of mail; ME is the sender's own.
SPOOFS = {
    "two fields": "From: ME\r\nFrom: victim@bank.example",
    "a second one with a space before its colon": "X: y\r\nFrom : victim@bank.example\r\nFrom: ME",
    "a list": "From: ME, victim@bank.example",
    "a group": "From: g: ME;",
    "a name": 'From: "victim@bank.example" <ME>',
    "two in brackets": "From: <ME> <victim@bank.example>",
    "a comment": "From: ME (victim@bank.example)",
    "a route": "From: <@bank.example:ME>",
    "an encoded word": f"From: =?utf-8?Q?{ENCODED}?= <ME>",
    "an encoded word with a language": f"From: =?utf-8*en?Q?{ENCODED}?= <ME>",
    "two of them": "From: =?utf-8?Q?victim=40?= =?us-ascii?Q?bank=2Eexample?= <ME>",
    "UTF-7": "From: =?utf-7?Q?victim+AEA-bank.example?= <ME>",
    "EBCDIC": f"From: =?cp037?B?{base64.b64encode('victim@bank.example'.encode('cp037')).decode()}?= <ME>",
    "a charset nobody knows": f"From: =?x-unknown?Q?{ENCODED}?= <ME>",
    "no charset": f"From: =??Q?{ENCODED}?= <ME>",
    "a byte that is not in the charset": f"From: =?utf-8?Q?{ENCODED}=FF?= <ME>",
    "a space in an encoded word": f"From: =?utf-8?Q?{ENCODED} ok?= <ME>",
    "base64 that is not": f"From: =?utf-8?B?{base64.b64encode(b'victim@bank.example').decode()}!?= <ME>",
    "a wide at": "From: victim\uff20bank\uff0eexample <ME>",
    "a sign of no width": 'From: "victim@\u200bbank.example" <ME>',
    "a tag, which nobody shows": 'From: "victim@\U000e0020bank.example" <ME>',
    "a selector, which nobody shows": 'From: "victim@\U000e0100bank.example" <ME>',
    "the other direction": 'From: "\u202eelpmaxe.knab@mitciv" <ME>',
    "a longer domain": "From: <MEx>",
}


REFUSED_SENDER = ("550 5.7.1 ", "553 ", "554 Transaction failed: Disallowed source address")


@pytest.mark.parametrize("customer", CUSTOMERS.values(), ids=CUSTOMERS)
@pytest.mark.parametrize("spoof", SPOOFS.values(), ids=SPOOFS)
def test_e1_nobody_shows_an_address_that_is_not_his(relay: Relay, spoof: str, customer: Customer) -> None:
    assert answer(relay, customer, TWO_TEXTS, spoof).startswith(REFUSED_SENDER)


@pytest.mark.parametrize(
    "name", ["José", "=?utf-8?Q?Jos=C3=A9?=", "=?x-unknown?Q?Jos=E9?=", "=?utf-8?Q?Jos=E9 P?="]
)
def test_e1_a_name_without_an_address_may_be_written_in_any_way(relay: Relay, name: str) -> None:
    assert answer(relay, SPARKPOST, TWO_TEXTS, f"From: {name} <ME>").startswith("250 ")


REPLY_TO = [
    "Reply-To: victim@bank.example",
    "Reply-To: ME\r\nReply-To: victim@bank.example",
    "Reply-To : victim@bank.example",
    "Reply-To: g: victim@bank.example;",
    f"Reply-To: =?utf-8?Q?{ENCODED}?=",
    'Reply-To: "victim@bank.example" <ME>',
]


@pytest.mark.parametrize("field", REPLY_TO)
def test_e4_teenvio_sends_answers_to_validated_addresses_alone(relay: Relay, field: str) -> None:
    reply = answer(relay, TEENVIO, TWO_TEXTS, f"From: ME\r\n{field}")
    assert reply == "553 Remitente no existente o no validado desde su plan de teenvio"


@pytest.mark.parametrize("value", ["victim@bank.example", "ME, victim@bank.example", "g: a@b.example;"])
def test_e4_devino_shows_confirmed_senders_alone(relay: Relay, value: str) -> None:
    reply = answer(relay, DEVINO, TWO_TEXTS, f"From: ME\r\nSender: {value}")
    assert reply.startswith("554 Transaction failed: Disallowed source address: ")


# Ways to write a program so that readers offer it as a file, and we may see something else.
PROGRAMS = {
    "a type nobody can read": b"Content-Type: garbage; name=evil.exe",
    "an image by its type": b'Content-Type: image/png; name="evil.exe"',
    "an inline image by its type": b"Content-Type: image/png\r\n"
    b'Content-Disposition: inline; filename="evil.exe"',
    "an empty type": b'Content-Type:\r\nContent-Disposition: inline; filename="evil.exe"',
    "a multipart without a boundary": b"Content-Type: multipart/x; name=evil.exe",
    "a multipart without parts": b"Content-Type: multipart/x; boundary=z; name=evil.exe",
    "a name that is not the first": b"Content-Type: image/png; name=a.png; name=evil.exe",
    "a name behind what cannot be read": b"Content-Type: image/png; =; name=evil.exe",
    "two types": b"Content-Type: image/png\r\nContent-Type: application/x-msdownload; name=evil.exe",
    "a type in a comment": b"Content-Type: (x) application/zip; name=evil.exe",
    "dots at the end": b'Content-Disposition: attachment; filename="evil.pdf.exe. . "',
    "a multipart with two boundaries": b"Content-Type: multipart/mixed; boundary=z; boundary=y\r\n\r\n"
    b"--z\r\nContent-Disposition: attachment; filename=evil.exe\r\n\r\nMZ\r\n--z--",
}
TAGGED = html(b"[Unsubscribe] [WebVersion]")


@pytest.mark.parametrize("fields", PROGRAMS.values(), ids=PROGRAMS)
def test_d13_a_program_is_no_image_whatever_is_said_of_it(relay: Relay, fields: bytes) -> None:
    reply = answer(relay, DEVINO, multipart(TAGGED, fields + b"\r\n\r\nMZ"))
    assert reply.startswith("554 Transaction failed: ")


OUTER = {
    "two boundaries": (b"; boundary=", b"; boundary=other; boundary="),
    "a boundary of RFC 2231": (b'; boundary="=_b"', b"; boundary*=utf-8''%3D_b"),
    "a transfer encoding": (b"Content-Type:", b"Content-Transfer-Encoding: base64\r\nContent-Type:"),
    "two types": (b"Content-Type:", b"Content-Type: text/plain\r\nContent-Type:"),
}


@pytest.mark.parametrize(("written", "instead"), OUTER.values(), ids=OUTER)
def test_d13_a_multipart_that_readers_take_apart_differently_is_refused(
    relay: Relay, written: bytes, instead: bytes
) -> None:
    program = b"Content-Disposition: attachment; filename=evil.exe\r\n\r\nMZ"
    reply = answer(relay, DEVINO, multipart(TAGGED, program).replace(written, instead, 1))
    assert reply.startswith("554 Transaction failed: This message is not taken apart: ")


def test_d13_an_image_under_its_own_name_is_taken(relay: Relay) -> None:
    image = b'Content-Type: image/png; name="photo 1.2.PNG"\r\nContent-Disposition: inline\r\n\r\n' + PNG
    assert answer(relay, DEVINO, multipart(TAGGED, image, kind=b"related")).startswith("250 ")


def test_d14_a_flood_of_recipients_is_refused_in_devinos_words(relay: Relay) -> None:
    flood = "From: ME" + "\r\nTo: bob@example.net" * 900
    reply = answer(relay, DEVINO, TAGGED, flood)
    assert reply == "554 Transaction failed: Invalid recipient address: more than 10 fields To"


UNKNOWN = ["XUNKNOWN", "HELP", "X504PARAMETER", "X500SYNTAX"]


@pytest.mark.parametrize("customer", CUSTOMERS.values(), ids=CUSTOMERS)
def test_unknown_commands_in_a_message_change_nothing_of_it(relay: Relay, customer: Customer) -> None:
    credential, listener, sender = customer
    with relay.session(credential, listener=listener) as client:
        for line in (f"MAIL FROM:<{sender}>", "RCPT TO:<alice@example.net>"):
            for unknown in UNKNOWN:
                assert client.command(unknown).startswith("5")
            assert client.command(line).startswith("250")
        assert client.command("XUNKNOWN").startswith("5")
        assert client.command("DATA").startswith("354")
        client.send(f"From: {sender}\r\nSubject: whole\r\n".encode() + TWO_TEXTS + b".\r\n")
        copy = relay.copy(queue_id(client.reply()))
    assert copy.values("Subject") == ["whole"]
    assert len(copy.values("X-MSFBL")) == 1


@pytest.mark.parametrize("recipients", [("alice@example.net",), ("alice@example.net", "bob@example.net")])
def test_b16_what_an_operator_requeues_is_still_tracked_and_told(
    relay: Relay, recipients: tuple[str, ...]
) -> None:
    """`postsuper -r`, which operators do after each repair: the message goes through another cleanup(8)."""
    tracked = b'X-MSYS-API: {"options": {"open_tracking": true, "click_tracking": true}}\r\n'
    content = f"From: {SENDER}\r\n".encode() + tracked + html(b'<a href="https://a.example/">x</a>')
    with queue_manager_held(relay):
        sent = relay.send(content, *recipients)
        postfix(relay, "postsuper", "-r", sent)
    relay.flush()  # pickup(8) would look by itself within a minute
    relay.events(sent, *["injection", "delivery"] * len(recipients))
    copies = [copy.message for copy in relay.delivered(sent)]
    assert len(copies) == len(recipients)
    for copy in copies:
        assert b"x-estafeta-" not in copy.lower()
        assert (copy.count(b"/o/"), copy.count(b"/c/")) == (2, 1)
        assert len(re.findall(rb"^List-Unsubscribe:", copy, re.MULTILINE)) == 1


def test_every_daemon_has_survived(relay: Relay) -> None:
    """Runs behind the others: nobody was started again, nothing failed, and each record is one line."""
    for log in (relay.dir / "log").iterdir():
        text = log.read_bytes()
        assert b"Traceback" not in text, log.name
        assert b"failed at the end" not in text, log.name
        assert b"starting another" not in text, log.name
        if log.name != "postfix.log":
            lines = text.splitlines()
            assert all(line.startswith(b"estafeta/") and line.isascii() for line in lines), log.name
