"""The URLs and addresses that carry tokens, made and read.

    click           {base_url}/c/TOKEN
    pixel           {base_url}/o/TOKEN.gif
    unsubscribe     {base_url}/u/TOKEN
    web version     {base_url}/w/TOKEN
    hosted file     {files_url}/f/TOKEN/NAME
    hosted image    {files_url}/i/TOKEN
    icon            {base_url}/icons/NETWORK.png, without a token
    by mail         unsubscribe@{bounce_domain}?subject=unsubscribe:TOKEN
    return path     b+TOKEN@{bounce_domain}
    X-MSFBL         base64(MAC)|base64(JSON), as SparkPost writes it

A `Links` belongs to one configuration: a reload with other keys makes a new one.
Making raises ValueError for a target that may not be a link's; reading returns
None for whatever we never made.
"""

import base64
import binascii
import functools
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

from estafeta_core.config.schema import Config
from estafeta_core.hosting import file_name
from estafeta_core.tokens import TARGET_BYTES, Kind, Signer, Token, read_keys, subkey

NAME_CHARACTERS = 63  # SparkPost's limit for data-msys-linkname; at most 252 bytes of UTF-8

_TARGET = re.compile(rb"https?://[^/?#\x00-\x20\x7f][^\x00-\x1f\x7f]*", re.IGNORECASE)
_LINK = re.compile(rb"(/[couw]/)([A-Za-z0-9_-]+)")
_MSFBL_BYTES = 4096  # far above what an id and an address need
_DIGEST_BYTES = 32  # SHA-256
_HOSTED = frozenset({Kind.FILE, Kind.IMAGE})
_CLICKS = frozenset({Kind.CLICK, Kind.AMP_CLICK})
_PERSONAL = frozenset(
    {
        Kind.OPEN,
        Kind.INITIAL_OPEN,
        Kind.CLICK,
        Kind.AMP_CLICK,
        Kind.LIST_UNSUBSCRIBE,
        Kind.LINK_UNSUBSCRIBE,
        Kind.WEB_VERSION,
    }
)
_json = json.JSONEncoder(separators=(",", ":")).encode
_UNSUBSCRIBE = {"list": Kind.LIST_UNSUBSCRIBE, "link": Kind.LINK_UNSUBSCRIBE}


@dataclass(frozen=True, slots=True)
class Feedback:
    """What an X-MSFBL header says about the message in a complaint."""

    customer_id: str
    subaccount_id: str
    message_id: int
    rcpt_to: str  # "" where the header told none


def is_target(target: bytes) -> bool:
    """Return whether `target` may be tracked: http or https, bounded, and safe in a Location header."""
    return len(target) <= TARGET_BYTES and _is_safe(target)


@functools.lru_cache(maxsize=1024)  # every copy of a message has the same ones; 4 MB when full of long ones
def _is_safe(target: bytes) -> bool:
    return _TARGET.fullmatch(target) is not None


class Links:
    """Makes and reads everything that carries a token."""

    def __init__(self, keys: Sequence[bytes], base_url: str, bounce_domain: str, files_url: str = "") -> None:
        base = base_url.rstrip("/")
        self.base_url = base
        files = files_url.rstrip("/") or base
        self._signer = Signer(keys)
        self.session_keys = tuple(subkey(key, b"session") for key in keys)
        self._msfbl_macs = [hmac.new(subkey(key, b"msfbl"), digestmod="sha256") for key in keys]
        self._click = f"{base}/c/"
        self._open = f"{base}/o/"
        self._unsubscribe = f"{base}/u/"
        self._web_version = f"{base}/w/"
        self._icons = f"{base}/icons/"
        self._file = f"{files}/f/"
        self._image = f"{files}/i/"
        self._own = re.compile(rf"{re.escape(base)}/[couw]/([A-Za-z0-9_-]+)".encode())
        self._bounce_domain = bounce_domain

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return the links of `config`; OSError or ValueError when its signing keys cannot be used."""
        return cls(
            read_keys(config.signing_keys), config.base_url, config.bounce_domain, config.hosting.base_url
        )

    def click(
        self, id_: int, target: str | bytes, name: str = "", *, shared: bool = False, amp: bool = False
    ) -> str:
        """Return the URL that leads to exactly `target`; ValueError unless `is_target`.

        `id_` is a message id, or with `shared` the transmission id of identical copies.
        """
        kind = Kind.AMP_CLICK if amp else Kind.CLICK
        signed = self._signer.sign(kind, id_, shared=shared, target=_checked(target), name=_name(name))
        return self._click + signed

    def pixel(self, id_: int, *, initial: bool, shared: bool = False) -> str:
        """Return the URL of the pixel: `initial` at the top of the body, otherwise at its end."""
        kind = Kind.INITIAL_OPEN if initial else Kind.OPEN
        return f"{self._open}{self._signer.sign(kind, id_, shared=shared)}.gif"

    def unsubscribe(
        self, message_id: int, *, via: str = "list", target: str | bytes = b"", name: str = ""
    ) -> str:
        """Return the URL of the unsubscribe page, for the header (`list`) or the body (`link`).

        `target` is where a link in the body led before; the page offers it as a way on. Only a message of
        one recipient has such a URL: a shared one could not tell who wants to leave.
        """
        checked = _checked(target) if target else b""
        return self._unsubscribe + self._signer.sign(
            _UNSUBSCRIBE[via], message_id, target=checked, name=_name(name)
        )

    def web_version(self, message_id: int) -> str:
        """Return the URL where a recipient sees his copy in a browser."""
        return self._web_version + self._signer.sign(Kind.WEB_VERSION, message_id)

    def file(self, transmission_id: int, digest: bytes, name: str) -> str:
        """Return the URL of a hosted file, `digest` its SHA-256; all copies of a transmission share it.

        `name`, as its sender wrote it, is made safe. The token tells it; at the end of the URL it only helps
        people and programs that look there.
        """
        safe = file_name(name)
        token = self._signer.sign(Kind.FILE, transmission_id, shared=True, target=digest, name=safe.encode())
        return f"{self._file}{token}/{quote(safe, safe='')}"

    def image(self, transmission_id: int, digest: bytes) -> str:
        """Return the URL of a hosted image, `digest` its SHA-256; all copies of a transmission share it."""
        return self._image + self._signer.sign(Kind.IMAGE, transmission_id, shared=True, target=digest)

    def icon(self, network: str) -> str:
        """Return the URL of the picture for a social network, a name of ASCII letters and digits."""
        return f"{self._icons}{network or 'other'}.png"

    def is_own(self, url: bytes) -> bool:
        """Return whether `url` is one of ours that tells a recipient from the others."""
        found = self._own.match(url)
        return found is not None and self._signer.read(found[1].decode()) is not None

    def readdressed(self, content: bytes, from_id: int, to_id: int) -> bytes:
        """Return `content`, the rendering of message `from_id`, with the links of message `to_id` instead.

        The links of any other message stay: they were in what the sender wrote. A link is known by its token
        alone, so that a rendering from before a change of `base_url` leads nobody to somebody else's pages.
        """

        def replacement(match: re.Match[bytes]) -> bytes:
            token = self._signer.read(match[2].decode())
            if token is None or token.shared or token.id != from_id or token.kind not in _PERSONAL:
                return match[0]
            name = token.name.encode()
            return match[1] + self._signer.sign(token.kind, to_id, target=token.target, name=name).encode()

        return content if from_id == to_id else _LINK.sub(replacement, content)

    def unsubscribe_mailto(self, message_id: int) -> str:
        """Return what follows `mailto:` in List-Unsubscribe (RFC 2369 section 3.2)."""
        token = self._signer.sign(Kind.LIST_UNSUBSCRIBE, message_id)
        return f"unsubscribe@{self._bounce_domain}?subject=unsubscribe:{token}"

    def bounce_address(self, id_: int, domain: str | None = None, *, shared: bool = False) -> str:
        """Return the envelope sender that tells a bounce's message, at our domain or a customer's."""
        token = self._signer.sign_address(Kind.BOUNCE, id_, shared=shared)
        return f"b+{token}@{domain or self._bounce_domain}"

    def msfbl(self, customer_id: str, subaccount_id: str, message_id: int, rcpt_to: str | None) -> str:
        """Return the value of X-MSFBL; `rcpt_to` is None where copies are identical."""
        fields = {
            "customer_id": customer_id,
            "subaccount_id": subaccount_id,
            "tenant_id": "estafeta",
            "message_id": str(message_id),
        }
        if rcpt_to is not None:
            fields["r"] = rcpt_to
        said = _json(fields).encode()
        mac = _mac(self._msfbl_macs[0], said)
        return f"{base64.b64encode(mac).decode()}|{base64.b64encode(said).decode()}"

    def read(self, token: str) -> Token | None:
        """Return what the token of a URL says, or None.

        A token for another use is None as well, and one whose target is neither a link's nor a digest where
        there has to be one.
        """
        read = self._signer.read(token)
        if read is None or read.kind is Kind.BOUNCE:
            return None
        if read.kind in _HOSTED:
            return read if len(read.target) == _DIGEST_BYTES else None
        if read.target or read.kind in _CLICKS:
            return read if is_target(read.target) else None
        return read

    def read_unsubscribe_subject(self, subject: str) -> Token | None:
        """Return the token in the subject of an unsubscribe mail, or None."""
        scheme, _, token = subject.strip().partition(":")
        read = self.read(token.strip()) if scheme.lower() == "unsubscribe" else None
        return read if read is not None and read.kind is Kind.LIST_UNSUBSCRIBE else None

    def read_bounce_address(self, address: str) -> Token | None:
        """Return the token in a return path of ours, whatever its domain and case, or None."""
        local, _, _ = address.rpartition("@")
        tag, _, token = local.partition("+")
        read = self._signer.read_address(token) if tag in {"b", "B"} else None
        return read if read is not None and read.kind is Kind.BOUNCE else None

    def read_msfbl(self, value: str) -> Feedback | None:
        """Return what an X-MSFBL of ours says, folded or not, or None."""
        mac, _, said = "".join(value[:_MSFBL_BYTES].split()).partition("|")
        try:
            sent = base64.b64decode(mac, validate=True)
            payload = base64.b64decode(said, validate=True)
        except (binascii.Error, ValueError):
            return None
        if not any(hmac.compare_digest(_mac(keyed, payload), sent) for keyed in self._msfbl_macs):
            return None
        fields: dict[str, Any] = json.loads(payload)
        return Feedback(
            fields["customer_id"], fields["subaccount_id"], int(fields["message_id"]), fields.get("r", "")
        )


def _mac(keyed: hmac.HMAC, said: bytes) -> bytes:
    """Return the MAC of `said`; copying one with a key takes half the time of keying another."""
    mac = keyed.copy()
    mac.update(said)
    return mac.digest()


def _checked(target: str | bytes) -> bytes:
    raw = target.encode() if isinstance(target, str) else target
    if not is_target(raw):
        raise ValueError("not an http or https URL that may be tracked")
    return raw


def _name(name: str) -> bytes:
    return name[:NAME_CHARACTERS].encode("utf-8", "replace") if name else b""
