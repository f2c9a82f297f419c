"""Perfit: plain SMTP for applications that cannot be changed.

User name    always `apikey`; the password is an API key of the form `<account>-tr-<random>`, which alone
             tells who it is.
Steering     none: opens and clicks are tracked, and no header of the client changes that. Control headers
             of other providers leave the message unread; `{{...}}` and `*|...|*` are text.

What Perfit's page leaves open is decided like this:

- `SIZE 10000` stands in its example and is announced and enforced; a listener's `size_limit` raises it.
- Its example says both port 2525 and 587; a listener may have either. Nothing is encrypted unless the
  listener's `tls` says so: Perfit knows no TLS.
- The envelope sender may be any address, as it is overwritten; From must show a verified domain.
- Another mechanism or user name is a refused login (535), like a wrong key.
- Mail is transactional: it gets no List-Unsubscribe, and unsubscribing from newsletters does not stop it.
"""

from collections.abc import Sequence
from typing import Literal

from estafeta_core import secrets
from estafeta_core.dialects.base import Dialect, UserName
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal

USERNAME = "apikey"


class Perfit(Dialect):
    """The dialect; see `base.Dialect`."""

    name = "perfit"
    found_by: Literal["key", "username"] = "key"
    mechanisms = ("LOGIN",)
    size_limit = 10_000  # the example session
    banner = "localhost ESMTP Perfit v2"
    # What stays is AUTH LOGIN, SIZE and 8BITMIME, as in the example; and STARTTLS, where `tls` offers it.
    hidden_keywords = ("pipelining", "enhancedstatuscodes", "dsn", "smtputf8", "vrfy")

    def parse_username(self, username: str) -> UserName | None:
        """Return the one user name that there is."""
        return UserName(username) if username == USERNAME else None

    def make_key(self, account: str) -> str:
        """Return a new key: the account can be read in it, as in the example."""
        return f"{account}-tr-{secrets.generate_key()}"

    def options(self, headers: Sequence[Header], credential: Credential) -> Options | Refusal:  # noqa: ARG002
        """Return what the account's settings ask for."""
        defaults = credential.account.defaults
        return Options(
            open_tracking=defaults.open_tracking is not False,
            click_tracking=defaults.click_tracking is not False,
            initial_open_pixel=bool(defaults.initial_open_pixel),
            transactional=defaults.transactional is not False,
            return_path=defaults.return_path,
        )


PERFIT = Perfit()
