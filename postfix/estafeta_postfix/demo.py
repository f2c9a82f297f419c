"""The demonstration: one real message of a SparkPost client through a sandbox, each step checked.

A message goes in over STARTTLS and AUTH LOGIN with an X-MSYS-API header. What the recipient gets is
looked at, its link and pixel are fetched from the running web service, and the events are read back
through `estafeta show`.
"""

import email
import email.policy
import json
import re
import smtplib
import ssl
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, TypeVar

RECIPIENT = "reader@example.com"
TARGET = "https://shop.example.com/offer?item=7&colour=green"
PATIENCE = 15.0  # seconds for what takes well under one on an idle machine

_T = TypeVar("_T")
_LINK = re.compile(r'<a href="([^"]+)"')
_PIXEL = re.compile(r'<img[^>]+src="([^"]+)"')


@dataclass(slots=True)
class Report:
    """What was expected and whether it was so, a line each."""

    say: Callable[[str], None]
    failures: int = 0

    def check(self, ok: bool, expected: str, found: object = "") -> bool:
        """Note one expectation; `found` is shown when it was not met."""
        self.failures += not ok
        self.say(f"  ✓ {expected}" if ok else f"  ✗ {expected}; found: {found!s:.500}")
        return ok


@dataclass(slots=True)
class Delivered:
    """What lies in the outbox."""

    raw: bytes
    html: str = field(init=False)
    text: str = field(init=False)
    message: EmailMessage = field(init=False)

    def __post_init__(self) -> None:
        self.message = email.message_from_bytes(self.raw, _class=EmailMessage, policy=email.policy.SMTP)
        self.html = self._part("html")
        self.text = self._part("plain")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return part.get_content() if part is not None else ""


def run(sandbox: dict[str, Any], say: Callable[[str], None]) -> int:
    """Go through the demonstration in a running sandbox; return how many expectations failed."""
    report = Report(say)
    say("\nA SparkPost client sends a message:")
    queue_id = _send(sandbox, report)
    if not queue_id:
        return report.failures
    say("\nThe recipient gets it:")
    delivered = _delivered(sandbox, report)
    if delivered is None:
        return report.failures
    _check_delivered(sandbox, delivered, report)
    say("\nThe recipient opens it and follows the link:")
    _visit(delivered, report)
    say("\nWhat was recorded:")
    _check_recorded(sandbox, queue_id, report)
    say("\n--- the message as it left ---\n")
    say(delivered.raw.decode("utf-8", "replace").replace("\r\n", "\n"))
    say(f"--- estafeta show {queue_id} ---\n")
    say(_show(sandbox, queue_id))
    return report.failures


def message() -> EmailMessage:
    """Return the message that is sent."""
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"] = "Acme News <news@acme.example>"
    made["To"] = RECIPIENT
    made["Subject"] = "A green offer"
    made["X-MSYS-API"] = json.dumps(
        {
            "campaign_id": "demo",
            "metadata": {"customer": 4711},
            "tags": ["demo", "green"],
            "options": {"open_tracking": True, "click_tracking": True},
        }
    )
    made.set_content(f"Our offer: {TARGET}\n")
    made.add_alternative(
        f'<html><body><p>Our <a href="{TARGET.replace("&", "&amp;")}">offer</a>.</p></body></html>\n',
        subtype="html",
    )
    return made


def _send(sandbox: dict[str, Any], report: Report) -> str:
    """Send the message; return its queue id, or nothing when it was not taken."""
    listener = sandbox["listeners"][0]
    credential = sandbox["credentials"][0]
    context = ssl.create_default_context(cafile=sandbox["ca_file"])
    try:
        with smtplib.SMTP(listener["host"], listener["port"], timeout=PATIENCE) as client:
            client.starttls(context=context)
            report.check(True, f"STARTTLS on {listener['name']}, the certificate is the sandbox's")
            client.ehlo()
            client.user, client.password = credential["username"], credential["password"]
            code, reply = client.auth("LOGIN", client.auth_login)
            report.check(code == 235, "AUTH LOGIN with user name SMTP_Injection and the API key: 235", reply)
            client.mail("bounces@acme.example")
            client.rcpt(RECIPIENT)
            code, answer = client.data(message().as_bytes())
    except (smtplib.SMTPException, OSError) as error:
        report.check(False, "the message is accepted", error)
        return ""
    queued = re.search(r"queued as (\S+)", answer.decode("ascii", "replace"))
    report.check(
        code == 250 and queued is not None, f"the message is accepted: {code} {answer.decode()}", answer
    )
    return queued[1] if queued else ""


def _delivered(sandbox: dict[str, Any], report: Report) -> Delivered | None:
    folder = Path(sandbox["outbox"]) / "new"
    found = _wait(lambda: next((path for path in folder.iterdir() if _is_for_recipient(path)), None))
    report.check(found is not None, f"one message for {RECIPIENT} in {folder}", "none")
    return Delivered(found.read_bytes()) if found else None


def _is_for_recipient(path: Path) -> bool:
    return f"\r\nDelivered-To: {RECIPIENT}\r\n".encode() in path.read_bytes()[:1000]


def _check_delivered(sandbox: dict[str, Any], delivered: Delivered, report: Report) -> None:
    headers = delivered.message
    report.check("X-MSYS-API" not in headers, "X-MSYS-API is gone")
    report.check(
        re.fullmatch(r"<b\+[^@]+@[^@]+>", str(headers["Return-Path"])) is not None,
        "the return path is ours, so that bounces come back to us",
        headers["Return-Path"],
    )
    report.check("List-Unsubscribe" in headers, "List-Unsubscribe is there", "no such header")
    report.check(
        headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click",
        "List-Unsubscribe-Post asks for one click",
        headers["List-Unsubscribe-Post"],
    )
    report.check("X-MSFBL" in headers, "X-MSFBL is there, for complaints", "no such header")
    tracked = f"{sandbox['web']}/c/"
    link = _LINK.search(delivered.html)
    report.check(link is not None and link[1].startswith(tracked), "the HTML link is tracked", delivered.html)
    report.check(tracked in delivered.text, "the plain-text link is tracked", delivered.text)
    pixels = _PIXEL.findall(delivered.html)
    report.check(len(pixels) == 2, "there are two open pixels, first thing and last thing", pixels)


def _visit(delivered: Delivered, report: Report) -> None:
    link = _LINK.search(delivered.html)
    if link is not None:
        answer = _get(link[1])
        location = answer.getheader("Location")
        report.check(
            answer.status == 302 and location == TARGET,
            f"the link leads to {TARGET}",
            (answer.status, location),
        )
    for pixel in _PIXEL.findall(delivered.html):
        answer = _get(pixel)
        found = (answer.status, answer.getheader("Content-Type"))
        report.check(found == (200, "image/gif"), "a pixel is a GIF", found)


def _check_recorded(sandbox: dict[str, Any], queue_id: str, report: Report) -> None:
    expected = {"injection", "delivery", "initial_open", "open", "click"}
    recorded: set[str] = set()

    def complete() -> bool | None:
        said = _show(sandbox, queue_id, "--json")
        if said.startswith("{"):
            recorded.update(event["type"] for event in json.loads(said)["events"])
        return expected <= recorded or None

    _wait(complete)
    for kind in sorted(expected):
        report.check(kind in recorded, f"{kind} event under queue id {queue_id}", sorted(recorded))


def _show(sandbox: dict[str, Any], queue_id: str, *options: str) -> str:
    estafeta = [sys.executable, "-m", "estafeta_postfix", "--config", sandbox["config"]]
    command = [*estafeta, "show", queue_id, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _get(url: str) -> HTTPResponse:
    """Return the answer to one GET, body read; redirects are not followed."""
    parts = urllib.parse.urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=PATIENCE)
    try:
        connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def _wait(look: Callable[[], _T | None]) -> _T | None:
    give_up = time.monotonic() + PATIENCE
    while (found := look()) is None and time.monotonic() < give_up:
        time.sleep(0.05)
    return found
