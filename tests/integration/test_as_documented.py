"""Hosts, ports and keys as the providers' pages name them: set up by an operator, found by a customer."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from estafeta_testing import sandbox as testing
from estafeta_testing.relay import Relay, wait
from estafeta_testing.signatures import Records
from estafeta_testing.smtp import queue_id

DOCS = Path(__file__).parents[2] / "docs"

# Each provider's own host names and ports; Teenvio gives each account a host of its own.
DOCUMENTED = """\
hostname: mx.estafeta.example
base_url: http://localhost
bounce_domain: bounce.estafeta.example
signing_keys: []
auth: {failure_delay: 0.01, failure_delay_limit: 0.05, failures_per_minute: 100000}
hosting: {quota: 4000}
listeners:
  perfit: {dialects: [perfit], port: 2525, tls: none, hostname: smtp.myperfit.com}
  perfit-587: {dialects: [perfit], port: 587, tls: none, hostname: smtp.myperfit.com}
  teenvio-old:
    {dialects: [teenvio], port: 2500, tls: starttls, hostname: api.teenvio.com, recipients_per_message: 2}
  teenvio: {dialects: [teenvio], port: 58700, tls: starttls, hostname: api7.teenvio.com}
  teenvio-ssl: {dialects: [teenvio], port: 46500, tls: implicit, hostname: api7.teenvio.com}
  devino: {dialects: [devino], port: 588, tls: required, hostname: integrationapi.net}
  emitlo: {dialects: [emitlo], port: 589, tls: required, hostname: api.emitlo.com, mechanisms: [PLAIN, LOGIN]}
  sparkpost: {dialects: [sparkpost], port: 590, tls: starttls, hostname: smtp.sparkpostmail.com}
  sparkpost-eu: {dialects: [sparkpost], port: 2526, tls: starttls, hostname: smtp.eu.sparkpostmail.com}
"""
HOSTS = {
    "perfit": "p01",
    "perfit-587": "p02",
    "teenvio-old": "t02",
    "teenvio": "t09",
    "teenvio-ssl": "t09-ssl",
    "devino": "d07",
    "emitlo": "e01",
    "sparkpost": "s01",
    "sparkpost-eu": "s01-eu",
}
TEENVIO = ("teenvio-old", "teenvio", "teenvio-ssl")
LONGEST_WAIT = 60  # seconds; SparkPost has its clients wait at least so long for a reply
REMITENTE = "remitente@dominio.example"
TEXTS = (
    f"From: {REMITENTE}\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nHola\r\n"
    "--x\r\nContent-Type: text/html\r\n\r\n<p>Hola</p>\r\n"
    "--x\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n{}\r\n--x--\r\n"
)


@pytest.fixture(scope="module")
def office() -> Iterator[Relay]:
    """A sandbox whose operator has set up what the pages name."""
    with testing.running(config=DOCUMENTED) as running:
        yield Relay(running.description)


@pytest.mark.parametrize("listener", HOSTS, ids=HOSTS.values())
def test_p01_p02_t02_t09_d07_e01_s01_each_host_of_the_pages_names_itself(
    office: Relay, listener: str
) -> None:
    found = re.search(rf"^  {listener}:\s.* hostname: ([^,}}]+)", DOCUMENTED, re.MULTILINE)
    assert found
    with office.raw(listener) as client:
        greeting = client.reply()
        assert greeting.startswith(("220 localhost ESMTP Perfit v2", f"220 {found[1]} ESMTP")), greeting
        assert client.command("EHLO client.example").startswith(f"250-{found[1]}\n")


@pytest.mark.parametrize("listener", ["perfit", "perfit-587"])
def test_p02_perfit_is_served_on_the_port_of_its_text_and_that_of_its_example(
    office: Relay, listener: str
) -> None:
    content = b"Subject: este es el asunto\r\n\r\nEste es el contenido\r\n"
    with office.session("micuenta/main", listener=listener) as client:
        sent = queue_id(client.message("yo@midominio.example", [f"{listener}@example.net"], content))
    assert office.copy(sent).body == b"Este es el contenido\r\n"


@pytest.mark.parametrize("listener", TEENVIO)
def test_t05_t06_t07_every_port_of_teenvio_has_a_limit_and_wants_a_login(
    office: Relay, listener: str
) -> None:
    with office.raw(listener) as client:
        client.reply()
        keywords = client.command("EHLO client.example").replace(" ", "-").split("\n")
        assert {"250-SIZE-512000", "250-AUTH-LOGIN"} <= set(keywords)
        for line in (f"MAIL FROM:<{REMITENTE}>", f"MAIL FROM:<{REMITENTE}> SIZE=1307"):
            assert client.command(line) == "530 Authentication required"


def test_t57_more_contacts_than_a_listener_takes(office: Relay) -> None:
    with office.session("plan/usuario", listener="teenvio-old") as client:
        assert client.command(f"MAIL FROM:<{REMITENTE}>") == "250 2.1.0 Ok"
        for number in (1, 2):
            assert client.command(f"RCPT TO:<contacto{number}@example.net>") == "250 2.1.5 Ok"
        reply = client.command("RCPT TO:<contacto3@example.net>")
    assert reply == "452 4.5.3 Error: too many recipients; Internal error - exceso de contactos"


def test_t57_files_that_do_not_fit_into_the_account(office: Relay) -> None:
    send = partial(office.session, "plan/usuario", listener="teenvio")
    with send() as client:
        large = TEXTS.format("x" * 78 + "\r\n" + "0123456789\r\n" * 400).encode()
        reply = client.message(REMITENTE, ["large@example.net"], large)
        assert reply == "500 Internal error - No queda espacio para los archivos de su plan"
        sent = queue_id(client.message(REMITENTE, ["small@example.net"], TEXTS.format("%PDF").encode()))
    assert office.copy(sent).delivered_to == "small@example.net"
    assert office.sql("SELECT count(*) FROM messages WHERE rcpt_to = 'large@example.net'") == [(0,)]


def test_e17_a_domain_of_the_account_has_to_be_verified(office: Relay) -> None:
    file = office.accounts_dir / "yourdomain.yaml"
    before = file.read_text()
    assert "verified: true" in before
    try:
        file.write_text(before.replace("verified: true", "verified: false"))
        refused = (
            "550 5.7.1 Sender domain rejected: yourdomain.example is not a verified sending domain of this"
            " credential"
        )
        wait(
            lambda: _mail_from(office, "yourdomain/prod", "emitlo"), refused, "the domain is verified no more"
        )
    finally:
        file.write_text(before)
    wait(lambda: _mail_from(office, "yourdomain/prod", "emitlo"), "250 2.1.0 Ok", "the domain is verified")


def _mail_from(office: Relay, credential: str, listener: str) -> str:
    with office.session(credential, listener=listener) as client:
        return client.command("MAIL FROM:<hello@yourdomain.example>")


@pytest.mark.parametrize(
    ("account", "listener"), [("micuenta", "perfit"), ("yourdomain", "emitlo"), ("acme", "sparkpost")]
)
def test_p09_e15_a_made_key_works_until_it_is_suspended_or_revoked(
    office: Relay, account: str, listener: str
) -> None:
    name = f"{account}/made"
    made = json.loads(_estafeta(office, "key", "create", name, "--json"))
    username = made.get("username") or {"perfit": "apikey", "sparkpost": "SMTP_Injection"}[listener]
    login = partial(_login, office, listener, username, made["key"])
    taken = "235 2.7.0 Authentication successful"
    wait(login, taken, "a key that was just made")
    for command, reply in (
        ("suspend", "535 5.7.8 Error: authentication failed: Credential suspended"),
        ("activate", taken),
        ("revoke", "535 5.7.8 Error: authentication failed: Credential revoked"),
    ):
        _estafeta(office, "key", command, name)
        wait(login, reply, command)
    assert office.estafeta("key", "activate", name).returncode == 2, "revoked is for good"
    assert login() == "535 5.7.8 Error: authentication failed: Credential revoked"


@pytest.mark.parametrize(
    ("name", "username", "listener"),
    [("website/3website", "3website", "devino"), ("plan/otra", "otra.plan", "teenvio")],
)
def test_d04_d05_t16_an_operator_gives_a_login_and_a_password(
    office: Relay, name: str, username: str, listener: str
) -> None:
    command = ["--config", str(office.config), "key", "create", name, "--password", "--require-tls"]
    said = subprocess.run(
        [sys.executable, "-m", "estafeta_postfix", *command],
        input="una clave larga\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    assert "una clave larga" not in said.stdout + said.stderr
    login = partial(_login, office, listener, username, "una clave larga")
    wait(login, "235 2.7.0 Authentication successful", "a password that was just given")


def test_s36_s38_keys_and_pools_are_written_as_the_manual_writes_them(office: Relay, tmp_path: Path) -> None:
    manual = (DOCS / "configuration.md").read_text()
    dkim, pools, account = (
        next(each for each in re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL) if words in each)
        for words in ("marketing: {file:", "ip_pools:\n", "ip_pools: [")
    )
    dkim = dkim.replace("/etc/estafeta/", f"{tmp_path}/accounts.d/")
    (tmp_path / "accounts.d" / "dkim").mkdir(parents=True)
    for name in ("acme-s1.pem", "acme-mk.pem"):
        file = str(tmp_path / "accounts.d" / "dkim" / name)
        _estafeta(office, "dkim", "create", "--domain", "acme.example", "--selector", "s1", "--out", file)
    (tmp_path / "accounts.d" / "acme.yaml").write_text(f"account: acme\ndialect: sparkpost\n{dkim}{account}")
    (tmp_path / "link.key").write_text("0" * 64)
    (tmp_path / "link.key").chmod(0o600)
    (tmp_path / "estafeta.yaml").write_text(
        DOCUMENTED.replace("signing_keys: []", f"signing_keys: [{tmp_path}/link.key]")
        + f"accounts_dir: {tmp_path}/accounts.d\n{pools}"
    )
    said = office.estafeta("--config", str(tmp_path / "estafeta.yaml"), "check", "--offline")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "error:" not in said.stdout


def test_s38_a_key_that_was_just_made_signs_once_the_account_names_it(office: Relay, tmp_path: Path) -> None:
    file = office.accounts_dir / "acme.yaml"
    before = file.read_text()
    key = tmp_path / "acme-s1.pem"
    said = _estafeta(
        office, "dkim", "create", "--domain", "acme.example", "--selector", "s1", "--out", str(key)
    )
    assert "Put this record into DNS:\n\ns1._domainkey.acme.example. IN TXT (" in said
    (line,) = [line for line in said.splitlines() if line.endswith(f"s1: {key}")]
    draft = file.with_name("draft")
    try:
        draft.write_text(before.replace("      keys:\n", f"      keys:\n{line}\n", 1))
        draft.rename(file)
        content = b'From: news@acme.example\r\nX-MSYS-API: {"options": {"dkim_key": "s1"}}\r\n\r\nHi\r\n'
        taken: list[str] = []

        def send() -> bool:
            with office.session("acme/main", listener="sparkpost") as client:
                taken.append(client.message("news@acme.example", ["reader@example.net"], content))
            return taken[-1].startswith("250")

        wait(send, True, "a key that was just made")
        records = json.loads(_estafeta(office, "dkim", "record", "--domain", "acme.example", "--json"))
        Records({each["name"]: each["record"] for each in records}).assert_valid(
            office.copy(queue_id(taken[-1])).message, "s1"
        )
    finally:
        draft.write_text(before)
        draft.rename(file)


def test_the_manuals_message_is_explained_by_the_manuals_command(office: Relay, tmp_path: Path) -> None:
    command = re.search(
        r"^# estafeta (explain offer\.eml .*)$", (DOCS / "operation.md").read_text(), re.MULTILINE
    )
    assert command
    message = tmp_path / "offer.eml"
    message.write_text(
        "From: News <news@acme.example>\nTo: reader@example.com\nSubject: Spring\n"
        'X-MSYS-API: {"campaign_id": "spring", "cc": [{"email": "carol@example.net", "name": "Carol"}],\n'
        ' "archive": ["gone@example.net"], "options": {"open_tracking": true, "click_tracking": true}}\n'
        "\nOur offer: https://shop.example/spring\n"
    )
    said = _estafeta(office, *shlex.split(command[1].replace("offer.eml", str(message))))
    for words in (
        "  S: 250 2.0.0 Ok: queued as QUEUEID\n\naccepted\n",
        "  tracked           opens (two pixels) and clicks\n",
        "copies            differ: one queue file, and 3 copies by Postfix's split\n",
        "copy for reader@example.com (to), ",
        "  kept     From: News <news@acme.example>\n",
        "  added    Cc: Carol <carol@example.net>\n",
        "    click             https://shop.example/spring\n",
    ):
        assert words in said
    assert "reader@example.com" not in _estafeta(office, "events"), "nothing was sent"


def _estafeta(office: Relay, *arguments: str) -> str:
    said = office.estafeta(*arguments)
    assert said.returncode == 0, said.stderr
    return said.stdout


def _login(office: Relay, listener: str, username: str, secret: str) -> str:
    place = office.listener(listener)
    with office.raw(listener) as client:
        office.begin(client, tls=place.tls in ("starttls", "required"))
        return client.login(username, secret, place.mechanisms)


def test_d19_what_recipients_do_is_told_of_the_message(office: Relay) -> None:
    content = (
        b"From: noreply@devino.example\r\nContent-Type: text/html\r\n\r\n"
        b'<a href="https://shop.example/">x</a> [Unsubscribe] [WebVersion]\r\n'
    )
    with office.session("website/1website", listener="devino") as client:
        read = queue_id(client.message("noreply@devino.example", ["reader@example.net"], content))
        lost = queue_id(client.message("noreply@devino.example", ["bounce@example.net"], content))
    text = office.copy(read).body.decode()
    for path in ("o", "c"):
        found = re.search(rf'"({office.web}/{path}/[^"]+)"', text)
        assert found
        assert office.http("GET", found[1]).status in (200, 302)
    office.events(read, "injection", "delivery", "open", "click")
    (failed,) = [event for event in office.events(lost, "injection", "bounce") if event["type"] == "bounce"]
    assert failed["error_code"] == "550"
    (row,) = [
        json.loads(line)
        for line in _estafeta(office, "send", "list", "--account", "website", "--json").splitlines()
        if json.loads(line)["queue_id"] == read
    ]
    assert (row["recipients"], row["opened"], row["clicked"]) == (1, 1, 1)


def test_s07_no_client_waits_for_a_reply_longer_than_sparkpost_allows(office: Relay) -> None:
    conf = str(office.dir / "postfix" / "conf")
    said = subprocess.run(
        ["/usr/sbin/postconf", "-c", conf, "-P"], capture_output=True, text=True, check=True, timeout=60
    )
    lines = (line.partition(" =") for line in said.stdout.splitlines())
    settings = {name: value.strip() for name, _, value in lines}
    for place in office.listeners:
        service = f"{place.host}:{place.port}/inet"
        for step in ("connect", "command", "content"):
            assert 0 < _seconds(settings[f"{service}/milter_{step}_timeout"]) < LONGEST_WAIT
        asked = re.search(r"timeout=(\d+s)", settings[f"{service}/smtpd_recipient_restrictions"])
        assert asked
        assert _seconds(asked[1]) < LONGEST_WAIT


def _seconds(text: str) -> int:
    return int(text.removesuffix("s"))
