"""The SMTP clients that applications and people use, each with STARTTLS and AUTH LOGIN."""

import email.message
import json
import os
import re
import shutil
import smtplib
import subprocess
from pathlib import Path

import pytest

from estafeta_testing import sandbox as testing
from estafeta_testing.relay import SENDER, Relay

NODEMAILER = Path(__file__).parents[1] / "clients" / "nodemailer.js"
NODE = shutil.which("node") or ""
# Where Debian's node packages are; a node that is not Debian's does not look there by itself.
NODE_ENVIRONMENT = {"NODE_PATH": "/usr/share/nodejs", **os.environ}
RECIPIENT = "alice@example.net"
CAMPAIGN = "frühling in the park, with a name that is long"
HEADER = {
    "campaign_id": CAMPAIGN,
    "metadata": {"order": 7, "customer": "a customer whose name makes the header longer than a line may be"},
    "options": {"open_tracking": True, "click_tracking": True},
}
URL = "https://example.com/path?a=1&b=zwei%20drei#here"
HTML = f'<html><body><p>Grüße! <a href="{URL.replace("&", "&amp;")}">Go</a></p></body></html>'
TEXT = f"Grüße! {URL}\n"
QUEUED = re.compile(r"250 2\.0\.0 Ok: queued as (\w+)")


def assert_tracked(relay: Relay, queue_id: str) -> None:
    """Check the delivered message and its events, as an independent reader shows them."""
    copy = relay.copy(queue_id)
    assert copy.delivered_to == RECIPIENT
    assert copy.values("X-MSYS-API") == []
    assert " with ESMTPSA id " in copy.values("Received")[0]
    message = copy.parsed()
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert seen(relay, html.get_content()) == HTML.replace("<p>", "{initial_open}<p>").replace(
        "</body>", "{open}</body>"
    ).replace(URL.replace("&", "&amp;"), f"{{click {URL}}}")
    assert seen(relay, text.get_content()).replace("\r\n", "\n") == TEXT.replace(URL, f"{{click {URL}}}")
    injection, delivery = relay.events(queue_id, "injection", "delivery")
    for event in (injection, delivery):
        assert event["campaign_id"] == CAMPAIGN
        assert event["rcpt_meta"] == HEADER["metadata"]
        assert event["rcpt_to"] == RECIPIENT


def seen(relay: Relay, text: str) -> str:
    """Return `text` with what each token stands for in its place."""
    text = re.sub(
        r"<img [^>]*\bsrc=\"([^\"]*)\">", r"\1", text.rstrip("\r\n") + ("\n" if "<" not in text else "")
    )

    def said(match: re.Match[str]) -> str:
        token = relay.links.read(match[1])
        assert token is not None, match[0]
        target = f" {token.target.decode()}" if token.target else ""
        return f"{{{token.kind.name.lower()}{target}}}"

    return re.sub(rf"{relay.web}/[co]/([\w-]+)(?:\.gif)?", said, text)


@pytest.mark.skipif(not shutil.which("swaks"), reason="swaks is not installed (Debian package swaks)")
def test_swaks_sends_a_message(relay: Relay, tmp_path: Path) -> None:
    place, credential = relay.listener(), relay.credential()
    message = tmp_path / "message.eml"
    message.write_text(
        f"From: {SENDER}\nTo: {RECIPIENT}\nSubject: swaks\nMIME-Version: 1.0\n"
        f"X-MSYS-API: {json.dumps(HEADER)}\n"
        "Content-Type: multipart/alternative; boundary=b\n\n"
        "--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
        f"{TEXT}\n"
        "--b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
        f"{HTML}\n--b--\n"
    )
    said = subprocess.run(
        [
            *("swaks", "--server", f"{place.host}:{place.port}"),
            *("--tls", "--tls-verify", "--tls-ca-path", relay.ca_file),
            *("--auth", "LOGIN", "--auth-user", credential.username, "--auth-password", credential.password),
            *("--from", SENDER, "--to", RECIPIENT, "--data", f"@{message}"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    queued = QUEUED.search(said.stdout)
    assert queued, said.stdout + said.stderr
    assert said.returncode == 0
    assert_tracked(relay, queued[1])


def test_swaks_is_told_why_its_key_is_refused(relay: Relay) -> None:
    if not shutil.which("swaks"):
        pytest.skip("swaks is not installed (Debian package swaks)")
    place = relay.listener()
    said = subprocess.run(
        [
            *("swaks", "--server", f"{place.host}:{place.port}", "--tls", "--auth", "LOGIN"),
            *(
                "--auth-user",
                "SMTP_Injection",
                "--auth-password",
                "wrong",
                "--from",
                SENDER,
                "--to",
                RECIPIENT,
            ),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode == 28  # swaks(1): authentication failed
    assert (
        "535 5.7.8 Error: authentication failed: Sorry. *** No authentication type succeeded" in said.stdout
    )


def test_smtplib_sends_a_message_of_the_standard_library(relay: Relay) -> None:
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, RECIPIENT, "smtplib"
    message["X-MSYS-API"] = json.dumps(HEADER)
    message.set_content(TEXT)
    message.add_alternative(HTML, subtype="html")
    with relay.login() as client:
        code, reply = _end(client, message)
    assert code == 250
    assert_tracked(relay, testing.queue_id(b"250 " + reply))


def _end(client: smtplib.SMTP, message: email.message.EmailMessage) -> tuple[int, bytes]:
    """Send and return the reply to the final dot, which `send_message` keeps to itself."""
    client.mail(SENDER)
    client.rcpt(RECIPIENT)
    return client.data(message.as_bytes(policy=email.policy.SMTP))


def test_nodemailer_sends_a_message(relay: Relay) -> None:
    _need_nodemailer()
    said = _nodemailer(relay, relay.credential().password)
    assert said.returncode == 0, said.stderr
    queued = QUEUED.fullmatch(said.stdout.strip())
    assert queued, said.stdout
    assert_tracked(relay, queued[1])


def test_nodemailer_is_told_why_its_key_is_refused(relay: Relay) -> None:
    _need_nodemailer()
    said = _nodemailer(relay, relay.credential("acme/readonly").password)
    assert said.returncode == 1
    assert 'Credential lacks the permission "Send via SMTP"' in said.stderr


def _need_nodemailer() -> None:
    if not NODE:
        pytest.skip("node is not installed (Debian package nodejs)")
    probe = subprocess.run(
        [NODE, "-e", "require('nodemailer')"], env=NODE_ENVIRONMENT, check=False, timeout=60
    )
    if probe.returncode:
        pytest.skip("nodemailer is not installed (Debian package node-nodemailer)")


def _nodemailer(relay: Relay, password: str) -> "subprocess.CompletedProcess[str]":
    place = relay.listener()
    asked = {
        "host": place.host,
        "port": place.port,
        "ca": relay.ca_file,
        "username": "SMTP_Injection",
        "method": "LOGIN",
        "password": password,
        "envelope": {"from": SENDER, "to": [RECIPIENT]},
        "message": {
            "from": SENDER,
            "to": RECIPIENT,
            "subject": "nodemailer",
            "text": TEXT,
            "html": HTML,
            "headers": {"X-MSYS-API": json.dumps(HEADER)},
        },
    }
    return subprocess.run(
        [NODE, str(NODEMAILER), json.dumps(asked)],
        env=NODE_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
