"""A domain that DNS verifies may send once its record is seen, and not when it is gone (E15, E17, E18)."""

import contextlib
import re
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from estafeta_testing.name_server import NameServer, name_server
from estafeta_testing.sandbox import QUICK, Sandbox, running, wait_for

ZONES = ("fresh.example", "slow.example", "lost.example", "signed.example")
FELT = 5.0  # seconds from the store to every daemon, which take two
CHECKED = 20.0  # seconds for the worker to ask, which it does after two, and for the grace period of four
DNS = "dns: {{servers: ['{}'], timeout: 0.5, recheck_hours: 0.0005, grace_hours: 0.001}}\n"
SUSPENDED = (535, b"5.7.8 Credential suspended")


@dataclass(frozen=True, slots=True)
class Site:
    """A sandbox that asks a name server of its own."""

    sandbox: Sandbox
    server: NameServer

    def publish(self, domain: str, account: str | None = None) -> None:
        """Put into DNS what `estafeta domain records` says, as it says it."""
        chosen = ["--account", account] if account else []
        records = self.sandbox.estafeta("domain", "records", domain, *chosen)
        assert records.returncode == 0, records.stderr
        self.server.publish(domain, *(line for line in records.stdout.splitlines() if domain in line))

    def edit(self, account: str, old: str, new: str) -> None:
        file = self.sandbox.accounts_dir / f"{account}.yaml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))

    def log(self) -> str:
        return (self.sandbox.dir / "log" / "worker.log").read_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(name_server(tmp_path_factory.mktemp("dns"), *ZONES))
        sandbox = stack.enter_context(running(config=QUICK + DNS.format(server.address)))
        made = Site(sandbox, server)
        fresh, slow = (f"\n  {name}.example: {{verified: dns}}" for name in ("fresh", "slow"))
        made.edit("acme", "domains:", f"domains:{fresh}{slow}")
        made.edit("yourdomain", "domains:", f"domains:{fresh}")
        yield made


def sent(client: smtplib.SMTP, sender: str, recipient: str = "alice@example.net") -> tuple[int, str]:
    """Send a message whose From is `sender`; return the last answer."""
    message = f"From: {sender}\r\nTo: {recipient}\r\nSubject: Hello\r\n\r\nHello\r\n"
    try:
        client.sendmail("bounces@acme.example", [recipient], message)
    except smtplib.SMTPRecipientsRefused as error:
        return next(iter(error.recipients.values()))[0], str(error)
    except smtplib.SMTPResponseException as error:
        return error.smtp_code, str(error.smtp_error)
    return 250, ""


def test_e17_in_an_open_session_a_domain_may_send_from_its_verification_on(site: Site) -> None:
    with site.sandbox.login("acme/main") as client:
        code, text = sent(client, "news@fresh.example")
        assert (code, "5.7.1 Unconfigured Sending Domain <fresh.example>" in text) == (550, True)
        assert site.sandbox.estafeta("domain", "verify", "fresh.example", "--account", "acme").returncode == 1
        site.publish("fresh.example", "acme")
        assert site.sandbox.estafeta("domain", "verify", "fresh.example", "--account", "acme").returncode == 0
        assert wait_for(lambda: sent(client, "news@fresh.example")[0] == 250 or None, FELT)
        assert (
            site.sandbox.estafeta("domain", "verify", "fresh.example", "--account", "yourdomain").returncode
            == 1
        )
        assert sent(client, "news@slow.example")[0] == 550
    listed = site.sandbox.estafeta("domain", "list").stdout
    assert re.search(r"acme +fresh.example +dns: verified", listed)
    assert re.search(r"yourdomain +fresh.example +dns: unverified", listed)


def test_a_subaccount_may_show_such_a_domain_of_its_own(site: Site) -> None:
    site.edit("acme", "subaccounts:", "subaccounts:\n  dns: {domains: [fresh.example, slow.example]}")
    username = "SMTP_Injection:X-MSYS-SUBACCOUNT=dns"

    def codes() -> tuple[int, int] | None:
        try:
            with site.sandbox.login("acme/main", username=username) as client:
                found = sent(client, "news@fresh.example")[0], sent(client, "news@slow.example")[0]
        except smtplib.SMTPAuthenticationError:  # not read yet
            return None
        return found if found[0] == 250 else None

    assert wait_for(codes, FELT) == (250, 550)


def test_where_dns_fails_or_is_silent_a_domain_stays_verified(site: Site) -> None:
    with site.server.silent(), site.sandbox.login("acme/main") as client:
        answer = "SELECT answer FROM domain_checks WHERE account = 'acme' AND domain = 'fresh.example'"
        assert wait_for(lambda: "no answer" in site.sandbox.sql(answer)[0][0] or None, CHECKED)
        verify = site.sandbox.estafeta("domain", "verify", "fresh.example", "--account", "acme")
        assert (verify.returncode, "seen:   no answer within 0.5 s" in verify.stdout) == (0, True)
        assert sent(client, "news@fresh.example")[0] == 250


@pytest.mark.release
def test_the_worker_sees_by_itself_what_is_published_and_what_is_gone(site: Site) -> None:
    with site.sandbox.login("acme/main") as client:
        site.publish("slow.example")
        assert wait_for(lambda: sent(client, "news@slow.example")[0] == 250 or None, CHECKED)
        site.server.withdraw("slow.example")
        gone = "acme: slow.example: its record is gone"
        assert wait_for(lambda: gone in site.log() or None, CHECKED)
        assert wait_for(lambda: sent(client, "news@slow.example")[0] == 550 or None, CHECKED)
        assert sent(client, "news@fresh.example")[0] == 250
    log = site.log()
    assert log.count("acme: slow.example: verified by DNS") == 1
    assert log.count("acme: slow.example: not verified any more") == 1
    found = site.sandbox.estafeta("check", "--offline")
    assert "acme: slow.example: not verified any more, its record is gone" in found.stdout


@pytest.mark.release
def test_e15_a_credential_whose_domain_is_gone_is_suspended_until_it_is_back(site: Site) -> None:
    sandbox = site.sandbox
    assert sandbox.estafeta("domain", "add", "yourdomain", "lost.example", "--dns").returncode == 0
    site.edit("yourdomain", "prod: {", "prod: {domains: [lost.example], ")
    site.publish("lost.example")
    assert sandbox.estafeta("domain", "verify", "lost.example").returncode == 0

    def mail(client: smtplib.SMTP) -> tuple[int, bytes]:
        client.rset()
        return client.mail("hello@lost.example")

    with sandbox.connect("emitlo-587") as client:
        prod = sandbox.credential("yourdomain/prod")
        client.user, client.password = prod.username, prod.password
        client.auth("PLAIN", client.auth_plain)
        assert wait_for(lambda: mail(client)[0] == 250 or None, FELT)
        site.server.withdraw("lost.example")
        assert wait_for(lambda: mail(client) == SUSPENDED or None, CHECKED)
        assert "suspended (no domain of it is in DNS any more)" in sandbox.estafeta("key", "list").stdout
        site.publish("lost.example")
        assert wait_for(lambda: mail(client)[0] == 250 or None, CHECKED), "it reactivates itself"


def test_s38_a_dkim_key_signs_every_copy_once_its_record_is_seen(site: Site) -> None:
    made = site.sandbox.estafeta(
        *("dkim", "create", "--domain", "signed.example", "--selector", "s1", "--type", "ed25519"),
        *("--out", str(site.sandbox.accounts_dir / "s1.pem")),
    )
    assert made.returncode == 0, made.stderr
    keys = "dkim: {default: s1, keys: {s1: {file: s1.pem, verified: dns}}}"
    site.edit("acme", "domains:", f"domains:\n  signed.example: {{verified: true, {keys}}}")
    sender, recipients = "news@signed.example", ["one@example.net", "two@example.net"]
    html = f"From: {sender}\r\nSubject: {{}}\r\nContent-Type: text/html\r\n\r\n<a href='http://a.example'>a</a>\r\n"
    control = 'X-MSYS-API: {"options": {"click_tracking": true}}\r\n'
    with site.sandbox.login("acme/main") as client:
        assert wait_for(lambda: sent(client, sender)[0] == 250 or None, FELT)
        site.publish("signed.example")
        assert site.sandbox.estafeta("domain", "verify", "signed.example").returncode == 0

        def signed() -> bool | None:
            client.sendmail(sender, recipients, control + html.format("Signed"))
            copies = [site.sandbox.wait_for_outbox(each, "Subject: Signed")[-1] for each in recipients]
            return all(b"d=signed.example" in copy.header_block for copy in copies) or None

        assert wait_for(signed, CHECKED)
