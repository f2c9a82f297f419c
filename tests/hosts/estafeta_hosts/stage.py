"""Two hosts, HAProxy, PostgreSQL, Redis and the rest of the world, each on a machine of its own.

The configurations of the hosts and of HAProxy are those of docs/hosts.md, addresses and all. What mx2 has of
its own differs from them; what a trial wants besides stands in EXTRA.
"""

import contextlib
import json
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from estafeta_core.hosting import FOLDER
from estafeta_hosts.accounts import LIMITED
from estafeta_hosts.host import Order
from estafeta_hosts.network import HERE, Network
from estafeta_postfix import certificate, demo_accounts
from estafeta_postfix.demo_accounts import DemoCredential
from estafeta_postfix.sandbox.layout import Layout
from estafeta_testing.documents import ROOT
from estafeta_testing.postgresql import Cluster
from estafeta_testing.redis_server import RedisServer
from estafeta_testing.relay import Relay
from estafeta_testing.sandbox import Credential
from estafeta_testing.smtp import Connection

PAGE = ROOT / "docs" / "hosts.md"
HOSTS = {"mx1": "192.0.2.11", "mx2": "192.0.2.12"}
PROXY, STORE, LIMITS, WORLD = "192.0.2.10", "192.0.2.21", "192.0.2.22", "192.0.2.30"
MACHINES = {**HOSTS, "haproxy": PROXY, "postgresql": STORE, "redis": LIMITS, "world": WORLD}
CLIENTS = ("192.0.2.101", "192.0.2.102", "192.0.2.103", "192.0.2.104")
PORTS = {"submission": 587, "submission-ssl": 465, "teenvio": 58700}
WEB = "https://click.example.com"
START = 90.0  # seconds for both hosts, on a busy machine

# A login that fails would cost its address seconds, and webhooks go to public addresses alone.
EXTRA = {
    "auth": {"failure_delay": 0.01, "failure_delay_limit": 0.05},
    "webhooks": {"allow_networks": [f"{HERE}/32"], "batch_seconds": 1.0},
    "ip_pools": {demo_accounts.POOL: {"helo": "pool.example.com"}},
}


def fenced(language: str) -> str:
    """Return the block of the page in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


class Host:
    """One of the hosts."""

    def __init__(self, stage: "Stage", name: str) -> None:
        self.name = name
        self.folder = stage.folder / name
        self._network = stage.network
        self._order = Order(
            str(self.folder),
            str(self._prepare(stage)),
            str(stage.accounts),
            str(yaml.safe_load(fenced("yaml"))["store"]),
            f"[{WORLD}]:25",
        )
        self._log = (stage.folder / f"{name}.log").open("ab")
        self.relay: Relay

    def _prepare(self, stage: "Stage") -> Path:
        layout = Layout(self.folder)
        shared = layout.state / FOLDER
        shared.mkdir(parents=True)
        layout.lock.touch()  # the folder is a sandbox's
        layout.signing_key.parent.mkdir(mode=0o700)
        layout.signing_key.write_text(stage.signing_key)
        subprocess.run(["mount", "--bind", str(stage.shared), str(shared)], check=True)
        text = fenced("yaml").replace("mx1", self.name).replace(HOSTS["mx1"], HOSTS[self.name])
        config: dict[str, Any] = yaml.safe_load(text)
        path = stage.folder / f"{self.name}.yaml"
        path.write_text(yaml.safe_dump(config | EXTRA))
        return path

    def begin(self) -> None:
        """Start everything of the host."""
        with self._network.inside(self.name):
            self._process = subprocess.Popen(
                self._order.command(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._log,
                cwd=ROOT / "tests" / "hosts",
            )

    def wait(self) -> None:
        """Wait until everything of it answers."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{self.name} did not start: {Path(self._log.name).read_text()[-4000:]}"
        self.relay = Relay(json.loads(line))

    def kill(self) -> None:
        """Kill everything on it with -9."""
        self._network.kill(self.name)
        self._process.wait()

    def stop(self) -> None:
        """Stop it as one should."""
        self._process.terminate()
        self._process.wait()


class Stage:
    """All machines, running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network = Network(MACHINES, CLIENTS)
        self.signing_key = secrets.token_hex(32)
        self.outbox = folder / "outbox"
        self.shared = folder / "hosted"
        self.accounts = folder / "accounts.d"
        for made in (self.shared, self.accounts, folder / "pg", folder / "redis"):
            made.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(self.shared)], check=True)
        self.credentials: list[DemoCredential] = demo_accounts.write(
            self.accounts, folder / "dkim", (*demo_accounts.DEMOS, LIMITED), here=CLIENTS[:1]
        )
        self.cluster = self._database()
        with self.network.inside("redis"):
            self.redis = RedisServer(
                folder / "redis", "--port", "6379", "--bind", LIMITS, "--protected-mode", "no"
            )
        with self.network.inside("world"):
            command = [sys.executable, "-m", "estafeta_hosts.world", str(self.outbox), WORLD, "25"]
            subprocess.Popen(command, cwd=ROOT / "tests" / "hosts")
        self.hosts = {name: Host(self, name) for name in HOSTS}
        self._proxy()
        for host in self.hosts.values():
            host.begin()
        for host in self.hosts.values():
            host.wait()
        self.store_url = self.cluster.url("estafeta")
        until(self._all_up, START, "HAProxy finds both hosts")

    def _database(self) -> Cluster:
        with self.network.inside("postgresql"):
            cluster = Cluster(self.folder / "pg", durable=True, address=STORE)
            hba = self.folder / "pg" / "data" / "pg_hba.conf"
            hba.write_text(hba.read_text() + "host estafeta estafeta 192.0.2.0/24 trust\n")
            cluster.start()
        cluster.sql("CREATE DATABASE estafeta OWNER estafeta ENCODING 'UTF8' TEMPLATE template0")
        return cluster

    def _proxy(self) -> None:
        """Start HAProxy with the configuration of the page, in the place where it expects it."""
        etc = self.folder / "haproxy"
        (etc / "certs").mkdir(parents=True)
        (etc / "haproxy.cfg").write_text(fenced("haproxy"))
        made = certificate.make("click.example.com", datetime.now(UTC))
        (etc / "certs" / "click.example.com.pem").write_bytes(made.chain)
        subprocess.run(["mount", "--bind", str(etc), "/etc/haproxy"], check=True)
        Path("/run/haproxy").mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/haproxy"], check=True)
        with self.network.inside("haproxy"), (self.folder / "haproxy.log").open("wb") as log:
            command = ["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
            subprocess.Popen(command, stdout=log, stderr=log)

    def _all_up(self) -> bool:
        """Whether HAProxy has found every server of every part (its manual, section 9.1)."""
        return all(row[17] == "UP" for row in self._servers())

    def _servers(self) -> list[list[str]]:
        """Return what HAProxy says of each server, in the columns of its manual."""
        rows = (line.split(",") for line in self.tell_proxy("show stat").splitlines())
        return [row for row in rows if row[1:2] and row[1] in HOSTS]

    def begin_database(self) -> None:
        """Start PostgreSQL again."""
        with self.network.inside("postgresql"):
            self.cluster.start()

    def begin_redis(self) -> None:
        """Start Redis again, empty."""
        with self.network.inside("redis"):
            self.redis.start()

    def tell_proxy(self, command: str) -> str:
        """Give HAProxy an order over its socket (its manual, section 9.3)."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect("/run/haproxy/admin.sock")
            asked.sendall(f"{command}\n".encode())
            return asked.makefile("r").read().strip()

    def on_duty(self) -> str:
        """Return the node whose worker does what one does at a time; "" where none does."""
        rows = self.cluster.sql(
            "SELECT node FROM leases WHERE name = 'worker' AND until > extract(epoch FROM now()) * 1000",
            url=self.store_url,
        )
        return str(rows[0][0]) if rows else ""

    def connections(self, host: Host) -> int:
        """Return how many connections PostgreSQL has from a host."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE client_addr = %s"
        return int(self.cluster.sql(query, HOSTS[host.name])[0][0])

    def has_read(self, host: Host) -> bool:
        """Whether the worker of a host has read its log and its journal to the end, as its metrics say."""
        place = f"http://{HOSTS[host.name]}:8025"
        with urllib.request.urlopen(f"{place}/metrics", timeout=30) as answer:
            behind = re.search(rb"^estafeta_log_behind_seconds (\S+)$", answer.read(), re.MULTILINE)
        with urllib.request.urlopen(f"{place}/healthz", timeout=30) as answer:
            return behind is not None and float(behind[1]) == 0 and json.load(answer)["journal_bytes"] == 0

    def sessions(self, host: Host) -> int:
        """Return how many connections HAProxy has to a host."""
        return sum(int(row[4]) for row in self._servers() if row[1] == host.name)

    def tell_servers(self, host: Host, state: str) -> None:
        """Have HAProxy drain a host, or use it again: in each part of SMTP and for the web."""
        for row in self._servers():
            if row[1] == host.name:
                assert not self.tell_proxy(f"set server {row[0]}/{host.name} state {state}")

    def through(self, client: str) -> "Through":
        """Return the way that a client of that address goes."""
        return Through(self, client)


class Through(Relay):
    """Both hosts as clients see them: behind HAProxy, one address, one web service, one store."""

    def __init__(self, stage: Stage, client: str) -> None:
        host = stage.hosts["mx1"]
        super().__init__(host.relay.description | {"store": stage.store_url})
        self.credentials = [Credential(**asdict(each)) for each in stage.credentials]
        self._client = client
        self._unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._unverified.check_hostname, self._unverified.verify_mode = False, ssl.CERT_NONE

    @property
    def tls(self) -> ssl.SSLContext:  # each start of a host makes another authority
        return self._unverified

    def raw(self, listener: str = "submission") -> Connection:
        implicit = self._unverified if listener == "submission-ssl" else None
        return Connection(PROXY, PORTS[listener], implicit, source=self._client)


@contextlib.contextmanager
def built() -> Iterator[Stage]:
    """Build everything; what runs in namespaces of this process ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="estafeta-hosts-"))
    folder.chmod(0o755)
    try:
        yield Stage(folder)
    finally:
        for name in MACHINES:
            _end(name)
        for name in (*HOSTS, ""):
            place = folder / name / "state" / FOLDER if name else folder / "hosted"
            subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _end(name: str) -> None:
    done = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
    for pid in done.stdout.split():
        subprocess.run(["kill", "-9", pid], check=False, capture_output=True)


def until(look: Callable[[], object], patience: float, what: str) -> float:
    """Wait until `look` says yes; return how many seconds that took."""
    began = time.monotonic()
    while not look():
        assert time.monotonic() - began < patience, f"{what}: not within {patience:g} s"
        time.sleep(0.05)
    return time.monotonic() - began
