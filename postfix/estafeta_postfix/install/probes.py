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
from estafeta_postfix import proxy_protocol
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


def places(config: Config) -> list[tuple[str, Path]]:
    """Return role and path of every socket between Postfix and our daemons."""
    named = {
        "sasl": sockets.sasl,
        "policy": sockets.policy,
        "milter": sockets.milter,
        "intake": sockets.intake,
        "receipt": sockets.receipt,
    }
    paths = [(role, named[role](config.run_dir)) for role in roles(config) if role in named]
    return [*paths, ("milter", sockets.copies(config.run_dir))]


def daemons(config: Config, owner: struct_passwd) -> Iterator[str]:
    """Yield what is wrong with the sockets of our daemons, as Postfix's user `owner` meets them."""
    for role, path in places(config):
        if wrong := unusable(path, owner):
            yield f"{path}: {wrong}; does `estafeta serve {role}` run, with this run_dir and socket_group?"


def unusable(path: Path, owner: struct_passwd) -> str:
    """Return why `owner` cannot use a socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(REPLY)
        try:
            client.connect(str(path))
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return forbidden(path, owner, stat.S_IWUSR)


def forbidden(path: Path, owner: struct_passwd, bit: int) -> str:
    """Return why a user may not do with a file what `bit` stands for; OSError where it is not there."""
    if not _may(path, owner, bit):
        return f"{owner.pw_name} may not open it"
    closed = [each for each in path.parents if not _may(each, owner, stat.S_IXUSR)]
    return f"{closed[0]} is closed to {owner.pw_name}" if closed else ""


def _may(path: Path, owner: struct_passwd, bit: int) -> bool:
    """Whether a user may, by the mode of a file: the bits of its owner, of its group or of all others."""
    if owner.pw_uid == 0:
        return True
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
        f"listeners.{name} ({each.bind} port {each.port})": lambda each=each: client(each)  # type: ignore[misc]
        for name, each in config.listeners.items()
    }
    probes[f"delivery_port ({LOOPBACK} port {config.delivery_port})"] = lambda: delivery(config.delivery_port)
    for what, probe in probes.items():
        while (wrong := probe()) and time.monotonic() < give_up:
            time.sleep(0.1)
        if wrong:
            yield f"{what}: {wrong}"


def client(listener: Listener) -> str:
    """Ask a listener as an application would, up to its login; return what is wrong."""
    try:
        with session(listener) as asked:
            return "" if asked.has_extn("auth") else "AUTH is not offered"
    except (OSError, smtplib.SMTPException) as error:
        return str(error) or type(error).__name__


@contextlib.contextmanager
def session(listener: Listener, *, tls: bool = True) -> Iterator[smtplib.SMTP]:
    """Yield a session in which EHLO was said, under TLS where the listener has it; OSError, SMTPException."""
    context = unverified()
    with contextlib.closing(proxy_protocol.client(listener, address(listener), REPLY, context)) as begun:
        begun.ehlo("localhost")
        if tls and listener.tls in ("starttls", "required"):
            begun.starttls(context=context)
            begun.ehlo("localhost")
        yield begun
        begun.quit()


def unverified() -> ssl.SSLContext:
    """Return a context that takes every certificate: whose name it has is the operator's business."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def address(listener: Listener) -> str:
    """Return where this host reaches a listener."""
    return _ANY.get(listener.bind, listener.bind)


def delivery(port: int) -> str:
    """Ask the listener of copies as the split would; return what is wrong."""
    try:
        with contextlib.closing(smtplib.SMTP(LOOPBACK, port, timeout=REPLY)) as client:
            client.ehlo("localhost")
            offered = client.has_extn("xforward")
            client.quit()
            return "" if offered else "it is not the listener of copies"
    except (OSError, smtplib.SMTPException) as error:
        return str(error) or type(error).__name__
