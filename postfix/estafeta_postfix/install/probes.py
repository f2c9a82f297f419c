"""Whether what was installed works: the daemons' sockets before Postfix is told, each listener afterwards.

A probe returns what is wrong, or "". Nothing is sent: a session ends before any MAIL.
"""

import contextlib
import os
import smtplib
import socket
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from pwd import struct_passwd

from estafeta_core import sockets
from estafeta_core.config.schema import Config, Listener
from estafeta_postfix.daemons import roles
from estafeta_postfix.install.server import postconf
from estafeta_postfix.ports import LOOPBACK
from estafeta_postfix.render.listener import MILTER_FAULTS, SMUGGLING
from estafeta_postfix.render.service import Service

PATIENCE = 20.0  # seconds after a reload until every service answers; one on an idle machine
REPLY = 10.0  # seconds for one reply

# What no smtpd of ours may be without.
GUARDS = {"milter_default_action": MILTER_FAULTS["milter_default_action"], **SMUGGLING}

_ANY = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - an address to listen on, read here only


def daemons(config: Config, owner: struct_passwd) -> Iterator[str]:
    """Yield what is wrong with the sockets of our daemons, as Postfix's user `owner` meets them."""
    places = {
        "sasl": sockets.sasl,
        "policy": sockets.policy,
        "milter": sockets.milter,
        "intake": sockets.intake,
        "receipt": sockets.receipt,
    }
    paths = [(role, places[role](config.run_dir)) for role in roles(config) if role in places]
    for role, path in [*paths, ("milter", sockets.copies(config.run_dir))]:
        if wrong := _socket(path, owner):
            yield f"{path}: {wrong}; does `estafeta serve {role}` run, with this run_dir and socket_group?"


def _socket(path: Path, owner: struct_passwd) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(REPLY)
        try:
            client.connect(str(path))
        except OSError as error:
            return (error.strerror or str(error)).lower()
    if not _may(path, owner, stat.S_IWUSR):
        return f"{owner.pw_name} may not open it"
    closed = [each for each in path.parents if not _may(each, owner, stat.S_IXUSR)]
    return f"{closed[0]} is closed to {owner.pw_name}" if closed else ""


def _may(path: Path, owner: struct_passwd, bit: int) -> bool:
    """Whether a user may, by the mode of a file: the bits of its owner, of its group or of all others."""
    status = path.stat()
    if status.st_uid == owner.pw_uid:
        return bool(status.st_mode & bit)
    groups = os.getgrouplist(owner.pw_name, owner.pw_gid)
    return bool(status.st_mode & (bit >> 3 if status.st_gid in groups else bit >> 6))


def guards(config_directory: Path, services: list[Service]) -> Iterator[str]:
    """Yield each smtpd of ours that Postfix does not know as guarded against smuggling and half edits."""
    lines = (line.partition("=") for line in postconf(config_directory, "-P").splitlines())
    said = {place.strip(): value.strip() for place, _, value in lines}
    for each in services:
        for name, value in GUARDS.items() if each.command == "smtpd" else ():
            key = f"{each.name}/{each.kind}/{name}"
            if said.get(key) != value:
                yield f"master.cf: {key} is {said.get(key)!r} and not {value!r}"


def listeners(config: Config) -> Iterator[str]:
    """Yield each listener that does not greet, does not offer AUTH or does not speak TLS as it should."""
    give_up = time.monotonic() + PATIENCE
    probes: dict[str, Callable[[], str]] = {
        f"listeners.{name} ({each.bind} port {each.port})": lambda each=each: _client(each)  # type: ignore[misc]
        for name, each in config.listeners.items()
    }
    probes[f"delivery_port ({LOOPBACK} port {config.delivery_port})"] = lambda: _delivery(
        config.delivery_port
    )
    for what, probe in probes.items():
        while (wrong := probe()) and time.monotonic() < give_up:
            time.sleep(0.1)
        if wrong:
            yield f"{what}: {wrong}"


def _client(listener: Listener) -> str:
    """Ask a listener as an application would, up to its login."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # whose name it has is the operator's
    host = _ANY.get(listener.bind, listener.bind)
    try:
        client = (
            smtplib.SMTP_SSL(host, listener.port, timeout=REPLY, context=context)
            if listener.tls == "implicit"
            else smtplib.SMTP(host, listener.port, timeout=REPLY)
        )
        with contextlib.closing(client):
            client.ehlo("localhost")
            if listener.tls in ("starttls", "required"):
                client.starttls(context=context)
                client.ehlo("localhost")
            offered = client.has_extn("auth")
            client.quit()
            return "" if offered else "AUTH is not offered"
    except (OSError, smtplib.SMTPException) as error:
        return str(error) or type(error).__name__


def _delivery(port: int) -> str:
    try:
        with contextlib.closing(smtplib.SMTP(LOOPBACK, port, timeout=REPLY)) as client:
            client.ehlo("localhost")
            offered = client.has_extn("xforward")
            client.quit()
            return "" if offered else "it is not the listener of copies"
    except (OSError, smtplib.SMTPException) as error:
        return str(error) or type(error).__name__
