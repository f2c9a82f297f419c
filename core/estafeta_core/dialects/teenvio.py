"""Teenvio: campaigns over SMTP, steered by five X-Teenvio headers.

User name    `user.plan`, with a password that a person chose; the plan is the account.
Steering     X-Teenvio-ShowCab: no             no line on top that leads to the web version
             X-Teenvio-SocialLinks: yes        icons of the account's social profiles in the foot
             X-Teenvio-Language: 4             language of head and foot, by Teenvio's number; 3 is Spanish
             X-Teenvio-TrackingOpening: no     no pixel
             X-Teenvio-TrackingClicks: no      links stay as they are
Refusals     in Teenvio's words. Postfix answers what it refuses by itself, so `COMMAND_FILTER` makes unknown
             commands of what only its words are wrong for, and `reject_footers` adds Teenvio's to the rest.

What Teenvio's manual leaves open is decided like this:

- Values count in any case, without the space around them. An unknown value, or a header given twice with
  different ones, means the default and a line in the log; the first of two alike counts.
- From is held to the validated senders like the envelope sender and Reply-To; `teenvio.check_from: false`
  lets any address of a verified domain show.
- DATA with nothing but the final dot keeps the contacts and is answered 250.
- A text counts when readers show it as the message: neither an attachment nor a file with a name.
- Of the two answers to an unknown command, `500 5.5.1 Invalid command` is given; `500 Syntax error` answers
  lines that hold no command at all. HELP is answered 502, because no filter of Postfix can say 214.
- Limits that pass with time are temporary refusals (451); `500 Internal error` would lose the mail.
- The second word of a receipt is a hash of the first.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from estafeta_core.config.accounts import Account
from estafeta_core.dialects.base import TOO_LARGE_PATTERN, Dialect, Part, SenderField, UserName, walk
from estafeta_core.directory import Credential
from estafeta_core.headers import Header, unfold
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal

MESSAGE_BYTES = 512_000  # "500kb" in its table, 512000 in its answer to EHLO
LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "3": "es",
        "4": "en",
        "5": "it",
        "6": "fr",
        "7": "de",
        "8": "nl",
        "11": "pt",
        "13": "no",
        "14": "sv",
        "15": "ca",
        "16": "fi",
        "17": "gl",
        "18": "eu",
    }
)
SPANISH = LANGUAGES["3"]
RECEIPT_BYTES = 16  # the example shows 32 hexadecimal digits
SHOWN_TEXT = 40  # characters of what a client wrote, in the log: enough to recognise it

SHOW_HEAD = "x-teenvio-showcab"
SOCIAL_LINKS = "x-teenvio-sociallinks"
LANGUAGE = "x-teenvio-language"
TRACK_OPENS = "x-teenvio-trackingopening"
TRACK_CLICKS = "x-teenvio-trackingclicks"

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        SHOW_HEAD: "X-Teenvio-ShowCab",
        SOCIAL_LINKS: "X-Teenvio-SocialLinks",
        LANGUAGE: "X-Teenvio-Language",
        TRACK_OPENS: "X-Teenvio-TrackingOpening",
        TRACK_CLICKS: "X-Teenvio-TrackingClicks",
    }
)
_PREFIX = "x-teenvio-"
_YES_NO: Mapping[str, bool] = MappingProxyType({"yes": True, "no": False})

_T = TypeVar("_T")


def _internal(text: str) -> Refusal:
    """Return Teenvio's refusal for whatever has no answer of its own; `text` has to be ASCII."""
    return Refusal(500, "", f"Internal error - {text}")


UNKNOWN_SENDER = Refusal(553, "", "Remitente no existente o no validado desde su plan de teenvio")
INCOMPLETE = _internal("El mensaje debe contener texto plano y texto HTML")
NO_ROOM = _internal("No queda espacio para los archivos de su plan")
INVALID_COMMAND = Refusal(500, "5.5.1", "Invalid command")
SYNTAX_ERROR = Refusal(500, "", "Syntax error")
UNKNOWN_PARAMETER = Refusal(504, "", "A command parameter is not implemented.")
HELP = Refusal(
    502,
    "5.5.1",
    "Commands: EHLO STARTTLS AUTH MAIL RCPT DATA RSET NOOP QUIT. AUTH LOGIN takes your teenvio user"
    " (user.plan) and password; a message needs text/plain and text/html",
)

# What the command filter puts in place of a command, to be answered by `command_refused`.
_PARAMETER_WORD = "X504PARAMETER"
_SYNTAX_WORD = "X500SYNTAX"

# Every parameter of MAIL and RCPT that IANA lists, and Postfix's XVERP: none of them is refused here, whether
# this Postfix knows it or not.
_PARAMETERS = (
    "SIZE|BODY|AUTH|RET|ENVID|NOTIFY|ORCPT|SMTPUTF8|REQUIRETLS|BY|HOLDFOR|HOLDUNTIL|MT-PRIORITY|MTRK|RRVS"
    "|SOLICIT|SUBMITTER|TRANSID|CONPERM|CONNEG|XVERP"
)
_PLAIN_PATH = r'(MAIL[[:space:]]+FROM|RCPT[[:space:]]+TO):[[:space:]]*<[^][<>"\\[:space:]]*>'
COMMAND_FILTER = (
    # Nothing, or not even a letter to begin with: Postfix would answer in its own words, or hang up.
    f"/^([^A-Za-z]|$)/ {_SYNTAX_WORD}",
    # A mechanism that no listener has, without its first response. With one, the command is left alone: it
    # may hold a password, and smtpd logs what it replaces.
    "if !/^AUTH[[:space:]]+(LOGIN|PLAIN)([[:space:]]|$)/",
    f"/^AUTH[[:space:]]+[^[:space:]]+[[:space:]]*$/ {_PARAMETER_WORD}",
    "endif",
    # An address in plain brackets with parameters behind it, one of which nobody has ever registered.
    rf"if /^{_PLAIN_PATH}([[:space:]]+[A-Za-z0-9][A-Za-z0-9-]*(=[^[:space:]]*)?)+[[:space:]]*$/",
    rf"if !/^{_PLAIN_PATH}([[:space:]]+({_PARAMETERS})(=[^[:space:]]*)?)+[[:space:]]*$/",
    f"/^/ {_PARAMETER_WORD}",
    "endif",
    "endif",
)


class Teenvio(Dialect):
    """The dialect; see `base.Dialect`."""

    name = "teenvio"
    username_form = "user.plan"
    mechanisms = ("LOGIN",)
    size_limit = MESSAGE_BYTES
    structure_required = True
    mends_multiparts = True  # the session that the manual prints needs it
    keeps_contacts = True
    sender_check = "address"
    control_headers = frozenset(_NAMES)
    control_prefixes = (_PREFIX,)
    banner = "$myhostname ESMTP API teenvio.com"
    command_filter = COMMAND_FILTER
    answers_commands = True
    login_refused = "Authentication credentials invalid"
    authentication_required = Refusal(530, "", "Authentication required")
    store_failed = Refusal(451, "4.3.0", "Internal error - try again later")

    def parse_username(self, username: str) -> UserName | None:
        """Return the user name when it names a plan behind a dot."""
        user, _, plan = username.rpartition(".")
        return super().parse_username(username) if user and plan else None

    def username_advice(self, username: str, account: str) -> str:
        """Return that the plan is not the account, if so."""
        plan = username.rpartition(".")[2]
        return "" if plan == account else f"its plan is {plan}, and the account is {account}"

    def options(self, headers: Sequence[Header], credential: Credential) -> Options | Refusal:
        """Return what the X-Teenvio headers ask for, and the account's defaults where they say nothing."""
        defaults = credential.account.defaults
        warnings: list[str] = []
        asked = _asked(headers, warnings)
        language = _meaning(asked, LANGUAGE, LANGUAGES, SPANISH, warnings)
        return Options(
            open_tracking=_switch(asked, TRACK_OPENS, defaults.open_tracking is not False, warnings),
            click_tracking=_switch(asked, TRACK_CLICKS, defaults.click_tracking is not False, warnings),
            initial_open_pixel=bool(defaults.initial_open_pixel),
            transactional=bool(defaults.transactional),
            return_path=defaults.return_path,
            link_attachments=True,
            host_images=True,
            head=language if _switch(asked, SHOW_HEAD, True, warnings) else "",
            foot=language,
            social=_social(asked, credential.account, warnings),
            keep_content=True,
            warnings=tuple(warnings),
        )

    def sender_fields(self, account: Account) -> frozenset[SenderField]:
        """Return the envelope sender, Reply-To, and From unless the account says otherwise."""
        named: frozenset[SenderField] = frozenset({"mail from", "reply-to"})
        return named | {"from"} if account.teenvio.check_from else named

    def sender_refused(self, address: str, account: Account) -> Refusal:  # noqa: ARG002
        """Return the refusal of a sender that is not validated."""
        return UNKNOWN_SENDER

    def too_large(self, limit: int, account: Account) -> Refusal:  # noqa: ARG002
        """Return the refusal of a message that is too large."""
        return Refusal(552, "", _too_large(limit))

    def hosting_full(self, account: Account) -> Refusal:  # noqa: ARG002
        """Return the refusal of a message whose files do not fit any more."""
        return NO_ROOM

    def unscannable(self, reason: str, account: Account) -> Refusal:  # noqa: ARG002
        """Return the refusal of a message that cannot be taken apart."""
        return _internal(f"El mensaje no se puede procesar: {reason}")

    def check_structure(self, root: Part, account: Account) -> Refusal | None:  # noqa: ARG002
        """Return the refusal of a message without a plain text or without HTML."""
        shown = {part.content_type for part in walk(root) if not _is_file(part)}
        return None if {"text/plain", "text/html"} <= shown else INCOMPLETE

    def command_refused(self, command: str) -> Refusal | None:
        """Return Teenvio's answer to a command that Postfix does not know."""
        verb = command.partition(" ")[0].strip().upper()
        if verb == "HELP":
            return HELP
        if verb == _PARAMETER_WORD:
            return UNKNOWN_PARAMETER
        if verb == _SYNTAX_WORD or not re.match("[A-Z]", verb):
            return SYNTAX_ERROR
        return INVALID_COMMAND

    def reject_footers(self, limit: int) -> tuple[str, ...]:
        """Return what stands behind Postfix's refusals for which Teenvio documents a text."""
        order = "valid RCPT and MAIL command must precede DATA"
        parameter = f"{UNKNOWN_PARAMETER.code} {UNKNOWN_PARAMETER.text}"
        refused_mechanism = r"535 5\.7\.8 Error: authentication failed: Invalid authentication mechanism"
        return (
            rf"/^503 5\.5\.1 Error: need RCPT command$/ \c; 503 {order}",
            rf"/^554 5\.5\.1 Error: no valid recipients$/ \c; {order}",
            rf"{TOO_LARGE_PATTERN} \c; {_too_large(limit)}",
            r"/^452 4\.5\.3 Error: too many recipients$/ \c; Internal error - exceso de contactos",
            rf"/^555 5\.5\.4 Unsupported option: / \c; {parameter}",
            rf"/^{refused_mechanism}$/ \c; {parameter}",
        )

    def receipt(self, transmission_id: int) -> str:
        """Return `OK id=` with the id of the send and an identifier of 32 hexadecimal digits.

        The identifier is BLAKE2b of the id: the same send has the same one whenever it is asked for, and
        nothing has to be kept. It tells sends apart and opens nothing, so it needs no key.
        """
        digest = hashlib.blake2b(
            str(transmission_id).encode(), digest_size=RECEIPT_BYTES, person=b"teenvio receipt"
        )
        return f"OK id={transmission_id} {digest.hexdigest()}"


def _asked(headers: Sequence[Header], warnings: list[str]) -> dict[str, list[str]]:
    """Return the values of each X-Teenvio header, by its lower-case name."""
    asked: dict[str, list[str]] = {}
    for header in headers:
        if header.name[:1] in "xX" and (key := header.key).startswith(_PREFIX):
            value = unfold(header.value).decode("utf-8", "replace")
            asked.setdefault(key, []).append(value.strip().lower())
    if unknown := next((key for key in asked if key not in _NAMES), None):
        warnings.append(f"{unknown[:SHOWN_TEXT]} is no header of Teenvio's")
    return asked


def _meaning(
    asked: Mapping[str, list[str]], key: str, words: Mapping[str, _T], default: _T, warnings: list[str]
) -> _T:
    """Return what the header called `key` means; `default` where it is not there, or with a warning."""
    given = asked.get(key)
    if given is None:
        return default
    if len(set(given)) > 1:
        warnings.append(f"{_NAMES[key]} is given {len(given)} times with different values; the default holds")
        return default
    if given[0] not in words:
        known = ", ".join(words)
        warnings.append(f"{_NAMES[key]}: {given[0][:SHOWN_TEXT]!r} is none of {known}; the default holds")
        return default
    return words[given[0]]


def _switch(asked: Mapping[str, list[str]], key: str, default: bool, warnings: list[str]) -> bool:
    return _meaning(asked, key, _YES_NO, default, warnings)


def _social(
    asked: Mapping[str, list[str]], account: Account, warnings: list[str]
) -> tuple[tuple[str, str], ...]:
    """Return the profiles to show."""
    if not _switch(asked, SOCIAL_LINKS, False, warnings):
        return ()
    if not account.teenvio.social:
        warnings.append(f"{_NAMES[SOCIAL_LINKS]}: yes, but the account has no profiles (teenvio.social)")
    return tuple(account.teenvio.social.items())


def _is_file(part: Part) -> bool:
    """Whether readers show `part` as a file beside the message."""
    return part.disposition == "attachment" or bool(part.file_name and part.disposition != "inline")


def _too_large(limit: int) -> str:
    return f"message size exceeds fixed maximum message size ({limit}) bytes"


TEENVIO = Teenvio()
