"""estafeta.yaml of a sandbox: its own paths and ports, and everything else from the defaults or a person.

A person's file gives listeners, dialects and every setting that is no path, port or name of this run.
Its accounts are those of `--accounts`, else those its `accounts_dir` leads to if that folder exists,
else the demo accounts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from estafeta_core.config.document import Document
from estafeta_core.config.schema import Config, IpPool, Listener, Webhooks
from estafeta_postfix.demo_accounts import POOL
from estafeta_postfix.ports import LOOPBACK
from estafeta_postfix.sandbox.layout import Layout

HOSTNAME = "mx.estafeta.example"
POOLS = {POOL: IpPool(helo="pool.estafeta.example")}
POOL_ADDRESS = "127.0.0.2"  # Linux takes every address of the loopback network for its own
BOUNCE_DOMAIN = "bounce.estafeta.example"

# People try their receivers on this host, on any port, and do not wait.
RECEIVERS = ("127.0.0.0/8", "::1/128")
WEBHOOKS = Webhooks(batch_seconds=1.0)

# One listener per documented pair of dialect and port; mechanisms and size are the dialect's own.
LISTENERS = {
    "sparkpost-587": Listener(dialects=("sparkpost",), port=587, tls="starttls"),
    "sparkpost-2525": Listener(dialects=("sparkpost",), port=2525, tls="starttls"),
    "perfit-2525": Listener(dialects=("perfit",), port=2525, tls="none"),
    "teenvio-2500": Listener(dialects=("teenvio",), port=2500, tls="starttls", deprecated=True),
    "teenvio-58700": Listener(dialects=("teenvio",), port=58700, tls="starttls"),
    "teenvio-46500": Listener(dialects=("teenvio",), port=46500, tls="implicit"),
    "devino-587": Listener(dialects=("devino",), port=587, tls="required"),
    "devino-465": Listener(dialects=("devino",), port=465, tls="implicit"),
    "emitlo-587": Listener(dialects=("emitlo",), port=587, tls="required"),
}


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one run."""

    web: int
    intake: int
    capture: int
    delivery: int
    outbox: int
    listeners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a sandbox stands: alone on loopback, or as one of several hosts in a network of its own."""

    address: str = LOOPBACK  # of the listeners and the web service
    ports: Ports | None = None  # None: free ones, another time others
    base_url: str = ""  # "": the web service is asked directly
    proxied: bool = False  # whether the proxy is there that listeners with proxy_protocol wait for
    pool_address: str = POOL_ADDRESS  # that mail of every pool leaves from
    relayhost: str = ""  # where all mail goes; "": into an outbox of its own


ALONE = Surroundings()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a sandbox runs with."""

    config: Config
    documented_ports: dict[str, int]  # by listener: the port a client of the provider would use
    demo: bool  # whether the accounts are the demo accounts


def base(file: Path | None) -> Config:
    """Return a person's configuration, or the one a sandbox has without any.

    Raises ConfigError. Only the shape is checked here: what must fit the machine, such as the signing
    keys, is replaced by the sandbox's own.
    """
    if file is not None:
        return Document(file).convert(Config)
    return Config(
        hostname=HOSTNAME,
        base_url="http://localhost",
        bounce_domain=BOUNCE_DOMAIN,
        listeners=LISTENERS,
        signing_keys=(),
        webhooks=WEBHOOKS,
    )


def settings(
    layout: Layout,
    ports: Ports,
    socket_group: str,
    *,
    file: Path | None = None,
    accounts: Path | None = None,
    store: str | None = None,
    surroundings: Surroundings = ALONE,
) -> Settings:
    """Return the settings of a sandbox in `layout`, on `ports`; `store` replaces its own. ConfigError."""
    own = base(file)
    chosen = accounts or _accounts_of(file, own)
    config = msgspec.structs.replace(
        own,
        base_url=surroundings.base_url or f"http://{LOOPBACK}:{ports.web}",
        listeners={
            name: msgspec.structs.replace(
                listener,
                bind=surroundings.address,
                port=port,
                proxy_protocol=listener.proxy_protocol and surroundings.proxied,
            )
            for (name, listener), port in zip(own.listeners.items(), ports.listeners, strict=True)
        },
        signing_keys=(layout.signing_key,),
        store=store or f"sqlite:///{layout.store}",
        directory="files",
        accounts_dir=(chosen or layout.accounts).absolute(),
        run_dir=layout.sockets,
        state_dir=layout.state,
        maillog=layout.maillog,
        queue_directory=layout.queue,
        ip_pools={
            name: msgspec.structs.replace(pool, bind_address=surroundings.pool_address, bind_address6="")
            for name, pool in (own.ip_pools if chosen else POOLS | own.ip_pools).items()
        },
        delivery_port=ports.delivery,
        socket_group=socket_group,
        web=msgspec.structs.replace(own.web, bind=surroundings.address, port=ports.web),
        webhooks=msgspec.structs.replace(
            own.webhooks, allow_networks=(*own.webhooks.allow_networks, *RECEIVERS)
        ),
    )
    documented = {name: listener.port for name, listener in own.listeners.items()}
    return Settings(config, documented, demo=chosen is None)


def _accounts_of(file: Path | None, config: Config) -> Path | None:
    if file is None:
        return None
    folder = file.absolute().parent / config.accounts_dir
    return folder if folder.is_dir() else None


def as_yaml(config: Config) -> str:
    """Return `config` as the text of an estafeta.yaml."""
    plain: Any = msgspec.to_builtins(config, enc_hook=str)
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))
