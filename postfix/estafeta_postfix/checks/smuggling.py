"""Whether a client can say more than one message, or one command, where it may say one.

Two things are tried. At each listener: commands sent before EHLO was answered. At the listener of copies,
which takes DATA without a login: line ends that are none, with a dot between them. That session is broken
off before the real end, so a Postfix that takes none of them for the end queues nothing, and one that does
is answered 4xx by our milter, which lets nothing pass there but copies. What ends a message at the other
listeners cannot be tried without a key; the check `settings` reads it.
"""

import contextlib
import socket
from collections.abc import Iterator

from estafeta_core.config.schema import Listener
from estafeta_postfix import proxy_protocol
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.relay import STRANGER
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.install import probes
from estafeta_postfix.install.probes import REPLY
from estafeta_postfix.ports import LOOPBACK
from estafeta_postfix.render.values import endpoint

# What some servers have taken for the end of a message (postfix.org/smtp-smuggling.html).
ENDS = (
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\n",
    b"\n.\r",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\r\n\0.\r\n",
)


def look(setup: Setup) -> Iterator[Finding]:
    """Yield where it can."""
    for name, each in setup.answering.items():
        if each.tls != "implicit" and _obeys_early(each):
            yield Finding(
                "error",
                "early-commands",
                f"listeners.{name} ({each.bind} port {each.port})",
                "it obeys commands that came before EHLO was answered",
                "set smtpd_forbid_unauth_pipelining = yes at its service: estafeta postfix install",
            )
    if _held_back(setup) and _smuggled(setup.config.delivery_port):
        yield Finding(
            "error",
            "smuggling",
            f"delivery_port ({LOOPBACK} port {setup.config.delivery_port})",
            "a dot between bare line ends ends a message: what follows it is a second one (CVE-2023-51764)",
            "set smtpd_forbid_bare_newline = normalize and empty smtpd_forbid_bare_newline_exclusions:"
            " estafeta postfix install",
        )


def _held_back(setup: Setup) -> bool:
    """Whether the milter stands behind the listener of copies, so that nothing can be queued there."""
    if not setup.splits or any(role == "milter" for role, _, _ in setup.broken_sockets):
        return False
    name = endpoint("delivery", LOOPBACK, setup.config.delivery_port)
    wanted = next((each for each in setup.served.wanted if each.name == name), None)
    there = setup.served.there.service(name, "inet")
    guards = ("smtpd_milters", "milter_default_action")
    return bool(wanted and there and all(there.options.get(each) == wanted.options[each] for each in guards))


def _obeys_early(listener: Listener) -> bool:
    replies = _said(listener, [], b"EHLO localhost\r\nMAIL FROM:<>\r\n")
    return bool(replies) and replies[0].startswith(b"2")


def _smuggled(port: int) -> bool:
    listener = Listener(dialects=(), port=port, tls="none")
    head = [b"EHLO localhost\r\n", b"MAIL FROM:<>\r\n", f"RCPT TO:<{STRANGER}>\r\n".encode(), b"DATA\r\n"]
    return any(_said(listener, head, b"Subject: check\r\n\r\nx" + end + b"RSET\r\n") for end in ENDS)


def _said(listener: Listener, commands: list[bytes], last: bytes) -> list[bytes]:
    """Return the lines that come after `commands`, each answered, and after `last`, the end of all."""
    with (
        contextlib.suppress(OSError),
        proxy_protocol.connect(listener, probes.address(listener), REPLY) as client,
        client.makefile("rb") as replies,
    ):
        for command in (b"", *commands):
            client.sendall(command)
            while (line := replies.readline())[3:4] == b"-":
                continue
            if line[:1] not in (b"2", b"3"):
                return []
        client.sendall(last)
        client.shutdown(socket.SHUT_WR)
        return replies.readlines()
    return []
