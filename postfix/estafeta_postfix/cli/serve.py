"""`estafeta serve ROLE`: one daemon in the foreground, or all of them under one supervisor."""

import asyncio
import signal
import sys
from pathlib import Path

import click

from estafeta_core import logs
from estafeta_core.config.document import ConfigError
from estafeta_core.config.load import load_config
from estafeta_core.sockets import SocketError
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.daemons import RUNNERS, programs, serve
from estafeta_postfix.supervisor import Program, Supervisor


@click.command("serve")
@click.argument("role", type=click.Choice([*RUNNERS, "all"]))
@click.pass_obj
def command(config: Path, role: str) -> None:
    """Run one daemon (or `all`) in the foreground.

    sasl: who logs in. policy: limits. milter: checks and rewrites. web: links and pixels. worker: follows
    the mail log. intake: bounces, complaints and unsubscribes by mail. receipt: the provider's receipt, for
    listeners with `receipt: true`. SIGTERM stops it, SIGHUP reloads the configuration.
    """
    if role != "all":
        sys.exit(serve(role, config))
    logs.setup("serve", form=logs.form(config))
    try:
        made = programs(config, load_config(config))
    except (ConfigError, SocketError) as error:
        raise Failure(str(error)) from None
    asyncio.run(_serve_all(made))


async def _serve_all(made: list[Program]) -> None:
    stop = asyncio.Event()
    supervisor = Supervisor()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, supervisor.signal, signal.SIGHUP)
    for program in made:
        await supervisor.start(program)
    await stop.wait()
    await supervisor.stop()
