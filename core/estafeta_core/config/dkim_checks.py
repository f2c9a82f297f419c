"""What the schema cannot say of the DKIM keys in an account file.

A key file is not opened here: every daemon reads the configuration, and the milter alone needs private keys.
Raises ConfigError for the first thing it finds.
"""

import re

from estafeta_core.addresses import a_label
from estafeta_core.config.accounts import Account, Dkim, DkimKey
from estafeta_core.config.checks import check_name
from estafeta_core.config.document import Document, KeyPath
from estafeta_core.rules.dkim_key import defaults

NAME_LIMIT = 253  # signs of a domain name (RFC 1035 section 2.3.4, less length octets and root)

# RFC 6376 section 3.1: the labels of a host name; whatever else is refused can neither end a tag nor a name.
_SELECTOR = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


def check_dkim(document: Document, account: Account) -> None:
    """Check the keys of every domain."""
    for domain, settings in account.domains.items():
        if settings.dkim is not None:
            _check_domain(document, place(document, domain), domain, settings.dkim)


def record_name(domain: str, selector: str) -> str:
    """Return where the public half of a key is in DNS (RFC 6376 section 3.6.2.1)."""
    return f"{selector}._domainkey.{domain}"


def is_selector(selector: str) -> bool:
    """Whether a selector can stand in DNS and in a signature."""
    return _SELECTOR.fullmatch(selector) is not None


def place(document: Document, domain: str) -> KeyPath:
    """Return where the file has the DKIM settings of a domain, which it may spell in another way."""
    spelt = document.value["domains"]
    if domain not in spelt:
        domain = next(name for name in spelt if a_label(name) == domain)
    return ("domains", domain, "dkim")


def _check_domain(document: Document, path: KeyPath, domain: str, dkim: Dkim) -> None:
    taken: dict[str, str] = {}
    for name, key in dkim.keys.items():
        where = (*path, "keys", name)
        check_name(document, where, name)
        if isinstance(key, DkimKey):
            _check_selector(document, where, domain, key.selector)
            other = taken.setdefault(key.selector.lower(), name)
            if other != name:
                raise document.error(where, f"the selector {key.selector} is that of the key {other}")
    for index, name in enumerate(names := defaults(dkim)):
        if name not in dkim.keys or name in names[:index]:
            known = ", ".join(dkim.keys) or "none"
            raise document.error((*path, "default"), f"{name!r} has to name one of the keys, once ({known})")


def _check_selector(document: Document, path: KeyPath, domain: str, selector: str) -> None:
    if not is_selector(selector):
        text = f"{selector!r} is not a selector: letters, digits and -, with dots between labels"
        raise document.error((*path, "selector"), text)
    name = record_name(domain, selector)
    if len(name) > NAME_LIMIT:
        text = f"{name} has {len(name)} signs, a name in DNS has at most {NAME_LIMIT}"
        raise document.error((*path, "selector"), text)
