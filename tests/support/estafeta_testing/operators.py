"""An operator's own Postfix, with mail of its own, and our daemons beside it: what tests install into.

As Debian ships it (chroot'ed smtpd, cleanup and smtp), in a folder of its own on loopback ports: "port 25"
with opendkim signing as its milter, one mailbox domain with an alias, and the capture server as relayhost.
Nothing of /etc/postfix is read or written.
"""

import asyncio
import contextlib
import datetime
import os
import secrets
import shutil
import smtplib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from estafeta_core import sockets
from estafeta_core.config.schema import Config, IpPool, Listener, Web
from estafeta_postfix import certificate, demo_accounts, dkim_keys, ports
from estafeta_postfix.capture.outbox import Outbox
from estafeta_postfix.capture.server import serve
from estafeta_postfix.instance import command, mail_owner
from estafeta_postfix.render.listener import mechanisms
from estafeta_postfix.sandbox.settings import BOUNCE_DOMAIN, POOL_ADDRESS, as_yaml
from estafeta_postfix.supervisor import dying_with_parent
from estafeta_testing.relay import Relay, wait

OWN_DOMAIN = "office.example"  # whose mailboxes are on this host
PATIENCE = 30.0

MAIN_CF = """\
# The operator's own main.cf.  Odd   spacing and comments stay as they are.
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}

myhostname   =   mail.office.example
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = loopback-only
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{capture}
relay_domains = {bounce}
transport_maps = inline:{{{{ {bounce} = estafeta-lmtp:unix:{root}/run/intake.sock }}}}

# Mailboxes
virtual_mailbox_domains = office.example
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = inline:{{ {{ boss@office.example = boss/ }}, {{ archive@office.example = archive/ }} }}
virtual_alias_maps = inline:{{ {{ sales@office.example = boss@office.example }} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}

# Things that would change our mail, were it not shielded from them
smtpd_milters = unix:opendkim/opendkim.sock
non_smtpd_milters = $smtpd_milters
milter_default_action = tempfail
milter_protocol = 2
smtpd_forbid_bare_newline = normalize
smtpd_client_message_rate_limit = 1
smtpd_helo_restrictions = reject
smtpd_sender_restrictions = permit_mynetworks,
   reject
header_checks = regexp:{{ {{ /^X-Office: / REPLACE X-Office: seen }} }}
default_destination_rate_delay = 0s
smtpd_tls_chain_files = {root}/tls.pem
smtpd_tls_security_level = may
always_bcc = archive@office.example
"""

PORT_25 = """\
# Debian's master.cf, and the operator's remarks
127.0.0.1:{port}      inet  n       -       y       -       -       smtpd
   -o syslog_name=postfix/office
# a remark inside
   -o  { smtpd_helo_restrictions = }
   -o { smtpd_client_message_rate_limit = 0 }
"""


@dataclass(frozen=True, slots=True)
class Operators:
    """The operator's Postfix; `relay` asks what became of mail that came by our listeners."""

    root: Path
    config: Config
    port_25: int
    relay: Relay

    @property
    def directory(self) -> Path:
        """Where main.cf and master.cf are."""
        return self.root / "conf"

    def texts(self) -> dict[str, bytes]:
        """Return every file of the configuration directory, byte for byte."""
        found = (path for path in self.directory.rglob("*") if path.is_file())
        return {str(path.relative_to(self.directory)): path.read_bytes() for path in found}

    def estafeta(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `estafeta postfix ARGUMENTS` on it."""
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, check=False, timeout=120
        )

    def command(self, verb: str, *arguments: str) -> list[str]:
        """Return the command line of `estafeta postfix VERB`."""
        head = [sys.executable, "-m", "estafeta_postfix", "--config", str(self.relay.config), "postfix"]
        return [*head, verb, "--config-directory", str(self.directory), *arguments]

    def done(self, *arguments: str) -> str:
        """Run `estafeta postfix ARGUMENTS`, which has to succeed; return what it says."""
        ran = self.estafeta(*arguments)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def postfix(self, name: str, *arguments: str, given: bytes | None = None) -> str:
        """Run one of Postfix's commands on it."""
        environment = {**os.environ, "MAIL_CONFIG": str(self.directory)}
        ran = subprocess.run(
            [command(name), *arguments], env=environment, input=given, capture_output=True, check=True
        )
        return ran.stdout.decode()

    def by_port_25(self, recipient: str, content: bytes) -> None:
        """Send a message as others do."""
        with smtplib.SMTP("127.0.0.1", self.port_25, "elsewhere.example", timeout=PATIENCE) as client:
            client.sendmail("someone@elsewhere.example", [recipient], content)

    def by_sendmail(self, recipient: str, content: bytes) -> None:
        """Send a message as cron does."""
        self.postfix("sendmail", "-f", "cron@office.example", recipient, given=content)

    def mailbox(self, marker: bytes) -> bytes:
        """Return the boss's message with `marker` in it, once it is there."""
        folder = self.root / "mail" / "boss" / "new"

        def found() -> list[bytes]:
            files = folder.iterdir() if folder.is_dir() else ()
            return [data for data in (path.read_bytes() for path in files) if marker in data]

        wait(lambda: len(found()), 1, f"{marker!r} in the mailbox", PATIENCE)
        return found()[0]

    @property
    def log(self) -> str:
        """Postfix's log so far."""
        return (self.root / "mail.log").read_text(errors="replace")


LISTENERS = {
    "sparkpost-587": Listener(dialects=("sparkpost",), port=1, tls="required"),
    "teenvio-58700": Listener(dialects=("teenvio",), port=1, tls="starttls", receipt=True),
    "teenvio-46500": Listener(dialects=("teenvio",), port=1, tls="implicit"),
    "perfit-2525": Listener(dialects=("perfit",), port=1, tls="none"),
}


@contextlib.contextmanager
def operators(listeners: dict[str, Listener] | None = None) -> Iterator[Operators]:
    """Run an operator's Postfix and our daemons; nothing of ours is installed into it."""
    with tempfile.TemporaryDirectory(prefix="estafeta-operator-") as name, contextlib.ExitStack() as stack:
        root = Path(name)
        root.chmod(0o755)
        made = _made(root, LISTENERS if listeners is None else listeners)
        capture = int((root / "capture").read_text())
        stack.enter_context(_capturing(root / "outbox", capture))
        stack.enter_context(_child(_opendkim(root)))
        serve_all = [
            sys.executable,
            "-m",
            "estafeta_postfix",
            "--config",
            str(made.relay.config),
            "serve",
            "all",
        ]
        stack.enter_context(_child(serve_all, root / "daemons.log"))
        wait(lambda: _answering(made.config), True, "our daemons answer", PATIENCE)
        made.postfix("postfix", "-c", str(made.directory), "start")
        stack.callback(made.postfix, "postfix", "-c", str(made.directory), "stop")
        made.relay.processes["postfix"] = int((root / "queue" / "pid" / "master.pid").read_text())
        wait(lambda: _connects(made.port_25), True, "the operator's Postfix answers", PATIENCE)
        yield made


def _made(root: Path, listeners: dict[str, Listener]) -> Operators:
    """Write everything."""
    web, delivery, capture, port_25, *others = ports.take(4 + len(listeners))
    owner = mail_owner()
    (root / "capture").write_text(str(capture))
    for folder, uid, gid, mode in (
        ("conf", 0, 0, 0o755),
        ("queue", 0, 0, 0o755),
        ("queue/opendkim", 0, 0, 0o755),  # where Debian has it, for smtpd(8) in its chroot
        ("data", owner.pw_uid, owner.pw_gid, 0o700),
        ("mail", owner.pw_uid, owner.pw_gid, 0o700),
        *((each, 0, 0, 0o755) for each in ("run", "state", "accounts.d", "keys")),
    ):
        (root / folder).mkdir()
        os.chown(root / folder, uid, gid)
        (root / folder).chmod(mode)
    certificates = certificate.make("mx.estafeta.example", datetime.datetime.now(datetime.UTC))
    (root / "ca.pem").write_bytes(certificates.authority)
    (root / "tls.pem").write_bytes(certificates.chain)
    (root / "link.key").write_text(secrets.token_hex(32))
    (root / "mail.log").touch()
    _write_postfix(root, capture, port_25)
    config = _config(
        root,
        web,
        delivery,
        {
            name: msgspec.structs.replace(each, port=port)
            for (name, each), port in zip(listeners.items(), others, strict=True)
        },
    )
    (root / "estafeta.yaml").write_text(as_yaml(config))
    credentials = demo_accounts.write(root / "accounts.d", root / "keys")
    return Operators(root, config, port_25, Relay(_description(root, config, credentials)))


def _write_postfix(root: Path, capture: int, port_25: int) -> None:
    owner = mail_owner()
    (root / "conf" / "main.cf").write_text(
        MAIN_CF.format(root=root, capture=capture, uid=owner.pw_uid, gid=owner.pw_gid, bounce=BOUNCE_DOMAIN)
    )
    shipped = Path("/usr/share/postfix/master.cf.dist").read_text()
    services = [line for line in shipped.splitlines(keepends=True) if not line.startswith("smtp      inet")]
    (root / "conf" / "master.cf").write_text(PORT_25.replace("{port}", str(port_25)) + "".join(services))


def _config(root: Path, web: int, delivery: int, listeners: dict[str, Listener]) -> Config:
    return Config(
        hostname="mx.estafeta.example",
        base_url=f"http://127.0.0.1:{web}",
        bounce_domain=BOUNCE_DOMAIN,
        listeners=listeners,
        signing_keys=(root / "link.key",),
        ip_pools={demo_accounts.POOL: IpPool(bind_address=POOL_ADDRESS, helo="pool.estafeta.example")},
        store=f"sqlite:///{root}/estafeta.db",
        accounts_dir=root / "accounts.d",
        run_dir=root / "run",
        state_dir=root / "state",
        maillog=root / "mail.log",
        queue_directory=root / "queue",
        delivery_port=delivery,
        milter_processes=1,
        web=Web(port=web),
    )


def _description(
    root: Path, config: Config, credentials: list[demo_accounts.DemoCredential]
) -> dict[str, object]:
    return {
        "dir": str(root),
        "web": config.base_url,
        "maillog": str(config.maillog),
        "store": config.store,
        "config": str(root / "estafeta.yaml"),
        "accounts_dir": str(config.accounts_dir),
        "ca_file": str(root / "ca.pem"),
        "bounce_smtp": {"host": "127.0.0.1", "port": 0},
        "processes": {},
        "listeners": [
            {
                "name": name,
                "dialects": list(each.dialects),
                "documented_port": each.port,
                "host": each.bind,
                "port": each.port,
                "tls": each.tls,
                "mechanisms": list(mechanisms(each)),
            }
            for name, each in config.listeners.items()
        ],
        "credentials": [asdict(each) for each in credentials],
    }


def _opendkim(root: Path) -> list[str]:
    """Write what opendkim needs to sign the operator's mail, and return its command."""
    (root / "office.key").write_bytes(dkim_keys.make("rsa"))
    (root / "office.key").chmod(0o600)
    (root / "opendkim.conf").write_text(
        f"Mode s\nSyslog no\nDomain {OWN_DOMAIN}, elsewhere.example\nSelector office\n"
        f"KeyFile {root}/office.key\n"
        f"Socket local:{root}/queue/opendkim/opendkim.sock\nUMask 000\n"
        "InternalHosts 0.0.0.0/0\nRequireSafeKeys no\n"
    )
    return [shutil.which("opendkim") or "/usr/sbin/opendkim", "-f", "-x", str(root / "opendkim.conf")]


@contextlib.contextmanager
def _child(arguments: list[str], log: Path | None = None) -> Iterator[None]:
    with (log or Path(os.devnull)).open("ab") as errors:
        process = subprocess.Popen(dying_with_parent(arguments), stdin=subprocess.DEVNULL, stderr=errors)
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)


@contextlib.contextmanager
def _capturing(outbox: Path, port: int) -> Iterator[None]:
    """Run the capture server in a thread."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(serve(Outbox(outbox), ports.LOOPBACK, port))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(server.wait_closed())
        loop.close()


def _answering(config: Config) -> bool:
    paths = (sockets.sasl, sockets.policy, sockets.milter, sockets.copies)
    return all(path(config.run_dir).exists() for path in paths)


def _connects(port: int) -> bool:
    with contextlib.suppress(OSError, smtplib.SMTPException), smtplib.SMTP("127.0.0.1", port, timeout=5):
        return True
    return False
