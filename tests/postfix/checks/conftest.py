import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from estafeta_core import secrets
from estafeta_core.config.schema import Config, Listener
from estafeta_postfix import ports
from estafeta_postfix.capture.outbox import Outbox
from estafeta_postfix.capture.server import serve
from estafeta_postfix.checks import served
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.render.main_cf import main_cf
from estafeta_postfix.render.master_cf import master_cf
from estafeta_postfix.render.place import Place
from estafeta_postfix.render.tables import tables
from estafeta_testing.name_server import NameServer, name_server

Edit = Callable[[str, str, str], None]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of one account that can send, with nothing running."""
    (tmp_path / "accounts.d").mkdir()
    (tmp_path / "link.key").write_text("0123456789abcdef" * 4)
    (tmp_path / "link.key").chmod(0o600)
    key = secrets.hash_key(secrets.generate_key())
    (tmp_path / "accounts.d" / "acme.yaml").write_text(
        f"account: acme\ndialect: sparkpost\ndomains: {{acme.example: {{verified: true}}}}\n"
        f'credentials: {{main: {{key: "{key}"}}}}\n'
    )
    path = tmp_path / "estafeta.yaml"
    path.write_text(
        "hostname: mx.example.com\nbase_url: http://localhost\nbounce_domain: bounce.example.com\n"
        "listeners: {a: {dialects: [sparkpost], port: 587}}\nsigning_keys: [link.key]\n"
        "store: sqlite:///estafeta.db\nmaillog: mail.log\nrun_dir: run\nstate_dir: state\n"
        "queue_directory: postfix/queue\n"
    )
    return path


@pytest.fixture
def setup(config: Path) -> Setup:
    return Setup(config)


@pytest.fixture
def instance(setup: Setup) -> Place:
    """The files of an instance of Postfix for that configuration."""
    return make(setup)


@pytest.fixture
def edit(instance: Place) -> Edit:
    """Return a function that replaces one text in a file of that instance, once."""

    def edit(name: str, old: str, new: str) -> None:
        path = instance.config_directory / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return edit


@pytest.fixture
def world(tmp_path: Path) -> Iterator[int]:
    """The port of an SMTP server that takes everything from everybody, in this process."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(serve(Outbox(tmp_path / "outbox"), ports.LOOPBACK, 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def listening(setup: Setup, port: int, **fields: Any) -> dict[str, Listener]:
    """Have the listeners of a set-up be one, on a port where somebody answers; return it."""
    listener = Listener(dialects=("sparkpost",), port=port, **{"tls": "none", **fields})
    config: Config = msgspec.structs.replace(setup.config, listeners={"a": listener})
    known(setup, config=config, listeners=config.listeners, silent={}, installed=False, splits=False)
    return config.listeners


def known(setup: Setup, **parts: Any) -> None:
    """Have parts of a set-up be as they are given, as if they had been read."""
    setup.__dict__.update(parts)


def read(setup: Setup) -> served.Served:
    """Read the instance anew, and have it be the set-up's."""
    found = served.read(setup.config, None)
    known(setup, served=found, installed=found.ours)
    return found


def make(setup: Setup) -> Place:
    """Write the files of an instance of Postfix, as a sandbox has it."""
    place = Place(
        root=setup.config.queue_directory.parent,
        intake_host=ports.LOOPBACK,
        intake_port=2525,
        delivery_port=setup.config.delivery_port,
        tls_chain=setup.path.parent / "tls.pem",
        relayhost=f"[{ports.LOOPBACK}]:25",
    )
    place.config_directory.mkdir(parents=True)
    place.tls_chain.write_text("")
    texts = {"main.cf": main_cf(setup.config, place), "master.cf": master_cf(setup.config, place)}
    for name, text in {**texts, **tables(setup.config)}.items():
        (place.config_directory / name).write_text(text)
    return place


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    """A name server with the zones of the configuration and of its addresses."""
    zones = ("acme.example", "example.com", "2.0.192.in-addr.arpa")
    with name_server(tmp_path_factory.mktemp("dns"), *zones) as running:
        yield running


@pytest.fixture
def asking(config: Path, server: NameServer) -> Path:
    """That configuration, with a pool and links, which asks this server."""
    text = config.read_text().replace("http://localhost", "https://click.example.com")
    config.write_text(
        f"{text}dns: {{servers: ['{server.address}'], timeout: 1}}\n"
        "ip_pools: {a: {bind_address: 192.0.2.10, helo: a.example.com}}\n"
    )
    return config
