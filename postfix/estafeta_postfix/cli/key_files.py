"""The files of DKIM keys, each opened and tried, for `estafeta check`.

The milter opens a file when the first message needs its key, so a file that is missing would be found out
late. The longer one may be long: 10,000 keys take some seconds.
"""

import stat
from collections.abc import Iterator

from estafeta_core.config.advice import Advice
from estafeta_core.config.dkim_checks import place
from estafeta_core.config.document import Document, KeyPath
from estafeta_core.config.load import read_accounts
from estafeta_core.config.schema import Config
from estafeta_core.rules.dkim_key import defaults
from estafeta_milter.dkim.keys import KeyFileError, PrivateKey
from estafeta_postfix import dkim_keys
from estafeta_postfix.dkim_keys import Configured

MOST_BITS = 4096  # verifiers need not take longer RSA keys (RFC 8301 section 3.2)


def looked_at(config: Config) -> tuple[list[str], list[Advice]]:
    """Return which files hold no key, and what should be known of the others."""
    errors: list[str] = []
    told: list[Advice] = []
    for document, account in read_accounts(config.accounts_dir, config.ip_pools):
        algorithms: dict[tuple[str, str], str] = {}
        for each in dkim_keys.of_account(account):
            path = (*place(document, each.domain), "keys", each.name)
            try:
                key = each.read()
            except KeyFileError as error:
                errors.append(str(document.error(path, str(error))))
                continue
            algorithms[each.domain, each.name] = key.algorithm
            told += [_advice(document, path, text) for text in _about(each, key)]
        for domain, settings in account.domains.items():
            chosen = {algorithms.get((domain, name)) for name in defaults(settings.dkim)}
            if chosen == {"ed25519-sha256"}:
                told.append(_advice(document, (*place(document, domain), "default"), ONE_KIND))
    return errors, told


ONE_KIND = "many receivers cannot verify Ed25519 yet (let an RSA key sign as well: [rsa-key, ed25519-key])"


def _about(each: Configured, key: PrivateKey) -> Iterator[str]:
    if key.algorithm == "rsa-sha256" and key.bits < dkim_keys.RSA_BITS:
        yield f"{key.bits} bits are few, use {dkim_keys.RSA_BITS} (RFC 8301; estafeta dkim create makes one)"
    if key.algorithm == "rsa-sha256" and key.bits > MOST_BITS:
        yield f"{key.bits} bits are more than verifiers have to take ({MOST_BITS}, RFC 8301)"
    if each.key.file.stat().st_mode & stat.S_IROTH:
        yield f"everybody on this host can read {each.key.file} (chmod o-rwx)"


def _advice(document: Document, key_path: KeyPath, text: str) -> Advice:
    return Advice(document.path, document.line(key_path), ".".join(map(str, key_path)), text)
