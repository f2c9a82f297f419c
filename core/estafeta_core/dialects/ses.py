"""Amazon SES: SMTP with credentials derived from an access key, steered by X-SES headers.

User name    an access key id, such as `AKIAIOSFODNN7EXAMPLE`; the password is its SMTP password.
Ports        25, 587 and 2587 with STARTTLS, 465 and 2465 under TLS; messages of up to 40 MB.
Steering     X-SES-MESSAGE-TAGS              metadata: `name=value`, with commas between them
             X-SES-CONFIGURATION-SET         metadata, under SES's own name for it: `ses:configuration-set`
             X-SES-LIST-MANAGEMENT-OPTIONS   List-Unsubscribe is added, and who has unsubscribed gets nothing
Links        `<a ses:no-track href=...>` stays as it is.

What SES's pages leave open is decided like this:

- Nothing is tracked unless the account asks: with SES a configuration set does, and none is kept here.
- SES verifies From, the envelope sender and Sender; so does this.
- Who may send for whom is the account file's word: the ARNs of sending authorization say nothing here.
"""

from dataclasses import replace
from types import MappingProxyType

from estafeta_core.config.accounts import Account
from estafeta_core.dialects.base import SenderField, UserName
from estafeta_core.dialects.steered import Clicks, Steered, with_metadata
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal
from estafeta_core.steering import Asked, shown

MESSAGE_BYTES = 40 * 1024 * 1024  # "40 MB" after encoding
TAGS = "X-SES-MESSAGE-TAGS"
LIST_MANAGEMENT = "X-SES-LIST-MANAGEMENT-OPTIONS"


class Ses(Steered):
    """The dialect; see `base.Dialect`."""

    name = "ses"
    username_form = "an access key id, in capital letters and digits"
    size_limit = MESSAGE_BYTES
    control_prefixes = ("x-ses-",)
    open_tracking = False
    click_tracking: Clicks = "no"
    untracked = "ses:no-track"
    read_headers = (TAGS, "X-SES-CONFIGURATION-SET", LIST_MANAGEMENT)
    left_out_headers = MappingProxyType({"X-SES-TENANT": "there are no tenants inside an account"})
    idle_headers = ("X-SES-SOURCE-ARN", "X-SES-FROM-ARN", "X-SES-RETURN-PATH-ARN")
    login_refused = "Authentication Credentials Invalid"
    authentication_required = Refusal(530, "5.7.0", "Authentication required")
    store_failed = Refusal(451, "4.3.0", "Temporary service failure")

    def parse_username(self, username: str) -> UserName | None:
        """Return the user name when it may be an access key id."""
        whole = username.isascii() and username.isalnum() and username.isupper()
        return super().parse_username(username) if whole else None

    def read(self, asked: Asked, options: Options, account: Account) -> Options:  # noqa: ARG002
        """Return what the X-SES headers ask for."""
        listed = bool(asked.text(LIST_MANAGEMENT))
        tagged = replace(options, metadata=_tags(asked), transactional=options.transactional and not listed)
        return with_metadata(tagged, **{"ses:configuration-set": asked.text("X-SES-CONFIGURATION-SET")})

    def sender_fields(self, account: Account) -> frozenset[SenderField]:  # noqa: ARG002
        """Return the envelope sender, From and Sender."""
        return frozenset({"mail from", "from", "sender"})

    def sender_refused(self, address: str, account: Account) -> Refusal:  # noqa: ARG002
        """Return SES's refusal of a sender that is not verified."""
        said = "Message rejected: Email address is not verified. The following identities failed the check"
        return Refusal(554, "", f"{said}: {address}")

    def too_large(self, limit: int, account: Account) -> Refusal:  # noqa: ARG002
        """Return SES's refusal of a message that is too large."""
        return Refusal(552, "", "Message is too long.")


SES = Ses()


def _tags(asked: Asked) -> dict[str, str]:
    """Return the message tags by their names."""
    found: dict[str, str] = {}
    for tag in filter(None, (tag.strip() for text in asked.texts(TAGS) for tag in text.split(","))):
        name, sign, value = (part.strip() for part in tag.partition("="))
        if name and sign and value:
            found[name] = value
        else:
            asked.notice(f"{TAGS}: {shown(tag)} is not of the form name=value")
    return found
