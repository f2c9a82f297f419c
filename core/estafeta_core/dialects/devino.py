"""Devino: single mails with an unsubscribe and a web version link, in UTF-8, without files.

User name    the credential's login, such as `1website`, with a password; both from the operator.
Steering     two tags in the text: [Unsubscribe] and [WebVersion].
Refusals     `554 Transaction failed: <text>`; the account's `devino.transaction_failed: false` leaves the
             words before the text out.

What Devino's page leaves open is decided like this:

- A text without one of the tags gets a footer with both links, and an event of type `warning`;
  `devino.require_tags: reject` refuses it.
- Of several recipients the first is sent to. The others have an event of type `policy_rejection`.
- A file is what readers show as one: whatever has the disposition `attachment`, and whatever is neither an
  image nor a text without a name. So images inside the message, which HTML shows by `cid:`, are no files,
  unless their name is not an image's: programs go by the name.
  It is refused by its extension, as mail programs read it; without one the subtype is named (`pdf`).
  `devino.attachment_types` lists extensions that may be sent.
- A message whose parts readers may take for something else than we do, say by two types or two boundaries,
  is refused for the reason: a file may be in it.
- Several fields To become one, up to `TO_FIELDS` of them.
- A fault of the service is temporary (451): a 5xx would lose the mail.
"""

from collections.abc import Sequence
from types import MappingProxyType

from estafeta_core.config.accounts import Account
from estafeta_core.dialects.base import NO_CONTENT, TOO_LARGE_PATTERN, Dialect, Part, SenderField, walk
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal

MESSAGE_BYTES = 500 * 1024  # "500 КБ"
UNAUTHENTICATED = "Must authenticate before sending mail"
TOO_LARGE = "Message exceeds fixed size limit"
LANGUAGE = "ru"
TO_FIELDS = 10  # RFC 5322 allows one; programs that add their own beside the library's come to two
EXTENSION = 32  # characters of an extension that are looked at and shown; the longest in use have ten
# What programs show in place, by the end of its name. SVG is not among them: it may hold scripts.
IMAGES = frozenset({"bmp", "gif", "jpe", "jpeg", "jpg", "pjpeg", "png", "webp", "x-png"})

STATISTICS = MappingProxyType(
    {
        "charged": "Протарифицировано",
        "sending": "Отправляется",
        "sent": "Отправлено",
        "delivered": "Доставлено",
        "read": "Прочитано",
        "click": "Переход по ссылке",
        "delivery errors": "Ошибки при доставке",
        "rejected": "Отклонено",
        "unsubscribed": "Отписались",
        "total": "Всего",  # noqa: RUF001 - these are Russian letters
    }
)


class Devino(Dialect):
    """The dialect; see `base.Dialect`."""

    name = "devino"
    size_limit = MESSAGE_BYTES
    size_headroom = MESSAGE_BYTES  # Postfix says 552 where Devino says 554
    structure_required = True
    sender_check = "address"
    statistics_names = STATISTICS
    login_refused = UNAUTHENTICATED
    authentication_required = Refusal(554, "", f"Transaction failed: {UNAUTHENTICATED}")
    store_failed = Refusal(451, "4.3.0", "Internal server error")

    def options(self, headers: Sequence[Header], credential: Credential) -> Options | Refusal:
        """Return what the account's settings ask for; To is all that headers can do wrong."""
        account = credential.account
        if sum(header.key == "to" for header in headers) > TO_FIELDS:
            return self.recipient_refused(f"more than {TO_FIELDS} fields To", account)
        defaults = account.defaults
        return Options(
            open_tracking=defaults.open_tracking is not False,
            click_tracking=defaults.click_tracking is not False,
            initial_open_pixel=bool(defaults.initial_open_pixel),
            transactional=bool(defaults.transactional),
            return_path=defaults.return_path,
            first_recipient_only=True,
            to_utf8=True,
            merge_tags=True,
            missing_tags=account.devino.require_tags,
            tags_footer=LANGUAGE,
            keep_content=True,
        )

    def sender_fields(self, account: Account) -> frozenset[SenderField]:  # noqa: ARG002
        """Return the envelope sender, From and Sender: the page's .NET example sets all three."""
        return frozenset({"mail from", "from", "sender"})

    def sender_refused(self, address: str, account: Account) -> Refusal:
        """Return the refusal of an address that is not confirmed."""
        return _failed(f"Disallowed source address: {address}", account)

    def recipient_refused(self, address: str, account: Account) -> Refusal:
        """Return the refusal of a recipient that is no address."""
        return _failed(f"Invalid recipient address: {address}", account)

    def too_large(self, limit: int, account: Account) -> Refusal:  # noqa: ARG002
        """Return the refusal of a message that is too large."""
        return _failed(TOO_LARGE, account)

    def hosting_full(self, account: Account) -> Refusal:
        """Return the refusal of a message whose web version cannot be kept any more."""
        return _failed("The storage of this account is full", account)

    def tags_missing(self, account: Account) -> Refusal:
        """Return the refusal of a text without its links."""
        return _failed("The text must hold [Unsubscribe] and [WebVersion]", account)

    def unscannable(self, reason: str, account: Account) -> Refusal:
        """Return the refusal of a message that cannot be taken apart."""
        return _failed(f"This message is not taken apart: {reason}", account)

    def check_structure(self, root: Part, account: Account) -> Refusal | None:
        """Return the refusal of a message with a file that may not be sent, or with what may be one."""
        allowed = account.devino.attachment_types
        parts = [*walk(root)]
        for part in parts:
            refused = next((extension for extension in _file(part) if extension not in allowed), None)
            if refused is not None:
                return _failed(f"Not allowed attachment type {refused}", account)
        doubt = next(filter(None, map(_doubt, parts)), "")
        return self.unscannable(doubt, account) if doubt else None

    def reject_footers(self, limit: int) -> tuple[str, ...]:  # noqa: ARG002 - Devino's text names no number
        """Return what stands behind Postfix's refusals for which Devino documents a text."""
        failed = r"\c; Transaction failed:"
        return (
            rf"/^501 5\.1\.7 Bad sender address syntax$/ {failed} Disallowed source address",
            rf"/^501 5\.1\.3 Bad recipient address syntax$/ {failed} Invalid recipient address",
            rf"{TOO_LARGE_PATTERN} {failed} {TOO_LARGE}",
        )


def _failed(text: str, account: Account) -> Refusal:
    return Refusal(554, "", f"Transaction failed: {text}" if account.devino.transaction_failed else text)


def _file(part: Part) -> list[str]:
    """Return the extensions of `part` if readers show it as a file; a type nobody can read is a doubt."""
    kind = part.content_type.partition("/")[0]
    if part.disposition == "attachment":
        return _extensions(part)
    if kind == "image":
        return [each for each in _extensions(part) if each not in IMAGES] if part.file_names else []
    shown = kind in ("", "multipart") or (kind == "text" and not part.file_names)
    return [] if shown else _extensions(part)


def _doubt(part: Part) -> str:
    """Return why readers may find a file in `part` where we see none, or ""."""
    if part.doubt and part.doubt != NO_CONTENT:
        return part.doubt
    if not part.content_type:
        return "a Content-Type that cannot be read"
    is_empty = part.content_type.startswith("multipart/") and not part.children
    return "a multipart without parts" if is_empty else ""


def _extensions(part: Part) -> list[str]:
    """Return the extension of the file, then those of other names that programs may read."""
    usual, *others = part.file_names or ("",)
    return [
        _extension(name, part.content_type) for name in (usual, *(name for name in others if "." in name))
    ]


def _extension(file_name: str, content_type: str) -> str:
    """Return the extension of a file in lower case; Windows drops spaces and dots at the end of a name."""
    name = file_name.replace("\\", "/").rpartition("/")[2].rstrip(". \t").lower()
    extension = name.rpartition(".")[2] if "." in name else content_type.partition("/")[2]
    return extension[:EXTENSION]


DEVINO = Devino()
