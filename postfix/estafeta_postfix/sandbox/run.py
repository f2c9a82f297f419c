"""A sandbox put together, kept running and taken down.

Order: files, then the daemons and the capture server, then Postfix, once the SASL socket answers
(without it smtpd ends before its banner, and master waits a minute before it tries again). It is
taken down the other way round, so that Postfix hears nothing but answers. A daemon that dies is
started again.
"""

import asyncio
import contextlib
import datetime
import grp
import os
import secrets
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

from estafeta_core import sockets
from estafeta_core.config.schema import Config
from estafeta_core.store import open_store
from estafeta_postfix import certificate, demo_accounts, ports
from estafeta_postfix.capture import page
from estafeta_postfix.capture.answering import Answering
from estafeta_postfix.capture.outbox import Outbox
from estafeta_postfix.capture.server import serve
from estafeta_postfix.daemons import programs, roles
from estafeta_postfix.files import write_bytes, write_text
from estafeta_postfix.instance import Instance, InstanceError, mail_owner
from estafeta_postfix.proxy_protocol import introduction
from estafeta_postfix.render.place import Place
from estafeta_postfix.sandbox import description, readiness
from estafeta_postfix.sandbox.description import ROLES, Description
from estafeta_postfix.sandbox.folder import taken
from estafeta_postfix.sandbox.layout import Layout
from estafeta_postfix.sandbox.settings import (
    ALONE,
    Ports,
    Settings,
    Surroundings,
    as_yaml,
    base,
    settings,
)
from estafeta_postfix.supervisor import Program, Supervisor

SOCKETS = (
    sockets.sasl,
    sockets.policy,
    sockets.milter,
    sockets.copies,
    sockets.intake,
    sockets.receipt,
)
IDLE_STOP = 1.0  # seconds; libmilter would look round for five before it ends
RETRY_DELAY = 10  # seconds before Postfix tries deferred mail again: nobody wants to wait for five minutes


async def run(
    folder: Path | None,
    *,
    file: Path | None,
    accounts: Path | None,
    store: str | None,
    say: Callable[[str], None],
    announce: Callable[[Description], None],
    surroundings: Surroundings = ALONE,
) -> None:
    """Run a sandbox until SIGINT, SIGTERM or SIGHUP; `announce` it when all of it answers.

    `folder` None: a temporary one. `say` takes progress, a line a step. `surroundings` are for whoever runs
    several of them as hosts. Raises FolderError, PortError, ConfigError, InstanceError, SocketError and
    NotReadyError; whatever was started is stopped first.
    """
    if os.geteuid() != 0:
        raise InstanceError("Postfix can only be started by root: run this as root (it stays on loopback)")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the last: the terminal was closed
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with taken(folder) as layout:
        supervisor = Supervisor()
        starting = asyncio.create_task(
            _start(layout, supervisor, surroundings, file=file, accounts=accounts, store=store, say=say)
        )
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                announce(await starting)
                await stopping
        finally:
            for task in (starting, stopping):
                task.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            await _stop(supervisor)


async def _start(
    layout: Layout,
    supervisor: Supervisor,
    surroundings: Surroundings,
    *,
    file: Path | None,
    accounts: Path | None,
    store: str | None,
    say: Callable[[str], None],
) -> Description:
    say(f"writing configuration into {layout.root}")
    numbers = surroundings.ports or _take_ports(len(base(file).listeners))
    owner = mail_owner()
    group = grp.getgrgid(owner.pw_gid).gr_name
    chosen = settings(
        layout, numbers, group, file=file, accounts=accounts, store=store, surroundings=surroundings
    )
    for path in SOCKETS:
        sockets.claim(path(chosen.config.run_dir))
    credentials = _write_files(layout, chosen)
    place = Place(
        root=layout.postfix,
        intake_host=ports.LOOPBACK,
        intake_port=numbers.intake,
        delivery_port=numbers.delivery,
        tls_chain=layout.tls_chain,
        relayhost=surroundings.relayhost or f"[{ports.LOOPBACK}]:{numbers.capture}",
        retry_delay=RETRY_DELAY,
    )
    if not surroundings.relayhost:
        await _start_outbox(layout, supervisor, chosen.config, numbers)
    say("starting " + ", ".join(roles(chosen.config)))
    await _start_daemons(layout, supervisor, chosen.config)
    instance = Instance(place)
    await asyncio.to_thread(instance.ensure, chosen.config)
    await _daemons_answer(layout, supervisor, chosen.config, numbers)
    say("starting Postfix")
    log = layout.logs / "postfix.log"
    for name, command in (
        ("postfix", instance.master_command()),
        ("postfix-guard", instance.guard_command()),
    ):
        await supervisor.start(Program(name, command, log, instance.environment))
    await _postfix_answers(supervisor, chosen.config, numbers)
    processes = {role: supervisor.pid(role) for role in ROLES if role in supervisor}
    records = description.published(chosen.config)
    return Description(layout, chosen, numbers, processes, credentials, records)


async def _start_outbox(layout: Layout, supervisor: Supervisor, config: Config, numbers: Ports) -> None:
    """Take all mail that leaves, and show it."""
    answering = Answering(ports.LOOPBACK, numbers.intake, config.bounce_domain)
    await serve(Outbox(layout.outbox), ports.LOOPBACK, numbers.capture, answering)
    shown = page.command(layout.outbox, numbers.outbox)
    await supervisor.start(Program("outbox", shown, layout.logs / "outbox.log"))


def _take_ports(listeners: int) -> Ports:
    web, intake, capture, delivery, outbox, *others = ports.take(5 + listeners)
    return Ports(web, intake, capture, delivery, outbox, tuple(others))


def _write_files(layout: Layout, chosen: Settings) -> list[demo_accounts.DemoCredential]:
    """Write everything the daemons read; return the demo credentials, if these are the accounts."""
    for folder, mode in (
        (layout.accounts, 0o700),
        (layout.signing_key.parent, 0o700),
        (layout.sockets, 0o755),
        (layout.state, 0o711),
        (layout.logs, 0o755),
    ):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
    if not layout.signing_key.exists():
        write_text(layout.signing_key, secrets.token_hex(32), mode=0o600)
    _write_certificates(layout, chosen.config.hostname)
    write_text(layout.config, as_yaml(chosen.config), mode=0o644)
    if not chosen.demo:
        return []
    credentials = demo_accounts.write(layout.accounts, layout.dkim_keys)
    with contextlib.closing(open_store(chosen.config.store)) as store:
        store.record(demo_accounts.suppressions())
    return credentials


def _write_certificates(layout: Layout, hostname: str) -> None:
    made = certificate.make(hostname, datetime.datetime.now(datetime.UTC))
    write_bytes(layout.authority, made.authority, mode=0o644)
    write_bytes(layout.tls_chain, made.chain, mode=0o600)


async def _start_daemons(layout: Layout, supervisor: Supervisor, config: Config) -> None:
    for program in programs(layout.config, config, layout.logs):
        await supervisor.start(program)


async def _daemons_answer(layout: Layout, supervisor: Supervisor, config: Config, numbers: Ports) -> None:
    probes = {
        "sasl": readiness.unix_socket(sockets.sasl(config.run_dir)),
        "policy": readiness.unix_socket(sockets.policy(config.run_dir)),
        "milter": readiness.unix_socket(sockets.milter(config.run_dir)),
        "intake": readiness.unix_socket(sockets.intake(config.run_dir)),
        "receipt": readiness.unix_socket(sockets.receipt(config.run_dir)),
        "web": readiness.http(config.web.bind, config.web.port, "/healthz"),
        "outbox": readiness.http(ports.LOOPBACK, numbers.outbox, "/"),
    }
    await asyncio.gather(
        *(
            readiness.wait(role, probe, partial(supervisor.deaths, role), layout.logs / f"{role}.log")
            for role, probe in probes.items()
            if role in supervisor
        )
    )


async def _postfix_answers(supervisor: Supervisor, config: Config, numbers: Ports) -> None:
    places = [
        (each.bind, each.port, each.tls == "implicit", introduction(each))
        for each in config.listeners.values()
    ]
    own = [(ports.LOOPBACK, port, False, b"") for port in (numbers.intake, numbers.delivery)]
    for host, port, tls, first in (*places, *own):
        probe = readiness.smtp_banner(host, port, tls=tls, first=first)
        await readiness.wait(f"{host}:{port}", probe, partial(supervisor.deaths, "postfix"), config.maillog)


async def _stop(supervisor: Supervisor) -> None:
    """Stop Postfix first, then whoever it asks; by then they have nothing in hand."""
    if "postfix" in supervisor:
        await supervisor.stop(["postfix"])
    await supervisor.stop(patience=IDLE_STOP)
