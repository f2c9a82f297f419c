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
  image nor a text without a name. So images inside the message, which HTML shows by `cid:`, are no files.
  It is refused by its extension, as mail programs read it; without one the subtype is named (`pdf`).
  `devino.attachment_types` lists extensions that may be sent.
- A fault of the service is temporary (451): a 5xx would lose the mail.
"""

from collections.abc import Sequence

from estafeta_core.config.accounts import Account
from estafeta_core.dialects.base import TOO_LARGE_PATTERN, Dialect, Part, SenderField, walk
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal

MESSAGE_BYTES = 500 * 1024  # "500 КБ"
UNAUTHENTICATED = "Must authenticate before sending mail"
TOO_LARGE = "Message exceeds fixed size limit"
LANGUAGE = "ru"
EXTENSION = 32  # characters of an extension that are looked at and shown; the longest in use have ten


class Devino(Dialect):
    """The dialect; see `base.Dialect`."""

    name = "devino"
    size_limit = MESSAGE_BYTES
    size_headroom = MESSAGE_BYTES  # Postfix says 552 where Devino says 554
    structure_required = True
    sender_check = "address"
    login_refused = UNAUTHENTICATED
    authentication_required = Refusal(554, "", f"Transaction failed: {UNAUTHENTICATED}")
    store_failed = Refusal(451, "4.3.0", "Internal server error")

    def options(self, headers: Sequence[Header], credential: Credential) -> Options | Refusal:  # noqa: ARG002
        """Return what the account's settings ask for."""
        account = credential.account
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
        """Return the refusal of a message with a file that may not be sent."""
        allowed = account.devino.attachment_types
        extensions = (_extension(part) for part in walk(root) if _is_file(part))
        refused = next((extension for extension in extensions if extension not in allowed), None)
        return None if refused is None else _failed(f"Not allowed attachment type {refused}", account)

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


def _is_file(part: Part) -> bool:
    """Whether readers show `part` as a file; a multipart is none, and neither is a type nobody can read."""
    kind = part.content_type.partition("/")[0]
    if part.disposition == "attachment":
        return True
    return kind not in ("", "multipart", "image") and (kind != "text" or bool(part.file_name))


def _extension(part: Part) -> str:
    """Return the extension of a file in lower case; Windows drops spaces and dots at the end of a name."""
    name = part.file_name.replace("\\", "/").rpartition("/")[2].rstrip(". \t").lower()
    extension = name.rpartition(".")[2] if "." in name else part.content_type.partition("/")[2]
    return extension[:EXTENSION]


DEVINO = Devino()
