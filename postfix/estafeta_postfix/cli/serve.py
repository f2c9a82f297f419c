"""`estafeta serve ROLE`: one daemon in the foreground, or all of them under one supervisor."""

import asyncio
import signal
import sys
from pathlib import Path

import click

from estafeta_postfix.daemons import RUNNERS, program, serve
from estafeta_postfix.supervisor import Supervisor


@click.command("serve")
@click.argument("role", type=click.Choice([*RUNNERS, "all"]))
@click.pass_obj
def command(config: Path, role: str) -> None:
    """Run one daemon (or `all`) in the foreground.

    sasl: who logs in. policy: limits. milter: checks and rewrites. web: links and pixels. worker: follows
    the mail log. SIGTERM stops it, SIGHUP reloads the configuration.
    """
    if role == "all":
        asyncio.run(_serve_all(config))
    else:
        sys.exit(serve(role, config))


async def _serve_all(config: Path) -> None:
    stop = asyncio.Event()
    supervisor = Supervisor()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, supervisor.signal, signal.SIGHUP)
    for role in RUNNERS:
        await supervisor.start(program(role, config))
    await stop.wait()
    await supervisor.stop()
