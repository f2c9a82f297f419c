"""Whether there is a key in every file that DKIM is to sign with, one that receivers take.

The milter opens a file when the first message needs its key, so a file that is missing would be found out
late. 10,000 keys take some seconds.
"""

import stat
from collections.abc import Iterator

from estafeta_core.config.accounts import Account
from estafeta_core.config.advice import Advice
from estafeta_core.config.dkim_checks import place
from estafeta_core.config.document import Document, KeyPath
from estafeta_core.rules.dkim_key import defaults
from estafeta_milter.dkim.keys import KeyFileError, PrivateKey
from estafeta_postfix import dkim_keys
from estafeta_postfix.checks.finding import Finding, of_advice, of_error
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.dkim_keys import MOST_BITS, Configured

ONE_KIND = "many receivers cannot verify Ed25519 yet (let an RSA key sign as well: [rsa-key, ed25519-key])"


def look(setup: Setup) -> Iterator[Finding]:
    """Yield which files hold no key, and what should be known of the others."""
    for document, account in setup.accounts:
        yield from _of_account(document, account)


def _of_account(document: Document, account: Account) -> Iterator[Finding]:
    algorithms: dict[tuple[str, str], str] = {}
    for each in dkim_keys.of_account(account):
        path = (*place(document, each.domain), "keys", each.name)
        try:
            key = each.read()
        except KeyFileError as error:
            yield of_error("dkim-key-file", document.error(path, str(error)))
            continue
        algorithms[each.domain, each.name] = key.algorithm
        yield from of_advice("dkim-key", (_advice(document, path, text) for text in _about(each, key)))
    for domain, settings in account.domains.items():
        chosen = {algorithms.get((domain, name)) for name in defaults(settings.dkim)}
        if chosen == {"ed25519-sha256"}:
            path = (*place(document, domain), "default")
            yield from of_advice("dkim-key", [_advice(document, path, ONE_KIND)])


def _about(each: Configured, key: PrivateKey) -> Iterator[str]:
    if key.algorithm == "rsa-sha256" and key.bits < dkim_keys.RSA_BITS:
        yield f"{key.bits} bits are few, use {dkim_keys.RSA_BITS} (RFC 8301; estafeta dkim create makes one)"
    if key.algorithm == "rsa-sha256" and key.bits > MOST_BITS:
        yield f"{key.bits} bits are more than verifiers have to take ({MOST_BITS} at most, RFC 8301)"
    if each.key.file.stat().st_mode & stat.S_IROTH:
        yield f"everybody on this host can read {each.key.file} (chmod o-rwx)"


def _advice(document: Document, key_path: KeyPath, text: str) -> Advice:
    return Advice(document.path, document.line(key_path), ".".join(map(str, key_path)), text)
