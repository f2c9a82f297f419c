"""The two daemons' way of running: their sockets, signals and reloads.

run_sasl     the SASL back end; it starts and stays whatever the configuration is like, because
             smtpd cannot greet a client without it
run_policy   the policy delegation server; a start without usable configuration is an error

Both take SIGTERM (finish what is begun, end within 5 seconds) and SIGHUP (reload). A reload changes
nothing for open connections but the accounts behind them; one that fails changes nothing at all.
A thread reads the store for credentials that are suspended by themselves; neither daemon needs the store to
start or to answer.
"""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvloop

from estafeta_core import logs, metrics, sockets
from estafeta_core.config.document import ConfigError
from estafeta_core.config.live import Live
from estafeta_core.config.load import Snapshot, load_config
from estafeta_core.config.schema import Config
from estafeta_core.standings import Standings
from estafeta_policy import listening, serving
from estafeta_policy.journal import Journal
from estafeta_policy.policy_daemon import Policy
from estafeta_policy.sasl_daemon import Sasl

DRAIN = 4.0  # seconds; systemd, and whoever waits for the end, gets it within 5

log = logging.getLogger(__name__)

Role = Callable[[asyncio.AbstractEventLoop, Journal], Sasl | Policy]


def run_sasl(config_path: Path) -> int:
    """Serve AUTH until SIGTERM; return the exit status."""
    formatter = logs.setup("sasl", form=logs.form(config_path))
    live = Live(config_path, start_empty=True)
    run_dir, group = _place(config_path, live)
    metrics.open(run_dir, "sasl")
    return _run(Sasl, live, sockets.sasl(run_dir), group, formatter)


def run_policy(config_path: Path) -> int:
    """Serve policy requests until SIGTERM; return the exit status."""
    formatter = logs.setup("policy", form=logs.form(config_path))
    try:
        live = Live(config_path, patient=True)
    except ConfigError:  # logged by Live, with file, line and key
        return 1
    config = live.current.config
    metrics.open(config.run_dir, "policy")
    return _run(Policy, live, sockets.policy(config.run_dir), config.socket_group, formatter)


def _place(config_path: Path, live: Live) -> tuple[Path, str]:
    """Return where the socket belongs and to whom, even when accounts or all of it cannot be read."""
    if live.snapshot is not None:
        return live.snapshot.config.run_dir, live.snapshot.config.socket_group
    try:
        config = load_config(config_path)
    except ConfigError:
        defaults = {field.name: field.default for field in msgspec.structs.fields(Config)}
        return defaults["run_dir"], defaults["socket_group"]
    return config.run_dir, config.socket_group


def _run(role: Role, live: Live, path: Path, group: str, formatter: logs.Formatter) -> int:
    try:
        listener = listening.inherited(os.environ) or listening.bound(path, group)
    except (sockets.SocketError, OSError) as error:
        log.critical("%s", error)
        return 1
    sockets.use_every_descriptor()
    Standings(live).start()
    journal = Journal(formatter, sys.stderr)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # answers twice as many requests
        runner.run(_serve(role, live, listener, journal))
    journal.flush()
    return 0


async def _serve(
    role: Role,
    live: Live,
    listener: socket.socket,
    journal: Journal,
) -> None:
    """Answer until SIGTERM or SIGINT, then until nothing is pending."""
    loop = asyncio.get_running_loop()
    daemon = role(loop, journal)
    live.on_change(lambda snapshot: _in_loop(loop, daemon.take, snapshot))  # before a look, so none is missed
    if live.snapshot is not None:
        daemon.take(live.snapshot)
    live.watch()
    await serving.until_told(
        listener, daemon.connection, daemon.idle, drain=DRAIN, reload=live.request_reload
    )
    daemon.close()


def _in_loop(loop: asyncio.AbstractEventLoop, take: Callable[[Snapshot], None], snapshot: Snapshot) -> None:
    """Have the loop's thread put `snapshot` into force, unless the daemon is ending."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(take, snapshot)
