"""One host, as a program: a sandbox whose listeners and web service have an address of the network.

    python -m estafeta_hosts.host JSON        (the fields of `Order`)

When all of it answers, it prints one line of JSON, as `estafeta sandbox --json` does. SIGTERM stops it.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from estafeta_postfix.sandbox import run
from estafeta_postfix.sandbox.description import Description
from estafeta_postfix.sandbox.settings import Ports, Surroundings, base

OWN_PORTS = (10025, 10026, 10587, 10027)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run."""

    folder: str
    config: str  # estafeta.yaml, which says where the listeners are
    accounts: str
    store: str = ""  # "": one of its own
    relayhost: str = ""  # "": an outbox of its own
    own_ports: tuple[int, ...] = OWN_PORTS  # on the host's loopback: intake, capture, copies, outbox

    def command(self) -> list[str]:
        """Return the command line that runs it."""
        return [sys.executable, "-m", "estafeta_hosts.host", json.dumps(asdict(self))]


def surroundings(order: Order) -> Surroundings:
    """Return where the host stands, as its configuration has it."""
    config = base(Path(order.config))
    intake, capture, delivery, outbox = order.own_ports
    ports = Ports(
        web=config.web.port,
        intake=intake,
        capture=capture,
        delivery=delivery,
        outbox=outbox,
        listeners=tuple(each.port for each in config.listeners.values()),
    )
    address = config.web.bind
    return Surroundings(address, ports, config.base_url, True, address, order.relayhost)


def main() -> None:
    """Run it until SIGTERM."""
    order = Order(**json.loads(sys.argv[1]))

    def announce(description: Description) -> None:
        click.echo(description.as_json())

    def say(text: str) -> None:
        click.echo(text, err=True)

    asyncio.run(
        run.run(
            Path(order.folder),
            file=Path(order.config),
            accounts=Path(order.accounts),
            store=order.store or None,
            say=say,
            announce=announce,
            surroundings=surroundings(order),
        )
    )


if __name__ == "__main__":
    main()
