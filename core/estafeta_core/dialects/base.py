"""What a provider's dialect answers; one file per provider says it.

Everything one provider does differently from the others stands behind these names: its user-name
form, its control headers, its reply texts and its limits. A provider overrides what it documents;
what is said here holds where its documents are silent.

A listener of Postfix speaks for one dialect or several. Where something has to be said before anybody has
logged in, the first of them speaks.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from estafeta_core import secrets
from estafeta_core.config.accounts import Account
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal

SenderField = Literal["mail from", "from", "sender", "reply-to"]

# Postfix's own words for a message that is too large, at MAIL and at the final dot: for `reject_footers`.
TOO_LARGE_PATTERN = r"/^552 5\.3\.4 (Message size exceeds fixed limit|Error: message file too big)$/"

# The one doubt that hides nothing: a part that ends where its content would begin.
NO_CONTENT = "a part without content"

_USERNAME = re.compile(r"[\x21-\x7e]{1,128}")  # what every SASL mechanism and log carries unchanged


@dataclass(frozen=True, slots=True)
class UserName:
    """What a dialect read in the user name of AUTH."""

    username: str  # what `Directory.by_username` is asked for
    subaccount: str | None = None


class Part(Protocol):
    """As much of a MIME part as a rule about structure needs."""

    @property
    def content_type(self) -> str:
        """`type/subtype` in lower case."""

    @property
    def disposition(self) -> str:
        """`inline`, `attachment` or whatever else is given, in lower case; "" where nothing is."""

    @property
    def file_name(self) -> str:
        """The name of the file, decoded; "" where none is given."""

    @property
    def file_names(self) -> Sequence[str]:
        """What programs may take for that name, decoded; `file_name` first."""

    @property
    def doubt(self) -> str:
        """Why readers may take the part, or what is inside it, for something else; "" if they may not."""

    @property
    def children(self) -> Sequence["Part"]:
        """The parts of a multipart, in order."""


def walk(root: Part) -> Iterator[Part]:
    """Yield `root` and every part inside it, in the order of the message."""
    pending = [root]
    while pending:
        part = pending.pop()
        yield part
        pending.extend(reversed(part.children))


class Dialect:
    """One provider."""

    name: str
    """The word used in configuration files."""
    found_by: Literal["key", "username"] = "username"
    """Whether the secret alone finds the credential, or the user name does."""
    username_secret: bool = False
    """Whether people write a secret where the user name belongs, so that no log may show it."""
    username_form: str = "of letters, digits and signs without spaces, at most 128"
    """What `parse_username` takes, for people."""
    mechanisms: tuple[str, ...] = ("LOGIN", "PLAIN")
    """SASL mechanisms the provider documents."""
    size_limit: int
    """Largest message in bytes, unless the listener says otherwise."""
    size_headroom: int = 0
    """Bytes above it that Postfix lets through, so that the refusal comes in the provider's words."""
    control_headers: frozenset[str] = frozenset()
    """Lower-case names of the headers that steer the service and never reach a recipient."""
    control_prefixes: tuple[str, ...] = ()
    """How all names of such headers begin, in lower case, those included that the provider does not know."""
    own_headers: frozenset[str] = frozenset()
    """More of them, under names that mean something else to clients of other providers, who keep them."""
    own_prefixes: tuple[str, ...] = ()
    """How names of that kind begin."""
    event_metadata_limit: int = 1000
    """Bytes of metadata in open and click events."""
    structure_required: bool = False
    """Whether a message that cannot be taken apart is refused, whatever `mime.past_bound` says."""
    mends_multiparts: bool = False
    """Whether a multipart is mended whose boundary does not fit its delimiters."""
    suspends_without_domain: bool = False
    """Whether a credential is suspended while DNS no longer verifies any of its domains."""
    keeps_contacts: bool = False
    """Whether recipients are kept and grouped, even of a message that never came."""

    statistics_names: Mapping[str, str] = MappingProxyType({})
    """What the provider's statistics page calls the rows of `statistics.rows`, where it has such a page."""

    banner: str = "$myhostname ESMTP"
    """What follows the 220 of the greeting; main.cf parameters are expanded."""
    hidden_keywords: tuple[str, ...] = ()
    """EHLO keywords that the provider does not announce."""
    command_filter: tuple[str, ...] = ()
    """Lines of a regexp(5) table for smtpd_command_filter: which commands to make unknown ones of.

    Only where no command of an innocent client can match, nor one with a secret in it: smtpd logs what it
    replaces. The unknown command then reaches `command_refused`.
    """

    answers_commands: bool = False
    """Whether `command_refused` has something to say."""

    sender_check: Literal["domain", "address"] = "domain"
    """Whether whole domains are verified, or single addresses."""

    login_refused: str = "Invalid credentials"
    """The reason given for an unknown user and a wrong secret alike."""
    permission_refused = Refusal(535, "5.7.8", 'Credential lacks the "send" permission')
    authentication_required = Refusal(530, "5.7.0", "Authentication required")
    store_failed = Refusal(451, "4.3.0", "Internal error, try again later")
    """The temporary refusal when a transmission cannot be made durable."""

    def parse_username(self, username: str) -> UserName | None:
        """Return what `username` says, or None when it is not of this dialect's form."""
        return UserName(username) if _USERNAME.fullmatch(username) else None

    def username_advice(self, username: str, account: str) -> str:  # noqa: ARG002
        """Return what should be known about a user name of `account`, though it can be used; or ""."""
        return ""

    def make_key(self, account: str) -> str:  # noqa: ARG002 - some providers put the account into it
        """Return a new key in the provider's form."""
        return secrets.generate_key()

    def options(self, headers: Sequence[Header], credential: Credential) -> Options | Refusal:
        """Return what the control headers and the account's settings ask for."""
        raise NotImplementedError

    def sender_fields(self, account: Account) -> frozenset[SenderField]:  # noqa: ARG002
        """Return where a sender is looked at."""
        return frozenset({"from"})

    def sender_refused(self, address: str, account: Account) -> Refusal:  # noqa: ARG002
        """Return the refusal of a sender, as written, that the account has not verified."""
        return Refusal(550, "5.7.1", f"Sender not verified for this account: <{address}>")

    def recipient_refused(self, address: str, account: Account) -> Refusal:  # noqa: ARG002
        """Return the refusal of a recipient that is no address."""
        return Refusal(553, "5.1.3", "Bad recipient address syntax")

    def too_large(self, limit: int, account: Account) -> Refusal:  # noqa: ARG002
        """Return the refusal of a message of more than `limit` bytes."""
        return Refusal(552, "5.3.4", f"Message exceeds the maximum size of {limit} bytes")

    def hosting_full(self, account: Account) -> Refusal:  # noqa: ARG002
        """Return the refusal of a message whose files do not fit into what the account may keep."""
        return Refusal(552, "5.2.2", "The storage of this account is full")

    def tags_missing(self, account: Account) -> Refusal:  # noqa: ARG002
        """Return the refusal of a message without the tags it has to hold."""
        return Refusal(554, "5.6.0", "The message must hold [Unsubscribe] and [WebVersion]")

    def unscannable(self, reason: str, account: Account) -> Refusal:  # noqa: ARG002
        """Return the refusal of a message that cannot be taken apart, for a `reason`."""
        return Refusal(550, "5.6.0", f"This message is not taken apart: {reason}")

    def check_structure(self, root: Part, account: Account) -> Refusal | None:  # noqa: ARG002
        """Return why this MIME structure may not be sent, if the provider has such rules."""
        return None

    def command_refused(self, command: str) -> Refusal | None:  # noqa: ARG002
        """Return the answer to a command that Postfix does not know; None: Postfix's own."""
        return None

    def reject_footers(self, limit: int) -> tuple[str, ...]:  # noqa: ARG002
        r"""Return lines of a regexp(5) table for smtpd_reject_footer_maps: text behind Postfix's refusals.

        `limit` is the listener's size limit in bytes. `\c` keeps a text on the line of the refusal. The
        milter's replies are looked up too, so the patterns have to be Postfix's own words from end to end.
        """
        return ()

    def receipt(self, transmission_id: int) -> str | None:  # noqa: ARG002
        """Return what follows 250 in the reply to a final dot where the listener gives receipts."""
        return None
