"""LMTP (RFC 2033) as Postfix's lmtp(8) speaks it: aiosmtpd's server, every address and every message taken.

An answer of 5xx would have Postfix write to whoever the message says it is from, so there is none: smtpd(8)
has refused what is nobody's before it took the message. Addresses are taken as they are written; only Postfix
can reach the socket.
"""

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

COMMAND = 4096  # bytes; smtpd(8) itself cuts lines at 2048 (line_length_limit)
PATIENCE = 300.0  # seconds between two commands: lmtp(8) keeps connections for two
# Bytes of a line: a message has passed the intake's message_size_limit, and some are one line.
UNBOUNDED = 1 << 40

_PATH = re.compile(r'(?:FROM|TO):\s*<((?:"(?:[^"\\]|\\.)*"|[^">])*)>', re.IGNORECASE)

FAULT = "451 4.3.0 Internal error, try again later"

log = logging.getLogger(__name__)

Take = Callable[[str, list[str], bytes], Awaitable[list[str]]]


class Handler:
    """Hands a whole message on; one answer for each recipient, in order."""

    def __init__(self, take: Take) -> None:
        self._take = take

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Answer what has become of a message."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        return "\r\n".join(await self._take(envelope.mail_from or "", envelope.rcpt_tos, content))

    async def handle_exception(self, error: Exception) -> str:
        """Answer what a bug has stopped: the library would refuse it for good."""
        log.error("deferred: a command failed", exc_info=error)
        return FAULT


class Conversation(LMTP):
    """One session of lmtp(8). A method named after a command answers it."""

    line_length_limit = UNBOUNDED

    def __init__(self, take: Take, hostname: str) -> None:
        super().__init__(
            Handler(take),
            data_size_limit=None,
            enable_SMTPUTF8=True,  # or Postfix would return such mail to its sender
            hostname=hostname,
            ident="LMTP",
            timeout=PATIENCE,
            loop=asyncio.get_running_loop(),
        )
        self.command_size_limits = defaultdict(lambda: COMMAND)

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a message."""
        self.envelope = self._create_envelope()
        self.envelope.mail_from = _path(arg)
        await self.push("250 2.1.0 Ok")

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Take a recipient."""
        if self.envelope is not None:
            self.envelope.rcpt_tos.append(_path(arg))
        await self.push("250 2.1.5 Ok")


def _path(arg: str | None) -> str:
    found = _PATH.match(arg or "")
    return found[1] if found else ""
