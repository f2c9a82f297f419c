"""What is kept of a message: each recipient's web version, its files and images, and the lists of them."""

import base64
import json
import re
import subprocess
import sys
import urllib.parse
from dataclasses import dataclass
from email.message import Message

import pytest

from estafeta_testing.outbox import Copy
from estafeta_testing.relay import Relay
from estafeta_web.answers import PIXEL

ATTACHMENT = bytes(range(256)) * 100
NAME = "año 2026.pdf"
RECIPIENTS = ("web-alice@example.net", "web-bob@example.net")
MESSAGE = b"""From: remitente@dominio.example
Subject: con adjunto
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=out

--out
Content-Type: multipart/related; boundary=rel

--rel
Content-Type: multipart/alternative; boundary=alt

--alt
Content-Type: text/plain; charset=utf-8

Hola
--alt
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<html><body><p>A=F1o</p><a href=3D"https://example.com/?a=3D1&amp;b=3D2">Ver</a>=
<img src=3D"cid:logo%%40here"></body></html>
--alt--
--rel
Content-Type: image/gif
Content-ID: <logo@here>
Content-Transfer-Encoding: base64

%s
--rel--
--out
Content-Type: application/pdf
Content-Disposition: attachment; filename*=utf-8''a%%C3%%B1o%%202026.pdf
Content-Transfer-Encoding: base64

%s
--out--
""" % (base64.b64encode(PIXEL), base64.encodebytes(ATTACHMENT))

_URL = re.compile(r'(?:href|src)="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Sent:
    """One message to two recipients."""

    queue_id: str
    copies: dict[str, Copy]

    def html(self, recipient: str) -> bytes:
        """Return the HTML that a recipient got."""
        part = self.copies[recipient].parsed().get_body(("html",))
        assert part is not None
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        return content

    def urls(self, recipient: str, kind: str) -> list[str]:
        """Return the links of one kind in it."""
        return [url for url in _URL.findall(self.html(recipient).decode("latin-1")) if f"/{kind}/" in url]


@pytest.fixture(scope="module")
def sent(relay: Relay) -> Sent:
    queue_id = relay.send(
        MESSAGE.replace(b"\n", b"\r\n"),
        *RECIPIENTS,
        sender="remitente@dominio.example",
        credential="plan/usuario",
        listener="teenvio-58700",
    )
    return Sent(queue_id, {copy.delivered_to: copy for copy in relay.copies(queue_id)})


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_t33_a_web_version_is_what_its_recipient_got_byte_for_byte(
    relay: Relay, sent: Sent, recipient: str
) -> None:
    (url,) = sent.urls(recipient, "w")
    answer = relay.http("GET", url)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=iso-8859-1"
    assert answer.body.rstrip() == sent.html(recipient).rstrip()
    assert b"A\xf1o" in answer.body


def test_the_web_versions_of_two_recipients_differ_in_their_own_links_alone(relay: Relay, sent: Sent) -> None:
    pages = [relay.http("GET", sent.urls(recipient, "w")[0]).body for recipient in RECIPIENTS]
    assert pages[0] != pages[1]
    without = [re.sub(rb"/[couw]/[A-Za-z0-9_-]+", b"", page) for page in pages]
    assert without[0] == without[1]


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_t29_an_attachment_fetched_back_is_what_was_sent(relay: Relay, sent: Sent, recipient: str) -> None:
    leads = [relay.http("GET", url).location.decode("ascii") for url in sent.urls(recipient, "c")]
    (file,) = [url for url in leads if "/f/" in url]
    answer = relay.http("GET", file)
    assert answer.body == ATTACHMENT
    assert file_name(answer.headers) == NAME
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def file_name(headers: Message) -> str:
    _, _, extended = str(headers["Content-Disposition"]).partition("filename*=UTF-8''")
    return urllib.parse.unquote(extended)


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_t31_an_image_fetched_back_is_what_was_sent(relay: Relay, sent: Sent, recipient: str) -> None:
    (url,) = sent.urls(recipient, "i")
    answer = relay.http("GET", url)
    assert (answer.body, answer.headers["Content-Type"]) == (PIXEL, "image/gif")


def test_t42_t46_a_send_is_listed_and_shown_by_both_ids(relay: Relay, sent: Sent) -> None:
    listed = relay.estafeta("send", "list", "--account", "plan", "--json").stdout
    (send,) = [each for each in map(json.loads, listed.splitlines()) if each["queue_id"] == sent.queue_id]
    assert (send["mark"], send["subject"], send["recipients"]) == ("SMTP", "con adjunto", 2)
    for id_text in (sent.queue_id, send["transmission_id"]):
        assert sent.queue_id in relay.estafeta("send", "show", id_text).stdout


def test_t45_the_recipients_of_a_send_are_a_group(relay: Relay, sent: Sent) -> None:
    shown = json.loads(relay.estafeta("group", "show", sent.queue_id, "--json").stdout)
    assert shown["addresses"] == list(RECIPIENTS)
    assert shown["name"].startswith("SMTP ")
    listed = relay.estafeta("group", "list", "--account", "plan").stdout
    assert shown["group_id"] in listed


def test_t47_the_html_of_a_send_is_listed_and_printed(relay: Relay, sent: Sent) -> None:
    listed = relay.estafeta("content", "list", "--account", "plan", "--json").stdout
    assert sent.queue_id in [json.loads(line)["queue_id"] for line in listed.splitlines()]
    command = [sys.executable, "-m", "estafeta_postfix", "--config", str(relay.config), "content", "show"]
    printed = subprocess.run([*command, sent.queue_id], capture_output=True, check=True, timeout=60).stdout
    pages = [relay.http("GET", sent.urls(recipient, "w")[0]).body for recipient in RECIPIENTS]
    assert printed in pages
