"""The providers' own examples and their users' clients, with nothing changed but host, port and secret."""

import email.policy
import email.utils
import json
import os
import re
import shutil
import smtplib
import subprocess
import sys
from collections.abc import Sequence
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest

from estafeta_testing.relay import Relay
from estafeta_testing.smtp import queue_id

CLIENTS = Path(__file__).parents[1] / "clients"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 40
URL = "https://example.com/path?a=1&b=zwei%20drei#here"
HTML = '<html><body><p>Hola <a href="https://example.com/path?a=1&amp;b=zwei%20drei#here">aquí</a></p></body></html>'


def run(command: Sequence[str], **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a client that is installed, or skip and say what is missing."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed (tools/debian-packages.txt)")
    return subprocess.run(
        list(command),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def accepted(said: "subprocess.CompletedProcess[str]", output: str) -> str:
    """Return the queue id in what a client has printed."""
    assert said.returncode == 0, said.stdout + said.stderr
    (reply,) = [line for line in output.splitlines() if "queued as" in line]
    return queue_id(reply[reply.index("250 2.0.0") :])


def clicked(relay: Relay, queue_id: str, kind: str = "html") -> str:
    """Return a part of the only copy, once its link has been followed to exactly `URL`."""
    part = relay.copy(queue_id).parsed().get_body((kind,))
    assert part is not None
    text = str(part.get_content())
    start = text.index(f"{relay.web}/c/")
    link = re.split(r'["\s]', text[start:], maxsplit=1)[0]
    answer = relay.http("GET", link)
    assert (answer.status, answer.location.decode()) == (302, URL)
    return text


def phpmailer(relay: Relay, listener: str, credential: str, secure: str, **message: object) -> str:
    """Send with PHPMailer; return the queue id."""
    if not Path("/usr/share/php/libphp-phpmailer").is_dir():
        pytest.skip("PHPMailer is not installed (Debian package libphp-phpmailer)")
    place, known = relay.listener(listener), relay.credential(credential)
    asked = {
        "host": place.host,
        "port": place.port,
        "secure": secure,
        "ca": relay.ca_file,
        "username": known.username,
        "password": known.password,
        "name": "Your App",
        "to": ["user@example.com"],
        "subject": "Hello ñ",
        "html": HTML,
        "text": "",
        **message,
    }
    said = run(["php", str(CLIENTS / "phpmailer.php"), json.dumps(asked)])
    return accepted(said, said.stdout)


def test_t62_phpmailer_on_58700_with_all_five_headers(relay: Relay, tmp_path: Path) -> None:
    (tmp_path / "informe.pdf").write_bytes(PDF)
    (tmp_path / "logo.png").write_bytes(PNG)
    queued = phpmailer(
        relay,
        "teenvio-58700",
        "plan/usuario",
        "tls",
        **{
            "from": "remitente@dominio.example",
            "html": HTML.replace("<p>", '<p><img src="cid:logo@dominio.example">'),
            "text": f"Hola {URL}\n",
            "headers": {
                "X-Teenvio-ShowCab": "yes",
                "X-Teenvio-SocialLinks": "yes",
                "X-Teenvio-Language": "4",
                "X-Teenvio-TrackingOpening": "yes",
                "X-Teenvio-TrackingClicks": "yes",
            },
            "attachment": {"path": str(tmp_path / "informe.pdf"), "name": "informe año ñ.pdf"},
            "image": {"path": str(tmp_path / "logo.png"), "cid": "logo@dominio.example"},
        },
    )
    copy = relay.copy(queued)
    assert not [header for header in copy.parsed() if header.lower().startswith("x-teenvio")]
    assert [part.get_content_type() for part in copy.parsed().walk() if not part.is_multipart()] == [
        "text/plain",
        "text/html",
    ]
    html = clicked(relay, queued)
    image = html[html.index(f"{relay.web}/i/") :].split('"')[0]
    answer = relay.http("GET", image)
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, "image/png", PNG)
    file = next(url for url in targets(relay, html) if "/f/" in url)
    answer = relay.http("GET", file)
    assert (answer.status, answer.body) == (200, PDF)
    assert "filename*=UTF-8''informe%20a%C3%B1o%20%C3%B1.pdf" in answer.headers["Content-Disposition"]


def targets(relay: Relay, html: str) -> list[str]:
    """Return where every tracked link of an HTML text leads."""
    tokens = (relay.links.read(piece.split('"')[0]) for piece in html.split(f"{relay.web}/c/")[1:])
    return [token.target.decode() for token in tokens if token is not None]


def test_e05_phpmailer_with_emitlos_snippet(relay: Relay) -> None:
    queued = phpmailer(relay, "emitlo-587", "yourdomain/prod", "tls", **{"from": "hello@yourdomain.example"})
    clicked(relay, queued)
    assert relay.copy(queued).values("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]


def test_p14_phpmailer_without_encryption(relay: Relay, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"plain\n")
    queued = phpmailer(
        relay,
        "perfit-2525",
        "micuenta/main",
        "",
        **{
            "from": "yo@midominio.example",
            "text": f"Hola {URL}\n",
            "attachment": {"path": str(tmp_path / "a.txt"), "name": "a.txt"},
        },
    )
    clicked(relay, queued)
    assert b"filename=a.txt" in relay.copy(queued).message


def test_s04_phpmailer_with_an_api_key(relay: Relay) -> None:
    header = json.dumps({"options": {"click_tracking": True}})
    queued = phpmailer(
        relay,
        "sparkpost-587",
        "acme/main",
        "tls",
        **{"from": "news@acme.example", "headers": {"X-MSYS-API": header}},
    )
    clicked(relay, queued)


def lists(*, escaped: bool) -> str:
    """Return an X-MSYS-API of some thousand characters, as applications write it."""
    return json.dumps(
        {
            "campaign_id": "\u00e9t\u00e9",
            "metadata": {"city": "\u6771\u4eac \u90fd", "note": "x" * 300},
            "cc": [{"email": f"cc{n}@example.net", "name": f"Zo\u00eb \u00dcnal, {n}"} for n in range(12)],
            "bcc": [f"bcc{n:03}@example.net" for n in range(100)],
            "options": {"transactional": True},
        },
        ensure_ascii=escaped,
    )


def assert_lists_arrived(relay: Relay, queued: str) -> None:
    """Hold what was sent with `lists` to what it says."""
    copies = relay.copies(queued)
    assert len(copies) == 113
    shown = [address.display_name for address in copies[0].parsed()["Cc"].addresses]
    assert shown == [f"Zo\u00eb \u00dcnal, {number}" for number in range(12)]
    transmission = relay.found(queued).transmission
    assert transmission.campaign_id == "\u00e9t\u00e9"
    assert transmission.metadata == {"city": "\u6771\u4eac \u90fd", "note": "x" * 300}


@pytest.mark.parametrize("escaped", [True, False])
def test_s24_s26_s40_phpmailer_folds_and_encodes_lists_with_names(relay: Relay, escaped: bool) -> None:
    message = {"from": "news@acme.example", "headers": {"X-MSYS-API": lists(escaped=escaped)}}
    assert_lists_arrived(relay, phpmailer(relay, "sparkpost-587", "acme/main", "tls", **message))


@pytest.mark.parametrize("escaped", [True, False])
def test_s24_s26_s40_nodemailer_folds_and_encodes_lists_with_names(relay: Relay, escaped: bool) -> None:
    place, known = relay.listener("sparkpost-587"), relay.credential("acme/main")
    asked = {
        "host": place.host,
        "port": place.port,
        "ca": relay.ca_file,
        "username": known.username,
        "password": known.password,
        "message": {
            "from": "News <news@acme.example>",
            "to": "user@example.com",
            "subject": "Hello",
            "text": "Hello",
            "headers": {"X-MSYS-API": lists(escaped=escaped)},
        },
    }
    said = run(["node", str(CLIENTS / "nodemailer.js"), json.dumps(asked)], NODE_PATH="/usr/share/nodejs")
    if "Cannot find module" in said.stderr:
        pytest.skip("nodemailer is not installed (Debian package node-nodemailer)")
    assert_lists_arrived(relay, accepted(said, said.stdout))


@pytest.mark.parametrize("policy", [email.policy.SMTP, email.policy.SMTPUTF8], ids=["SMTP", "SMTPUTF8"])
@pytest.mark.parametrize("escaped", [True, False])
def test_s24_s26_s40_python_folds_and_encodes_lists_with_names(
    relay: Relay, escaped: bool, policy: email.policy.EmailPolicy
) -> None:
    message = EmailMessage(policy=policy)
    message["From"] = "News <news@acme.example>"
    message["To"] = "user@example.com"
    message["X-MSYS-API"] = lists(escaped=escaped)
    message.set_content("Hello\n")
    assert_lists_arrived(relay, relay.send(message.as_bytes(), "user@example.com"))


def test_d08_phpmailer_on_465(relay: Relay) -> None:
    html = HTML.replace("</p>", '</p><a href="[Unsubscribe]">x</a> <a href="[WebVersion]">y</a>')
    queued = phpmailer(
        relay, "devino-465", "website/1website", "ssl", **{"from": "noreply@devino.example", "html": html}
    )
    text = clicked(relay, queued)
    assert f"{relay.web}/u/" in text
    assert f"{relay.web}/w/" in text


def test_t60_the_php_example_of_the_manual(relay: Relay) -> None:
    place = relay.listener("teenvio-46500")
    script = str(CLIENTS / "teenvio.php")
    said = run(["php", "-d", f"openssl.cafile={relay.ca_file}", script, f"ssl://{place.host}:{place.port}"])
    assert said.returncode == 0, said.stderr
    assert "ESMTP API teenvio.com" in said.stdout
    assert "250-AUTH LOGIN" in said.stdout
    assert "250-SIZE 512000" in said.stdout
    assert said.stdout.rstrip().endswith("221 2.0.0 Bye")


def test_e05_smtplib_with_emitlos_snippet(relay: Relay) -> None:
    place, known = relay.listener("emitlo-587"), relay.credential("yourdomain/prod")
    replies: list[tuple[int, bytes]] = []

    class Client(smtplib.SMTP):
        def data(self, msg: object) -> tuple[int, bytes]:
            replies.append(super().data(msg))  # type: ignore[arg-type]
            return replies[-1]

    msg = MIMEMultipart("alternative")
    msg["Subject"] = "Hello from Emitlo SMTP"
    msg["From"] = "hello@yourdomain.example"
    msg["To"] = "user@example.com"
    msg.attach(MIMEText(f'<p>This email was sent via SMTP. <a href="{URL}">x</a></p>', "html"))
    with Client(place.host, place.port) as server:
        server.ehlo()
        server.starttls(context=relay.tls)
        server.login(known.username, known.password)
        server.sendmail("hello@yourdomain.example", "user@example.com", msg.as_string())
    ((code, reply),) = replies
    assert code == 250
    clicked(relay, queue_id(f"250 {reply.decode()}"))


def test_e05_django_with_emitlos_settings(relay: Relay) -> None:
    place, known = relay.listener("emitlo-587"), relay.credential("yourdomain/prod")
    before = len(relay.outbox("django@example.com"))
    asked = {
        "host": place.host,
        "port": place.port,
        "username": known.username,
        "password": known.password,
        "from": "hello@yourdomain.example",
        "to": ["django@example.com"],
        "subject": "Hello from Django",
        "text": f"Hello {URL}\n",
        "html": HTML,
    }
    script = str(CLIENTS / "django_mail.py")
    said = run([sys.executable, script, json.dumps(asked)], SSL_CERT_FILE=relay.ca_file)
    assert said.returncode == 0, said.stderr
    delivered = relay.wait_for_outbox("django@example.com", count=before + 1)[-1]
    assert f"{relay.web}/c/".encode() in delivered.message.replace(b"=\r\n", b"")


def test_e05_nodemailer_with_emitlos_snippet(relay: Relay) -> None:
    place, known = relay.listener("emitlo-587"), relay.credential("yourdomain/prod")
    asked = {
        "host": place.host,
        "port": place.port,
        "ca": relay.ca_file,
        "username": known.username,
        "password": known.password,
        "message": {
            "from": '"Your App" <hello@yourdomain.example>',
            "to": "user@example.com",
            "subject": "Hello from Emitlo SMTP",
            "html": f'<p>This email was sent via SMTP. <a href="{URL.replace("&", "&amp;")}">x</a></p>',
        },
    }
    said = run(["node", str(CLIENTS / "nodemailer.js"), json.dumps(asked)], NODE_PATH="/usr/share/nodejs")
    if "Cannot find module" in said.stderr:
        pytest.skip("nodemailer is not installed (Debian package node-nodemailer)")
    queued = accepted(said, said.stdout)
    clicked(relay, queued)
    assert relay.copy(queued).values("From") == ["Your App <hello@yourdomain.example>"]


def write_message(path: Path, sender: str, recipient: str = "user@example.com") -> Path:
    """Write a message of two texts with a link, as a mail program would send it."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, recipient, "Привет ñ"
    message["Date"], message["Message-ID"] = email.utils.localtime(), email.utils.make_msgid(domain="example")
    message.set_content(f"Hola {URL}\n[Unsubscribe] [WebVersion]\n")
    message.add_alternative(HTML, subtype="html")
    path.write_bytes(message.as_bytes())
    return path


def test_t04_curl_on_46500(relay: Relay, tmp_path: Path) -> None:
    place, known = relay.listener("teenvio-46500"), relay.credential("plan/usuario")
    message = write_message(tmp_path / "message.eml", "remitente@dominio.example")
    said = run(
        [
            *("curl", "--verbose", "--url", f"smtps://{place.host}:{place.port}/client.example"),
            *("--cacert", relay.ca_file, "--user", f"{known.username}:{known.password}"),
            *("--mail-from", "remitente@dominio.example", "--mail-rcpt", "user@example.com"),
            *("--upload-file", str(message)),
        ]
    )
    clicked(relay, accepted(said, said.stderr))


def test_d07_msmtp_on_587(relay: Relay, tmp_path: Path) -> None:
    place, known = relay.listener("devino-587"), relay.credential("website/1website")
    message = write_message(tmp_path / "message.eml", "noreply@devino.example")
    settings = tmp_path / "msmtprc"
    settings.write_text(
        f"defaults\nauth on\ntls on\ntls_starttls on\ntls_trust_file {relay.ca_file}\naccount default\n"
        f"host {place.host}\nport {place.port}\nfrom noreply@devino.example\n"
        f"user {known.username}\npassword {known.password}\n"
    )
    settings.chmod(0o600)
    said = run(
        ["sh", "-c", f"msmtp --debug --file={settings} --read-recipients < {message}"]
        if shutil.which("msmtp")
        else ["msmtp"]
    )
    clicked(relay, accepted(said, said.stdout + said.stderr))


def test_t59_a_mail_program_with_tls_and_an_ordinary_password(relay: Relay, tmp_path: Path) -> None:
    place, known = relay.listener("teenvio-46500"), relay.credential("plan/usuario")
    message = write_message(tmp_path / "message.eml", "Remitente <remitente@dominio.example>")
    said = run(
        [
            *("swaks", "--server", f"{place.host}:{place.port}", "--tls-on-connect", "--tls-verify"),
            *("--tls-ca-path", relay.ca_file, "--auth", "LOGIN", "--auth-user", known.username),
            *("--auth-password", known.password, "--from", "remitente@dominio.example"),
            *("--to", "user@example.com", "--data", f"@{message}"),
        ]
    )
    clicked(relay, accepted(said, said.stdout), "plain")


def test_p28_swaks_without_encryption(relay: Relay, tmp_path: Path) -> None:
    place, known = relay.listener("perfit-2525"), relay.credential("micuenta/main")
    message = write_message(tmp_path / "message.eml", "yo@midominio.example")
    said = run(
        [
            *("swaks", "--server", f"{place.host}:{place.port}", "--auth", "LOGIN"),
            *("--auth-user", "apikey", "--auth-password", known.password),
            *("--from", "yo@midominio.example", "--to", "user@example.com", "--data", f"@{message}"),
        ]
    )
    clicked(relay, accepted(said, said.stdout))
