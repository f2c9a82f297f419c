"""Brevo (Sendinblue): SMTP with a login and an SMTP key, steered by X-Mailin headers.

User name    the login, which is an e-mail address; the password is an SMTP key.
Ports        587 and 2525 with STARTTLS, 465 under TLS; messages of up to 20 MB.
Steering     X-Mailin-Tag      a tag; several headers are several tags
             X-Mailin-custom   metadata, under that name, as in Brevo's webhooks

What Brevo's pages leave open is decided like this:

- Opens and clicks are tracked; no header changes that, and the account's `defaults` do.
- X-Mailin-custom is any text: nothing is read in it.
"""

from dataclasses import replace
from types import MappingProxyType

from estafeta_core.addresses import is_address
from estafeta_core.config.accounts import Account
from estafeta_core.dialects.base import Dialect, UserName
from estafeta_core.dialects.steered import Clicks, Steered, with_metadata
from estafeta_core.options import Options
from estafeta_core.steering import Asked

MESSAGE_BYTES = 20 * 1024 * 1024  # "20 MB", attachments included
CUSTOM = "X-Mailin-custom"


class Brevo(Steered):
    """The dialect; see `base.Dialect`."""

    name = "brevo"
    username_form = "an e-mail address"
    size_limit = MESSAGE_BYTES
    control_prefixes = ("x-mailin-",)
    open_tracking = True
    click_tracking: Clicks = "all"
    read_headers = ("X-Mailin-Tag", CUSTOM)
    left_out_headers = MappingProxyType({"X-Mailin-IP": "an address is chosen by its pool"})
    login_refused = "Authentication failed"

    def parse_username(self, username: str) -> UserName | None:
        """Return the user name when it is an address."""
        return super().parse_username(username) if is_address(username, smtputf8=False) else None

    def make_key(self, account: str) -> str:
        """Return a new SMTP key in the form of Brevo's."""
        return f"xsmtpsib-{Dialect.make_key(self, account)}"

    def read(self, asked: Asked, options: Options, account: Account) -> Options:  # noqa: ARG002
        """Return what the X-Mailin headers ask for."""
        tagged = replace(options, tags=tuple(asked.texts("X-Mailin-Tag")))
        return with_metadata(tagged, **{CUSTOM: asked.text(CUSTOM)})


BREVO = Brevo()
