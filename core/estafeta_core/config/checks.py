"""What the schema cannot say of estafeta.yaml: values that must fit each other, the dialects, or the machine.

`check_config` raises ConfigError for the first thing it finds, with the line of the key to mend. What it has
in common with `account_checks` is public.
"""

import importlib.util
import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from estafeta_core import redis_url
from estafeta_core.config.document import Document, KeyPath
from estafeta_core.config.schema import Config, IpPool, Listener
from estafeta_core.dialects import DIALECTS
from estafeta_core.identity import NAME

SIGNING_KEY_BYTES = 32  # HMAC-SHA256 gains nothing from more, and loses strength with less
OWN = "estafeta-"  # how the names of Postfix's services begin that are no listeners for clients

_HOSTNAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_NO_URL = frozenset('@"<>\\')  # a login, and signs that mean something where a URL is written


def check_config(document: Document, config: Config) -> None:
    """Check estafeta.yaml as a whole."""
    _check_hostname(document, ("hostname",), config.hostname)
    _check_base_url(document, ("base_url",), config.base_url)
    _check_base_url(document, ("hosting", "base_url"), config.hosting.base_url or config.base_url)
    _check_store(document, config.store)
    if not config.signing_keys:
        raise document.error(("signing_keys",), "names no key (links could not be signed)")
    for index, key in enumerate(config.signing_keys):
        _check_signing_key(document, ("signing_keys", index), key)
    if not config.listeners:
        raise document.error(("listeners",), "names no listener (nobody could connect)")
    for name, listener in config.listeners.items():
        _check_listener(document, name, listener)
    _check_ports(document, config.listeners)
    for name, pool in config.ip_pools.items():
        _check_pool(document, name, pool)
    if config.limits.store:
        _check_limit_store(document, ("limits", "store"), config.limits.store)
    _check_address(document, ("web", "bind"), config.web.bind)
    _check_networks(document, config)


def _check_networks(document: Document, config: Config) -> None:
    for index, network in enumerate(config.web.trusted_proxies):
        check_network(document, ("web", "trusted_proxies", index), network)
    for index, network in enumerate(config.webhooks.allow_networks):
        check_network(document, ("webhooks", "allow_networks", index), network)
    for index, server in enumerate(config.dns.servers):
        _check_name_server(document, ("dns", "servers", index), server)


def _check_name_server(document: Document, key_path: KeyPath, text: str) -> None:
    try:
        name_server(text)
    except ValueError:
        wanted = "not a name server such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353"
        raise document.error(key_path, f"{text!r} is {wanted}") from None


def name_server(text: str) -> tuple[str, int]:
    """Return address and port of a name server as `dns.servers` writes it; ValueError where it is none."""
    address, port = text, "53"
    if text.startswith("[") or text.count(":") == 1:
        address, _, port = text.rpartition(":")
        address = address.removeprefix("[").removesuffix("]")
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError(text)
    return str(ipaddress.ip_address(address)), int(port)


def _check_store(document: Document, url: str) -> None:
    """Hold `store` to what can be opened; what is said of a URL quotes nothing, as it may hold a password."""
    if url.startswith("sqlite:////"):
        return
    if not url.startswith("postgresql://"):
        raise document.error(
            ("store",), "must be sqlite:/// and the path of a file, or postgresql://host/database"
        )
    if importlib.util.find_spec("psycopg") is None:
        text = "PostgreSQL needs psycopg, which is not installed (pip install 'estafeta[postgres]')"
        raise document.error(("store",), text)
    from estafeta_core.store.postgresql.connecting import name  # noqa: PLC0415 - it needs psycopg

    try:
        name(url)
    except ValueError as error:
        raise document.error(("store",), str(error)) from None


def _check_hostname(document: Document, key_path: KeyPath, name: str) -> None:
    if not _HOSTNAME.fullmatch(name):
        raise document.error(key_path, f"{name!r} is not a host name")


def _check_base_url(document: Document, key_path: KeyPath, url: str) -> None:
    if not is_web_address(url) or {"?", "#"} & set(url):
        raise document.error(key_path, f"{url!r} is not a URL such as https://click.example.com")


def is_web_address(url: str) -> bool:
    """Return whether `url` is an http or https URL in ASCII, without a login."""
    if not re.fullmatch(r"https?://[\x21-\x7e]+", url) or _NO_URL & set(url):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _check_signing_key(document: Document, key_path: KeyPath, key: Path) -> None:
    try:
        length = len(key.read_bytes().strip())
    except OSError as error:
        raise document.error(key_path, f"{key} cannot be read: {error.strerror}") from None
    if length < SIGNING_KEY_BYTES:
        raise document.error(key_path, f"{key} holds {length} bytes, at least {SIGNING_KEY_BYTES} are needed")


def _check_limit_store(document: Document, key_path: KeyPath, url: str) -> None:
    """Hold it to a server's URL, without quoting what may be a password, and to what is installed."""
    try:
        redis_url.parse(url)
    except ValueError as error:
        raise document.error(key_path, str(error)) from None
    if importlib.util.find_spec("hiredis") is None:
        raise document.error(key_path, "needs the package hiredis (pip install 'estafeta[redis]')")


def _check_listener(document: Document, name: str, listener: Listener) -> None:
    check_name(document, ("listeners", name), name)
    if name.startswith(OWN):
        # The milter tells by the name which listener speaks, and those of ours ask for no login.
        raise document.error(("listeners", name), f"names that begin with {OWN} are taken (choose another)")
    _check_address(document, ("listeners", name, "bind"), listener.bind)
    if listener.hostname:
        _check_hostname(document, ("listeners", name, "hostname"), listener.hostname)
    if not listener.dialects:
        raise document.error(("listeners", name, "dialects"), "names no dialect")
    for index, dialect in enumerate(listener.dialects):
        check_dialect(document, ("listeners", name, "dialects", index), dialect)
    if listener.receipt:
        _check_receipt(document, ("listeners", name, "receipt"), listener)
    for key in ("dialects", "mechanisms"):
        words = getattr(listener, key)
        if len(set(words)) < len(words):
            raise document.error(("listeners", name, key), "names one twice")


def _check_receipt(document: Document, key_path: KeyPath, listener: Listener) -> None:
    """Hold `receipt` to the dialects that have one: others would be answered in words not their own."""
    giving = {name for name, dialect in DIALECTS.items() if dialect.receipt(0) is not None}
    without = [name for name in listener.dialects if name not in giving]
    if without:
        text = f"{without[0]} gives no receipts (receipt: true is for: {', '.join(sorted(giving))})"
        raise document.error(key_path, text)


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


def _check_pool(document: Document, name: str, pool: IpPool) -> None:
    """Hold a pool to what a transport of Postfix's can be named after and can leave from."""
    path = ("ip_pools", name)
    check_name(document, path, name)
    for key, address, version in (
        ("bind_address", pool.bind_address, 4),
        ("bind_address6", pool.bind_address6, 6),
    ):
        if address:
            _check_own_address(document, (*path, key), address, version)
    if pool.helo:
        _check_hostname(document, (*path, "helo"), pool.helo)


def _check_own_address(document: Document, key_path: KeyPath, address: str, version: int) -> None:
    _check_address(document, key_path, address)
    parsed = ipaddress.ip_address(address)
    if parsed.version != version or getattr(parsed, "ipv4_mapped", None):
        key = "bind_address" if version == 6 else "bind_address6"
        raise document.error(
            key_path, f"{address} is not an IPv{version} address (the other ones go to {key})"
        )
    if parsed.is_unspecified or parsed.is_multicast or getattr(parsed, "scope_id", None):
        text = f"mail cannot leave from {address} (name one address of this host, or remove the key)"
        raise document.error(key_path, text)


def check_name(document: Document, key_path: KeyPath, name: str) -> None:
    """Hold what ids and logs are made of to their letters."""
    if not NAME.fullmatch(name):
        text = f"{name!r} is not a name (a letter or digit, then letters, digits, . _ -, at most 64)"
        raise document.error(key_path, text)


def check_dialect(document: Document, key_path: KeyPath, dialect: str) -> None:
    """Hold a dialect to the known ones."""
    if dialect not in DIALECTS:
        raise document.error(key_path, f"unknown dialect {dialect!r} (known: {', '.join(sorted(DIALECTS))})")


def check_network(document: Document, key_path: KeyPath, network: str) -> None:
    """Hold text to a network such as 192.0.2.0/24, or one address, that a client can be inside."""
    try:
        read = ipaddress.ip_network(network)
    except ValueError as error:
        text = f"{error} (write a network such as 192.0.2.0/24, or one address)"
        raise document.error(key_path, text) from None
    plain = getattr(read.network_address, "ipv4_mapped", None)
    if plain is not None:  # clients are known by their IPv4 address, so nobody would ever be inside
        text = f"{network} is an IPv4 network written as IPv6 (write {plain}/{max(0, read.prefixlen - 96)})"
        raise document.error(key_path, text)


def _check_address(document: Document, key_path: KeyPath, address: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise document.error(key_path, f"{address!r} is not an IP address") from None
