"""Who is sending: `account/credential[/subaccount]`.

The SASL back end returns this text as the authenticated user name, Postfix hands
it to the policy daemon (`sasl_username`) and the milter (`{auth_authen}`), and
every decision rests on it, never on what the client typed.

Grammar: each part is a letter or digit, then letters, digits, `.`, `_` and `-`,
at most 64 characters in all; so no part can carry a separator of any protocol it
passes through (TAB, LF, `=`, `/`).
"""

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Identity:
    """The canonical identity of an authenticated client."""

    account: str
    credential: str
    subaccount: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Identity":
        """Return the identity that `text` spells; ValueError when it spells none."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(NAME.fullmatch(part) for part in parts):
            raise ValueError(f"not an identity of the form account/credential[/subaccount]: {text!r}")
        return cls(*parts)

    @property
    def credential_id(self) -> str:
        """`account/credential`, the name a credential is known by on the command line."""
        return f"{self.account}/{self.credential}"

    def __str__(self) -> str:
        if self.subaccount is None:
            return f"{self.account}/{self.credential}"
        return f"{self.account}/{self.credential}/{self.subaccount}"


class Entry(NamedTuple):
    """What one account only may have, of those of a dialect."""

    text: str  # a user name, or the SHA-256 of a key in hexadecimal
    kind: Literal["key", "username"]
    dialect: str
