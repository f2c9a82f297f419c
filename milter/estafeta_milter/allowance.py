"""Do the limits allow the recipients that lists in a message add? The policy daemon counts them.

It counts those of RCPT TO when Postfix asks about each, and would never hear of cc, bcc and archive. So the
milter asks as Postfix does at END-OF-MESSAGE (SMTPD_POLICY_README), on a connection of its own for each such
message, with one attribute of ours:

    recipient_count     recipients of the message, those of its lists included
    recipients_counted  how many of them have been asked about at RCPT TO
    action              DUNNO: counted; a refusal: none of them was; anything else is a fault

Nothing is asked where no limit is configured, so that such an account does not depend on the daemon.
Otherwise a message that cannot be counted is refused for now: a daemon that is away or slow is no way past
the limits.
"""

import contextlib
import logging
import re
import socket
import time
from pathlib import Path

from estafeta_core.config.accounts import Limits
from estafeta_core.directory import Credential
from estafeta_core.refusal import UNCOUNTED, Refusal
from estafeta_milter.verdict import Envelope

PATIENCE = (
    5.0  # seconds for the answer; it takes a millisecond, and a client waits 60 s (with 20 of the store's)
)
ANSWER_BYTES = 4096  # far above the longest reply of the daemon

_REFUSED = re.compile(r"([45]\d\d) (\d\.\d{1,3}\.\d{1,3}) (.+)")
_CONTROLS = re.compile(r"[\x00-\x1f]")

log = logging.getLogger(__name__)


class Allowance:
    """The policy daemon's counters, by its socket; safe to share between threads."""

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self._path = path
        self._patience = patience

    def take(self, envelope: Envelope, queue_id: str, *, total: int, counted: int) -> Refusal | None:
        """Have all recipients counted that were not, or return why the message may not go."""
        if total <= counted or not _limited(envelope.credential):
            return None
        fields = {"queue_id": queue_id, "identity": envelope.identity}
        try:
            answer = self._ask(_request(envelope, queue_id, total, counted))
        except OSError as error:  # TimeoutError is one
            told = (queue_id, envelope.identity, error)
            log.error("%s: %s: the policy daemon does not answer: %s", *told, extra=fields)
            return UNCOUNTED
        if answer == "DUNNO":
            return None
        refused = _REFUSED.fullmatch(answer)
        if refused is None:
            told_of = (queue_id, envelope.identity, answer)
            log.error("%s: %s: the policy daemon says %r", *told_of, extra=fields)
            return UNCOUNTED
        return Refusal(int(refused[1]), refused[2], refused[3])

    def _ask(self, request: bytes) -> str:
        """Return the action that the daemon names; "" for what is no answer."""
        deadline = time.monotonic() + self._patience
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(self._patience)
            connection.connect(str(self._path))
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b"\n\n") and len(answer) <= ANSWER_BYTES:
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                piece = connection.recv(ANSWER_BYTES)
                if not piece:
                    raise ConnectionError("the connection was closed")
                answer += piece
        name, _, action = answer.decode("utf-8", "replace").strip().partition("=")
        return action if name == "action" else ""


def _limited(credential: Credential) -> bool:
    """Return whether any limit may apply to a message of this credential; which one does, the daemon says."""
    account = credential.account
    every = (credential.settings.limits, account.limits, account.domain_limits)
    return any(limits != Limits() for limits in every)


def _request(envelope: Envelope, queue_id: str, total: int, counted: int) -> bytes:
    attributes = {
        "request": "smtpd_access_policy",
        "protocol_state": "END-OF-MESSAGE",
        "queue_id": queue_id,
        "sasl_username": str(envelope.identity),
        "policy_context": envelope.listener,
        "recipient_count": str(total),
        "recipients_counted": str(counted),
        "sender": _CONTROLS.sub("?", envelope.sender),
    }
    lines = "".join(f"{name}={value}\n" for name, value in attributes.items())
    return lines.encode("utf-8", "surrogateescape") + b"\n"
