"""What comes back of delivered mail, which any host has to take: links that are followed, and bounces."""

import base64
import http.client
import re
import smtplib
import ssl
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

from estafeta_chaos.outcome import Arrival
from estafeta_hosts.stage import CLIENTS, PROXY, WEB
from estafeta_postfix.capture import reports
from estafeta_postfix.capture.session import Message
from estafeta_postfix.ports import LOOPBACK
from estafeta_testing.outbox import Copy
from estafeta_testing.relay import BROWSER

READER = CLIENTS[3]  # where recipients sit
ATTACHMENT = bytes(range(256)) * 100
HOSTED_FOR = "hosted@example.net"
HOSTED = (
    "From: remitente@dominio.example\r\nSubject: con adjunto\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n"
    "Content-Type: multipart/alternative; boundary=alt\r\n\r\n--alt\r\n\r\nHola\r\n--alt\r\n"
    'Content-Type: text/html\r\n\r\n<p>Hola</p><a href="https://example.com/">Ver</a>\r\n--alt--\r\n--out\r\n'
    "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\n"
    f"{base64.encodebytes(ATTACHMENT).decode().replace(chr(10), chr(13) + chr(10))}--out--\r\n"
).encode()

_URL = re.compile(rf"{re.escape(WEB)}/(\w)/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the web service said."""

    status: int
    location: str
    body: bytes


def ask(method: str, url: str, body: str | None = None) -> Answer:
    """Ask HAProxy, as a recipient's browser does before it follows anything."""
    place = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(PROXY, timeout=30, context=context, source_address=(READER, 0))
    headers = {"Host": place.netloc, "User-Agent": BROWSER}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    with closing(connection):
        connection.request(method, place.path, body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers["Location"] or "", answer.read())


def urls(copy: Copy) -> list[tuple[str, str]]:
    """Return kind and URL of each link that a copy has."""
    text = copy.message.decode("utf-8", "replace")
    for part in copy.parsed().walk():
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            text += payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    return [(found[1], found[0]) for found in _URL.finditer(text)]


def followed(arrivals: Iterable[Arrival]) -> list[str]:
    """Follow links of these copies, one of each kind; return what was not answered as it should be."""
    wrong = []
    for arrival in arrivals:
        for kind, url in dict(urls(arrival.copy)).items():  # one of each kind
            answer = ask("POST", url, "List-Unsubscribe=One-Click") if kind == "u" else ask("GET", url)
            right = answer.location.startswith("https://example.com") if kind == "c" else answer.status == 200
            if not right:
                wrong.append(f"{kind} {url}: {answer.status} {answer.location} {answer.body[:80]!r}")
    return wrong


def bounced(copy: Copy, intake: int) -> None:
    """Tell the intake on this machine, on that port, that a copy could not be delivered."""
    sender, recipient = copy.return_path.encode(), copy.delivered_to.encode()
    report = reports.delivery_status(Message(sender, (recipient,), copy.message), recipient)
    with smtplib.SMTP(LOOPBACK, intake, timeout=30) as client:
        client.sendmail("", [copy.return_path], report)
