"""What is asked before a message comes: who sends it, whether he still may, and to whom.

At MAIL the credential is asked again, so that a key revoked a second ago stops in an open session. A message
by way of the receipt proxy brings its sender's login as a ticket, and is asked the same at its end. Nothing
is written here, and nothing is looked up but the configuration in force.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from estafeta_core.config.live import Live
from estafeta_core.config.load import Snapshot
from estafeta_core.dialects import DIALECTS
from estafeta_core.dialects.base import Dialect
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.identity import Identity
from estafeta_core.refusal import Refusal
from estafeta_core.rules import credential_active, recipient_syntax, sender_syntax, standing
from estafeta_milter import relayed, senders
from estafeta_milter.derived import Deriving
from estafeta_milter.verdict import Envelope

log = logging.getLogger(__name__)

NO_TICKET = Refusal(451, "4.7.1", "This listener takes nothing but messages with a ticket")


class Admission:
    """The decisions before a message, on the configuration in force."""

    def __init__(
        self, live: Live, deriving: Deriving, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._live = live
        self._deriving = deriving
        self._now = now

    def mail(
        self, *, identity: str, listener: str, client_address: str, secured: bool, sender: str, size: int = 0
    ) -> Envelope | Refusal:
        """Decide on MAIL FROM; `identity` is what the SASL back end returned, "" where nobody logged in.

        `size` is what the client announces, in bytes; 0 where it announces nothing.
        """
        if not identity:
            return _speaking(self._live.current, listener).authentication_required
        envelope = self._opened(
            identity=identity,
            listener=listener,
            client_address=client_address,
            secured=secured,
            sender=sender,
            size=size,
        )
        if isinstance(envelope, Envelope) and envelope.settings is not None and envelope.settings.deprecated:
            log.warning(
                "MAIL: %s: listener %s is deprecated: use another port",
                *(identity, listener),
                extra={"identity": identity, "client": client_address},
            )
        return envelope

    def relayed(self, queue_id: str, sender: str, headers: tuple[Header, ...]) -> Envelope | Refusal:
        """Decide who sends a message that came by way of the receipt proxy, and whether he still may."""
        while True:
            snapshot = self._live.current
            now = int(self._now().timestamp())
            ticket = relayed.ticket(headers, self._deriving.of(snapshot).tickets, now)
            if ticket is not None:
                envelope = self._opened(
                    identity=ticket.identity,
                    listener=ticket.listener,
                    client_address=ticket.client_address,
                    secured=ticket.secured,
                    sender=sender,
                )
                return envelope if isinstance(envelope, Refusal) else replace(envelope, relayed=True)
            # The policy daemon may have signed with a key that this process has not read yet.
            if not self._live.catch_up(snapshot):
                text = "%s: deferred: the message does not begin with one valid ticket"
                log.error(text, queue_id, extra={"queue_id": queue_id})
                return NO_TICKET

    def rcpt(self, envelope: Envelope, recipient: str) -> Refusal | None:
        """Decide on RCPT TO."""
        if recipient_syntax.check(recipient) is None:
            return None
        refusal = envelope.dialect.recipient_refused(recipient, envelope.credential.account)
        return _logged("RCPT", str(envelope.identity), refusal)

    def command(self, listener: str, line: str) -> Refusal | None:
        """Return the answer to a command that Postfix does not know; None: Postfix's own."""
        return _speaking(self._live.current, listener).command_refused(line)

    def _opened(
        self, *, identity: str, listener: str, client_address: str, secured: bool, sender: str, size: int = 0
    ) -> Envelope | Refusal:
        snapshot = self._live.current
        who = Identity.parse(identity)
        found = self._credential(snapshot, who, client_address, secured)
        if isinstance(found, Refusal) and self._live.catch_up(snapshot):
            # The SASL back end may have let in a key made a moment ago, and a refusal is final: look again.
            snapshot = self._live.current
            found = self._credential(snapshot, who, client_address, secured)
        if isinstance(found, Refusal):
            return _logged("MAIL", identity, found)
        opened = int(self._now().timestamp() * 1000)
        envelope = Envelope(snapshot, who, found, listener, sender, opened, client_address)
        refusal = (
            senders.check_envelope(sender, found, who.subaccount, envelope.dialect)
            or sender_syntax.check(sender)
            or envelope.too_large(size)
        )
        if refusal is not None:
            return _logged("MAIL", identity, refusal)
        return envelope

    def _credential(
        self, snapshot: Snapshot, who: Identity, client_address: str, secured: bool
    ) -> Credential | Refusal:
        """Return the credential behind an identity, or why it may not be used now."""
        credential = snapshot.directory.credential(who)
        if credential is None:
            return credential_active.REVOKED  # it has been taken out of its file since the login
        refusal = standing.check(
            credential, who.subaccount, client_address=client_address, secured=secured, now=self._now()
        )
        return refusal or credential


def _speaking(snapshot: Snapshot, listener: str) -> Dialect:
    """Return the dialect that speaks where nobody has logged in: the first of the listener."""
    settings = snapshot.config.listeners.get(listener)
    return DIALECTS[settings.dialects[0]] if settings else Dialect()


def _logged(command: str, identity: str, refusal: Refusal) -> Refusal:
    log.info("%s: %s: refused: %s", command, identity, refusal, extra={"identity": identity})
    return refusal
