"""PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login-00), the server's side.

An exchange is a value: `start` makes one from AUTH and its initial response, `step` takes the
next response. Each returns what comes next: a `Challenge` to send with the exchange to go
on with, the `Credentials` once both are there, or `Malformed`, which ends the exchange
without a look at any secret. Nothing here raises.
"""

import binascii
from dataclasses import dataclass

import msgspec

MECHANISMS = ("PLAIN", "LOGIN")


class Credentials(msgspec.Struct, frozen=True):
    """What the client says it is, and the secret; a Struct, which is made faster than a dataclass."""

    username: str
    secret: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, …)"


@dataclass(frozen=True, slots=True)
class Challenge:
    """Data to send in base64, and what is known so far."""

    data: bytes
    mechanism: str
    username: str | None = None


@dataclass(frozen=True, slots=True)
class Malformed:
    """The client's data cannot be read; `reason` is shown to it."""

    reason: str


Outcome = Credentials | Challenge | Malformed

NOT_BASE64 = Malformed("Invalid base64 data")
NOT_PLAIN = Malformed("Invalid PLAIN response")
NOT_TEXT = Malformed("Invalid UTF-8 data")
OTHER_IDENTITY = Malformed("Authorization identity not permitted")

_EMPTY_CHALLENGE = Challenge(b"", "PLAIN")
# The prompts in the spelling that clients compare with, colon included.
_USERNAME_PROMPT = Challenge(b"Username:", "LOGIN")
_PASSWORD_PROMPT = b"Password:"


def start(mechanism: str, initial: bytes | None) -> Outcome:
    """Begin an exchange; `initial` is the base64 text after AUTH, None when there was none."""
    if mechanism == "PLAIN":
        return _EMPTY_CHALLENGE if initial is None else _plain(initial)
    if initial in (None, b"", b"="):  # "=" is an empty initial response (RFC 4954 section 4)
        return _USERNAME_PROMPT
    return _login(_USERNAME_PROMPT, initial)


def step(challenge: Challenge, response: bytes) -> Outcome:
    """Take the client's base64 answer to `challenge`."""
    if challenge.mechanism == "PLAIN":
        return _plain(response)
    return _login(challenge, response)


def _plain(response: bytes) -> Outcome:
    """Read `[authzid] NUL authcid NUL passwd`; authzid may only repeat authcid."""
    try:
        message = binascii.a2b_base64(response, strict_mode=True).decode()
    except binascii.Error:
        return NOT_BASE64
    except UnicodeDecodeError:
        return NOT_TEXT
    parts = message.split("\0")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        return NOT_PLAIN
    authzid, authcid, secret = parts
    if authzid and authzid != authcid:
        return OTHER_IDENTITY
    return Credentials(authcid, secret)


def _login(challenge: Challenge, response: bytes | None) -> Outcome:
    """Take the user name first, then the password."""
    try:
        text = binascii.a2b_base64(response or b"", strict_mode=True).decode()
    except binascii.Error:
        return NOT_BASE64
    except UnicodeDecodeError:
        return NOT_TEXT
    if challenge.username is None:
        return Challenge(_PASSWORD_PROMPT, "LOGIN", text)
    return Credentials(challenge.username, text)
