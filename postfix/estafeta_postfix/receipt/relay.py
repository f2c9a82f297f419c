"""What the public smtpd(8) says to the proxy, handed on: aiosmtpd's server, with a listener behind it.

The library keeps the session and takes the message, down to the final dot. Everything else is handed on as
it came, because an address that is parsed and written again may be another one, and replies come back as
they are. Only the one that accepts a message is worded anew.

Whatever cannot be handed on is answered 451: the public smtpd passes that on, and its client comes again.
"""

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from estafeta_core import metrics
from estafeta_postfix.receipt.upstream import Reply, Upstream
from estafeta_postfix.receipt.wording import Wording

FAULT = "451 4.3.0 Internal error, try again later"
PATIENCE = 100.0  # seconds between two commands of smtpd, the time for a message included
COMMAND = 4096  # bytes; smtpd itself cuts lines at 2048 (line_length_limit)
UNBOUNDED = 1 << 40  # bytes of a line; a message has passed smtpd's message_size_limit, and some are one line

log = logging.getLogger(__name__)

# MAIL's parameter AUTH (RFC 4954 section 5) is an error where nobody can log in.
_AUTH = re.compile(
    r'(FROM:\s*(?:<(?:"(?:[^"\\]|\\.)*"|[^">])*>|[^\s<]\S*)(?:\s+\S+)*?)\s+AUTH=\S*', re.IGNORECASE
)


class Conversation:
    """What one session of smtpd has behind it: a connection to the listener, and the words of a receipt.

    It is also aiosmtpd's handler, asked when a whole message has come and when a command has failed.
    """

    def __init__(self, listener: Path, wording: Wording) -> None:
        self._listener = listener
        self._wording = wording
        self._upstream: Upstream | None = None

    async def begin(self, hostname: str) -> Reply:
        """Connect to the listener and say EHLO; its keywords are the proxy's."""
        self.close()
        self._upstream = await Upstream.connect(self._listener)
        return await self.hand_on(f"EHLO {hostname}")

    async def hand_on(self, line: str) -> Reply:
        """Have the listener answer a command. OSError when it does not."""
        if self._upstream is None:
            raise ConnectionError("there is no connection to the listener")
        return await self._upstream.command(line.encode("utf-8", "surrogateescape"))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> bytes:
        """Hand a message on, and answer what has become of it."""
        begun = self._wording.now_ms()
        metrics.RECEIPTS.add()
        reply = await self.hand_on("DATA")
        if reply.code == 354 and self._upstream is not None and isinstance(envelope.content, bytes):
            reply = await self._upstream.content(envelope.content)
        return await self._wording.receipt(bytes(reply), begun)

    async def handle_exception(self, error: Exception) -> str:
        """Answer what could not be done; a session that has lost its listener hears this again."""
        if isinstance(error, OSError):
            log.error("%s: deferred: %s", self._listener, error or "no answer in time")
        else:
            log.error("deferred: a command failed", exc_info=error)
        self.close()
        return FAULT

    def close(self) -> None:
        """Let go of the listener; a message that is not complete is gone."""
        if self._upstream is not None:
            self._upstream.close()
            self._upstream = None


class Relay(SMTP):
    """One session of smtpd. A method named after a command answers it."""

    def __init__(self, conversation: Conversation, hostname: str, gone: Callable[["Relay"], None]) -> None:
        super().__init__(
            conversation,
            data_size_limit=None,
            enable_SMTPUTF8=True,
            hostname=hostname,
            ident="ESMTP",
            timeout=PATIENCE,
            loop=asyncio.get_running_loop(),
        )
        self.command_size_limits = defaultdict(lambda: COMMAND)
        self._conversation = conversation
        self._gone = gone

    line_length_limit = UNBOUNDED

    def connection_lost(self, error: Exception | None) -> None:
        """Let go of everything, whoever ended the session."""
        super().connection_lost(error)
        self._conversation.close()
        self._gone(self)

    async def smtp_EHLO(self, hostname: str) -> None:
        """Begin a session with the listener."""
        reply = await self._conversation.begin(hostname)
        if self.session is not None:
            self.session.host_name = hostname
            self.session.extended_smtp = True
        await self.push(bytes(reply))

    async def smtp_XFORWARD(self, arg: str | None) -> None:
        """Hand on what Postfix tells of the client, for the log (XFORWARD_README)."""
        await self.push(bytes(await self._conversation.hand_on(f"XFORWARD {arg or ''}")))

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Hand MAIL on, without what a listener that has no logins does not take."""
        said = _AUTH.sub(r"\1", arg or "")
        reply = await self._conversation.hand_on(f"MAIL {said}")
        if reply.code == 250 and self.envelope is not None:
            self.envelope.mail_from = said
        await self.push(bytes(reply))

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Hand RCPT on."""
        reply = await self._conversation.hand_on(f"RCPT {arg or ''}")
        if reply.code == 250 and self.envelope is not None:
            self.envelope.rcpt_tos.append(arg or "")
        await self.push(bytes(reply))

    async def smtp_RSET(self, arg: str | None) -> None:
        """Forget the message, here and behind."""
        self.envelope = self._create_envelope()
        await self.push(bytes(await self._conversation.hand_on("RSET")))
