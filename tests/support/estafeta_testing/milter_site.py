"""A configuration in a folder of its own, and the milters that serve it as processes."""

import contextlib
import grp
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from estafeta_core import secrets, sockets
from estafeta_core.store import Found, Store, open_store
from estafeta_testing.milter_client import Client

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("core", "policy", "milter", "web", "postfix", "tests/support")
GROUP = grp.getgrgid(os.getgid()).gr_name
KEYS = {name: secrets.generate_key() for name in ("main", "sender")}
# Accounts of the other providers, with the sender that may be shown: see `Site.provider`.
PROVIDERS = {
    "micuenta": (
        'dialect: perfit\ndomains: {midominio.example: {verified: true}}\ncredentials: {main: {key: "%s"}}\n'
    ),
    "plan": (
        "dialect: teenvio\ndomains: {dominio.example: {verified: true}}\n"
        "senders: [remitente@dominio.example, respuestas@dominio.example, ventas@otro.example]\n"
        'credentials: {usuario: {username: usuario.plan, key: "%s"}}\n'
    ),
    "website": (
        "dialect: devino\nsenders: [noreply@devino.example, info@devino.example]\n"
        'credentials: {1website: {username: 1website, key: "%s"}}\n'
    ),
    "yourdomain": (
        "dialect: emitlo\n"
        "domains: {yourdomain.example: {verified: true}, other.example: {verified: true}}\n"
        'credentials: {prod: {username: prod_demo, domains: [yourdomain.example], key: "%s"}}\n'
    ),
    "tienda": (
        "dialect: mandrill\n"
        "domains: {tienda.example: {verified: true}, bounce.tienda.example: {verified: true, bounce: true}}\n"
        "subaccounts: {part: {domains: [part.tienda.example]}}\n"
        'credentials: {main: {key: "%s"}}\n'
    ),
    "taller": (
        "dialect: mailgun\ndomains: {taller.example: {verified: true}}\n"
        'credentials: {main: {username: postmaster@taller.example, key: "%s"}}\n'
    ),
}
SPARKPOST_ALONE = "listeners: {submission: {dialects: [sparkpost], port: 587}}\n"
LISTENERS = """\
listeners:
  submission: {dialects: [sparkpost], port: 587}
  perfit: {dialects: [perfit], port: 2525, tls: none}
  teenvio: {dialects: [teenvio], port: 58700, tls: starttls}
  teenvio-old: {dialects: [teenvio], port: 2500, tls: starttls, deprecated: true}
  devino: {dialects: [devino], port: 465, tls: implicit}
  emitlo: {dialects: [emitlo], port: 588}
  peers: {dialects: [mandrill, mailgun], port: 2587}
  small: {dialects: [devino, teenvio], port: 589, size_limit: 2000}
"""
PATIENCE = 20.0  # seconds for what takes well under one on an idle machine

RUN = "import sys\nfrom pathlib import Path\nfrom estafeta_milter import daemon\n"
END = "sys.exit(daemon.run_milter(Path(sys.argv[1])))\n"


class Site:
    """The files of a configuration, and the milters started on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "estafeta.yaml"
        self.log = folder / "log"
        self.socket = folder / "run" / "milter.sock"
        self.started: list[subprocess.Popen[bytes]] = []
        (folder / "accounts.d").mkdir()
        (folder / "run").mkdir()
        (folder / "link.key").write_bytes(b"k" * 64)
        self.log.touch()
        self.configure()
        self.account()
        for name in PROVIDERS:
            self.provider(name)

    @property
    def store_url(self) -> str:
        """The store of this configuration."""
        return f"sqlite:///{self.folder}/estafeta.db"

    def configure(self, more: str = "", listeners: str = LISTENERS) -> None:
        """Write estafeta.yaml, with `more` behind it."""
        draft = self.folder / "draft"
        draft.write_text(
            "hostname: mx.example.com\nbase_url: https://click.example.com\n"
            "bounce_domain: bounce.example.com\n"
            f"signing_keys: [link.key]\nrun_dir: run\nsocket_group: {GROUP}\nstate_dir: .\n"
            f"store: {self.store_url}\n" + listeners + more
        )
        draft.rename(self.config)

    def account(self, *, main: str = "", defaults: str = "{}", more: str = "") -> None:
        """Write the account acme; `main` is added to the credential of that name, `more` to the account."""
        draft = self.folder / "draft"  # renamed when it is whole: a daemon may read at any moment
        draft.write_text(
            f"account: acme\ndialect: sparkpost\ndefaults: {defaults}\n"
            "domains:\n"
            "  acme.example: {verified: true}\n"
            "  bounces.acme.example: {verified: true, bounce: true}\n"
            "  new.example: {verified: false}\n"
            'subaccounts: {"123": {domains: [sub.acme.example]}}\n'
            "credentials:\n"
            f'  main: {{key: "{secrets.hash_key(KEYS["main"])}"{main}}}\n'
            f'  sender: {{key: "{secrets.hash_key(KEYS["sender"])}",'
            " permissions: [send, skip_suppression]}\n" + more
        )
        draft.rename(self.folder / "accounts.d" / "acme.yaml")

    def provider(self, account: str, more: str = "") -> None:
        """Write one of the accounts of other providers than SparkPost, with `more` behind it."""
        draft = self.folder / "draft"
        secret = secrets.hash_key(secrets.generate_key())
        draft.write_text(f"account: {account}\n{PROVIDERS[account] % secret}{more}")
        draft.rename(self.folder / "accounts.d" / f"{account}.yaml")

    def start(self, before: str = "", descriptors: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        """Start the daemon; `before` is code that runs in its process first, a fault for instance."""
        path = os.pathsep.join(str(ROOT / room) for room in ROOMS)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", RUN + before + END, str(self.config)],
                stderr=log,
                env={**os.environ, "PYTHONPATH": path},
                pass_fds=descriptors,
            )
        self.started.append(process)
        return process

    def connect(self, listener: str = "submission", path: Path | None = None) -> Client:
        """Return a session, as soon as the daemon takes one."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return Client(path or self.socket, listener=listener)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def connect_copies(self) -> Client:
        """Return a session at the socket for copies."""
        return self.connect(path=sockets.copies(self.socket.parent))

    def lines(self, *words: str) -> list[str]:
        """Return the records of the log that hold all of `words`."""
        return [line for line in self.log.read_text().splitlines() if all(word in line for word in words)]

    def store(self) -> contextlib.closing[Store]:
        """Return the store, to be closed by a with block."""
        return contextlib.closing(open_store(self.store_url, timeout=5.0))

    def kill(self) -> None:
        """Kill whatever still runs."""
        for process in self.started:
            left = children(process.pid)
            process.kill()
            process.wait()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)

    def find(self, id_text: str) -> Found | None:
        """Return what the store knows under an id."""
        with self.store() as store:
            return store.find(id_text)


def children(pid: int) -> list[int]:
    """Return the processes that `pid` has forked."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def eventually(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until `true` says so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
