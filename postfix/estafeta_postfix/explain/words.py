"""Replies as the client reads them.

The milter's replies reach it word for word. Postfix puts words of its own before those of the policy daemon
(access(5)), and has its own replies; behind them stand the words that a provider documents
(smtpd_reject_footer_maps), where a listener speaks for one provider alone.
"""

import re
from dataclasses import dataclass

from estafeta_core.config.schema import Listener
from estafeta_core.refusal import Refusal
from estafeta_milter.reply import reply
from estafeta_policy.wire.delegation import clean
from estafeta_postfix.render.tables import only_dialect

LOGGED_IN = "235 2.7.0 Authentication successful"
SENDER_OK = "250 2.1.0 Ok"
RECIPIENT_OK = "250 2.1.5 Ok"
GO_AHEAD = "354 End data with <CR><LF>.<CR><LF>"
STARTTLS_FIRST = "530 5.7.0 Must issue a STARTTLS command first"
BAD_SENDER = "501 5.1.7 Bad sender address syntax"
BAD_RECIPIENT = "501 5.1.3 Bad recipient address syntax"
TOO_MANY_RECIPIENTS = "452 4.5.3 Error: too many recipients"
NO_RECIPIENTS = "554 5.5.1 Error: no valid recipients"
TOO_BIG = "552 5.3.4 Error: message file too big"
TOO_MANY_HOPS = "554 5.4.0 Error: too many hops"

# What Postfix takes for a domain (valid_hostname), in any script; `is_address` of the core asks more.
_HOSTNAME = re.compile(r"(?!-)[\w-]{1,63}(?<!-)(?:\.(?!-)[\w-]{1,63}(?<!-))*")
_LITERAL = re.compile(r"\[[0-9A-Za-z.:]+\]")
_FOOTER = re.compile(r"/(?P<pattern>.*)/ \\c(?P<text>.*)")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client says, and what it is told."""

    command: str  # "" is the message itself, up to the final dot
    line: str

    @property
    def code(self) -> int:
        """The reply's code (RFC 5321 section 4.2)."""
        return int(self.line[:3])

    @property
    def refused(self) -> bool:
        """Whether the answer is no."""
        return self.code >= 400

    @property
    def temporary(self) -> bool:
        """Whether the client should come again with the same."""
        return 400 <= self.code < 500


def from_milter(refusal: Refusal) -> str:
    """Return the line of a refusal that the milter tells."""
    code, status, text = reply(refusal)
    return " ".join(filter(None, (code, status, text.replace("%%", "%"))))


def from_policy(refusal: Refusal, recipient: str) -> str:
    """Return the line of a refusal that the policy daemon tells, about a recipient."""
    said = clean(refusal.text)
    return f"{refusal.code} {refusal.status} <{recipient}>: Recipient address rejected: {said}"


def from_login(refusal: Refusal) -> str:
    """Return the line of a refusal that the SASL back end tells: its reason alone reaches the client."""
    return f"535 5.7.8 Error: authentication failed: {refusal.text}"


def queued(queue_id: str) -> str:
    """Return the line of a message that was taken."""
    return f"250 2.0.0 Ok: queued as {queue_id}"


def has_host(address: str) -> bool:
    """Whether Postfix itself takes the domain of an address, if it has one, for one."""
    _, at, domain = address.rpartition("@")
    if not at or _LITERAL.fullmatch(domain):
        return True
    numeric = domain.replace(".", "").isdigit()
    return _HOSTNAME.fullmatch(domain) is not None and not numeric and len(domain) <= 255


def with_footer(line: str, listener: Listener) -> str:
    """Return a refusal with what the listener's provider has behind it."""
    dialect = only_dialect(listener)
    if dialect is None or line[:1] not in "45":
        return line
    for entry in dialect.reject_footers(listener.size_limit or dialect.size_limit):
        footer = _FOOTER.fullmatch(entry)
        if footer is not None and re.search(footer["pattern"], line, re.IGNORECASE):
            return f"{line}{footer['text']}"
    return line
