"""Emitlo: SMTP relay with STARTTLS and AUTH PLAIN.

User name    the credential's; the password is its secret key.
Steering     none: opens and clicks are tracked as over Emitlo's own API, and List-Unsubscribe is on all mail
             unless the credential says otherwise.

What Emitlo's page leaves open is decided like this:

- A From, or an envelope sender, outside the credential's verified domains is refused `550 5.7.1`, which is
  neither a refused login (535) nor a limit (451).
- A credential whose domains have all lost the DNS record that verified them is suspended, which ends by
  itself when one is seen again. One whose domains were never verified is not: its senders are refused.
- One message may have several recipients, up to the listener's `recipients_per_message`; limits count each.
- Microsoft's clients know LOGIN only: a listener's `mechanisms: [PLAIN, LOGIN]` takes it too.
"""

from collections.abc import Sequence

from estafeta_core import secrets
from estafeta_core.config.accounts import Account
from estafeta_core.dialects.base import Dialect, SenderField
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal

MESSAGE_BYTES = 20 * 1024 * 1024  # Emitlo names none; as much as SparkPost takes


class Emitlo(Dialect):
    """The dialect; see `base.Dialect`."""

    name = "emitlo"
    mechanisms = ("PLAIN",)
    size_limit = MESSAGE_BYTES
    login_refused = "Invalid username or password"
    suspends_without_domain = True

    def make_key(self, account: str) -> str:  # noqa: ARG002
        """Return a new secret key in the form of Emitlo's."""
        return f"ek_live_{secrets.generate_key()}"

    def options(self, headers: Sequence[Header], credential: Credential) -> Options | Refusal:  # noqa: ARG002
        """Return what the account's settings ask for."""
        defaults = credential.account.defaults
        return Options(
            open_tracking=defaults.open_tracking is not False,
            click_tracking=defaults.click_tracking is not False,
            initial_open_pixel=bool(defaults.initial_open_pixel),
            transactional=bool(defaults.transactional),
            list_unsubscribe=credential.settings.list_unsubscribe,
            return_path=defaults.return_path,
        )

    def sender_fields(self, account: Account) -> frozenset[SenderField]:  # noqa: ARG002
        """Return the envelope sender and From."""
        return frozenset({"mail from", "from"})

    def sender_refused(self, address: str, account: Account) -> Refusal:  # noqa: ARG002
        """Return the refusal of a domain that is not the credential's, or not verified."""
        domain = address.rpartition("@")[2]
        text = f"Sender domain rejected: {domain} is not a verified sending domain of this credential"
        return Refusal(550, "5.7.1", text)


EMITLO = Emitlo()
