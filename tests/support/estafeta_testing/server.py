"""A mail server that works, on a fresh Debian 12, and Estafeta's package on it as the manual says.

Postfix as Debian configures it takes mail for office.example on port 25 into mailboxes of this host, opendkim
signs what a local client sends there, and everything else leaves by a relayhost: smtp-sink(1) on loopback,
which writes each message into a file of /srv/outbox.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from estafeta_testing.fresh_root import Machine

T = TypeVar("T")
PATIENCE = 60.0
OPERATE = """
useradd --create-home boss
cd /etc/postfix
openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.pem -out tls.crt -days 9 \\
    -subj /CN=mail.office.example 2>/dev/null
cat tls.crt >> tls.pem
chmod 600 tls.pem
postconf -X smtpd_tls_cert_file smtpd_tls_key_file
postconf -e 'myhostname = mail.office.example' 'mydestination = office.example, localhost' \\
    'mynetworks = 127.0.0.0/8' 'inet_interfaces = loopback-only' 'relayhost = [127.0.0.1]:2600' \\
    'smtpd_tls_chain_files = /etc/postfix/tls.pem' 'home_mailbox = Maildir/' \\
    'smtpd_milters = inet:127.0.0.1:8891' 'non_smtpd_milters = $smtpd_milters' \\
    'milter_default_action = tempfail'
# The two lines that `estafeta postfix status` asks for: bounces come in.
postconf -e 'relay_domains = bounce.office.example' \\
    'transport_maps = inline:{{ bounce.office.example = estafeta-lmtp:unix:/run/estafeta/intake.sock }}'
# A server that somebody has looked after for years.
sed -i 's/^#submission inet/# ours, one day:\\n#submission   inet/' master.cf
printf '# the   relay of 2019\\n' >> main.cf
openssl genrsa -out /etc/dkimkeys/office.pem 2048 2>/dev/null
chown opendkim /etc/dkimkeys/office.pem
cat > /etc/opendkim.conf <<END
Syslog yes
Mode s
Domain office.example, elsewhere.example
Selector office
KeyFile /etc/dkimkeys/office.pem
Socket inet:8891@127.0.0.1
UserID opendkim
PidFile /run/opendkim/opendkim.pid
END
install -d -m 777 /srv/outbox
systemd-run --quiet --unit=relayhost smtp-sink -u nobody -d /srv/outbox/%M%S. 127.0.0.1:2600 100
systemctl restart opendkim postfix
"""
ESTAFETA = """
dpkg -i {package}
cat > /etc/estafeta/estafeta.yaml <<END
hostname: mx.office.example
base_url: https://click.office.example
bounce_domain: bounce.office.example
listeners:
  sparkpost: {{dialects: [sparkpost], port: 587, tls: required}}
  teenvio: {{dialects: [teenvio], port: 58700, tls: starttls}}
signing_keys: [keys/link-2026.key]
END
estafeta account create acme --dialect sparkpost --domain acme.example
estafeta account create plan --dialect teenvio --domain plan.example
estafeta sender add plan news@plan.example
echo correct-horse | estafeta key create plan/ana --password
systemctl enable --now estafeta.target
"""
# Sends one message: host of this machine, port, user, password, sender, recipient, content on standard input.
SEND = """
import smtplib, ssl, sys
port, user, password, sender, recipient = sys.argv[1:]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with smtplib.SMTP("127.0.0.1", int(port), "elsewhere.example", timeout=30) as client:
    if user:
        client.starttls(context=context)
        client.login(user, password)
    client.ehlo_or_helo_if_needed()
    for code, text in (client.mail(sender), client.rcpt(recipient), client.data(sys.stdin.buffer.read())):
        if code // 100 != 2:
            sys.exit(f"{code} {text}")
    print(text)
"""


@dataclass(frozen=True, slots=True)
class Server:
    """The mail server; `key` is what a client of SparkPost's logs in with."""

    machine: Machine
    key: str

    def send(self, port: int, content: str, recipient: str, sender: str = "a@elsewhere.example") -> str:
        """Send a message as a client of that port does; return the answer to it, and its queue id last."""
        user, password = {587: ("SMTP_Injection", self.key), 58700: ("ana.plan", "correct-horse")}.get(
            port, ("", "")
        )
        arguments = f"{port} '{user}' '{password}' '{sender}' '{recipient}'"
        return self.machine.run(f"python3 /srv/send.py {arguments} <<'END'\n{content}\nEND\n")

    def relayed(self, marker: str) -> str:
        """Return the message with `marker` in it, once the relayhost has it."""
        return self._found("srv/outbox", marker)

    def mailbox(self, marker: str) -> str:
        """Return the boss's message with `marker` in it, once it is there."""
        return self._found("home/boss/Maildir/new", marker)

    def events(self, queue_id: str, *wanted: str) -> list[dict[str, str]]:
        """Return what `estafeta show` knows of a message, once events of these types are among it."""

        def found() -> list[dict[str, str]]:
            told = json.loads(self.machine.run(f"estafeta show --json {queue_id}"))["events"]
            return told if set(wanted) <= {each["type"] for each in told} else []

        return waited(found, f"{wanted} of {queue_id}")

    def _found(self, folder: str, marker: str) -> str:
        def found() -> str:
            for path in (self.machine.root / folder).glob("*"):
                text = path.read_text(errors="replace")
                if marker in text:
                    return text
            return ""

        return waited(found, f"{marker!r} in /{folder}")


def operated(machine: Machine) -> Server:
    """Make `machine` the operator's mail server."""
    machine.run(OPERATE)
    (machine.root / "srv" / "send.py").write_text(SEND)
    return Server(machine, "")


def with_estafeta(machine: Machine, package: Path) -> Server:
    """Install `package` as the manual says, and start the daemons; Postfix is not told of them yet."""
    machine.put(package, "/srv/estafeta.deb")
    machine.run(ESTAFETA.format(package="/srv/estafeta.deb"))
    made = machine.run("estafeta key create acme/main --permission send --json 2>/dev/null")
    key = json.loads(made)["key"]
    waited(lambda: machine.run("ls /run/estafeta").count(".sock") >= 5, "the daemons' sockets")
    return Server(machine, key)


def queue_id(reply: str) -> str:
    """Return the queue id in an answer to a message."""
    found = re.search(r"queued as (\w+)", reply)
    assert found, reply
    return found[1]


def waited(ask: Callable[[], T], what: str) -> T:
    """Return what `ask` returns, once it is something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := ask()):
        assert time.monotonic() < deadline, f"not seen in {PATIENCE} s: {what}"
        time.sleep(0.1)
    return found
