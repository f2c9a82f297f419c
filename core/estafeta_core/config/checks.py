"""What the schema cannot say: values that must fit each other, the dialects, or the machine.

Each function raises ConfigError for the first thing it finds, with the line of the key to mend.
"""

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from estafeta_core import secrets
from estafeta_core.config.accounts import Account, Credential
from estafeta_core.config.document import Document, KeyPath
from estafeta_core.config.schema import Config, Listener
from estafeta_core.dialects import DIALECTS
from estafeta_core.identity import NAME

SIGNING_KEY_BYTES = 32  # HMAC-SHA256 gains nothing from more, and loses strength with less

_HOSTNAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_USERNAME = re.compile(r"[\x21-\x7e]{1,128}")  # what every SASL mechanism and log carries unchanged


def check_config(document: Document, config: Config) -> None:
    """Check estafeta.yaml as a whole."""
    if not _HOSTNAME.fullmatch(config.hostname):
        raise document.error(("hostname",), f"{config.hostname!r} is not a host name")
    _check_base_url(document, config.base_url)
    if not config.store.startswith("sqlite:////"):
        raise document.error(("store",), "must be sqlite:/// and the path of a file")
    if not config.signing_keys:
        raise document.error(("signing_keys",), "names no key (links could not be signed)")
    for index, key in enumerate(config.signing_keys):
        _check_signing_key(document, ("signing_keys", index), key)
    if not config.listeners:
        raise document.error(("listeners",), "names no listener (nobody could connect)")
    for name, listener in config.listeners.items():
        _check_listener(document, name, listener)
    _check_ports(document, config.listeners)
    _check_address(document, ("web", "bind"), config.web.bind)


def _check_base_url(document: Document, url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not re.fullmatch(r"https?://[\x21-\x7e]+", url) or set('?#@"<>\\') & set(url):
        raise document.error(("base_url",), f"{url!r} is not a URL such as https://click.example.com")


def _check_signing_key(document: Document, key_path: KeyPath, key: Path) -> None:
    try:
        length = len(key.read_bytes().strip())
    except OSError as error:
        raise document.error(key_path, f"{key} cannot be read: {error.strerror}") from None
    if length < SIGNING_KEY_BYTES:
        raise document.error(key_path, f"{key} holds {length} bytes, at least {SIGNING_KEY_BYTES} are needed")


def _check_listener(document: Document, name: str, listener: Listener) -> None:
    _check_name(document, ("listeners", name), name)
    _check_address(document, ("listeners", name, "bind"), listener.bind)
    if not listener.dialects:
        raise document.error(("listeners", name, "dialects"), "names no dialect")
    for index, dialect in enumerate(listener.dialects):
        _check_dialect(document, ("listeners", name, "dialects", index), dialect)
    for key in ("dialects", "mechanisms"):
        words = getattr(listener, key)
        if len(set(words)) < len(words):
            raise document.error(("listeners", name, key), "names one twice")


def _check_ports(document: Document, listeners: dict[str, Listener]) -> None:
    """Postfix binds with SO_REUSEPORT: two listeners on one port would share its clients at random."""
    taken: list[tuple[str, Listener]] = []
    for name, listener in listeners.items():
        for other_name, other in taken:
            if listener.port == other.port and _overlap(listener.bind, other.bind):
                text = f"{listener.bind}:{listener.port} is taken by listener {other_name}"
                raise document.error(("listeners", name, "port"), text)
        taken.append((name, listener))


def _overlap(one: str, other: str) -> bool:
    addresses = {ipaddress.ip_address(one), ipaddress.ip_address(other)}
    same_family = len({address.version for address in addresses}) == 1
    return len(addresses) == 1 or (same_family and any(address.is_unspecified for address in addresses))


def check_account(document: Document, account: Account, unique: "Unique") -> None:
    """Check one account file, and that it takes nothing that an earlier one has."""
    _check_name(document, ("account",), account.account)
    _check_dialect(document, ("dialect",), account.dialect)
    unique.add(document, ("account",), ("account", account.account), f"the account {account.account}")
    for name in account.subaccounts:
        _check_name(document, ("subaccounts", name), name)
    for name, credential in account.credentials.items():
        path = ("credentials", name)
        _check_name(document, path, name)
        _check_secret(document, path, account.dialect, credential)
        _check_use(document, path, credential)
        _add_secret(document, path, account.dialect, credential, unique)


def _check_secret(document: Document, path: KeyPath, dialect: str, credential: Credential) -> None:
    """Hold a credential to what its dialect finds it by, and to one secret."""
    by_username = DIALECTS[dialect].found_by == "username"
    if by_username and not _USERNAME.fullmatch(credential.username):
        raise document.error(
            (*path, "username"), f"{dialect} finds credentials by a user name without spaces"
        )
    if not by_username and (credential.username or credential.password):
        key = "username" if credential.username else "password"
        raise document.error((*path, key), f"{dialect} finds credentials by their key alone (remove it)")
    if bool(credential.key) == bool(credential.password):
        text = "needs one secret: `key`" + (" or `password`" if by_username else "")
        raise document.error(path, text + " (made by: estafeta key create)")
    try:
        if credential.key:
            secrets.stored_digest(credential.key)
        else:
            secrets.check_stored_password(credential.password)
    except ValueError as error:
        raise document.error((*path, "key" if credential.key else "password"), str(error)) from None


def _check_use(document: Document, path: KeyPath, credential: Credential) -> None:
    for index, network in enumerate(credential.allow_from):
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            text = f"{error} (write a network such as 192.0.2.0/24, or one address)"
            raise document.error((*path, "allow_from", index), text) from None


def _add_secret(
    document: Document, path: KeyPath, dialect: str, credential: Credential, unique: "Unique"
) -> None:
    if credential.key:
        digest = secrets.stored_digest(credential.key)
        unique.add(document, (*path, "key"), (dialect, "key", digest), "this key")
    if credential.username:
        entry = (dialect, "username", credential.username)
        unique.add(document, (*path, "username"), entry, f"the user name {credential.username}")


class Unique:
    """What may stand in one place only, over all account files."""

    def __init__(self) -> None:
        self._places: dict[tuple[object, ...], tuple[Path, KeyPath]] = {}

    def add(self, document: Document, key_path: KeyPath, entry: tuple[object, ...], what: str) -> None:
        """Take `entry` for this place; ConfigError names both places when it is taken."""
        place = self._places.setdefault(entry, (document.path, key_path))
        if place != (document.path, key_path):
            path, other = place
            line = Document(path).line(other)
            raise document.error(key_path, f"{what} is already in {path}:{line}: {'.'.join(map(str, other))}")


def _check_name(document: Document, key_path: KeyPath, name: str) -> None:
    if not NAME.fullmatch(name):
        text = f"{name!r} is not a name (a letter or digit, then letters, digits, . _ -, at most 64)"
        raise document.error(key_path, text)


def _check_dialect(document: Document, key_path: KeyPath, dialect: str) -> None:
    if dialect not in DIALECTS:
        raise document.error(key_path, f"unknown dialect {dialect!r} (known: {', '.join(sorted(DIALECTS))})")


def _check_address(document: Document, key_path: KeyPath, address: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise document.error(key_path, f"{address!r} is not an IP address") from None
