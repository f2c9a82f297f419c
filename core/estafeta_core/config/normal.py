"""An account as its document says it, in the one form that everybody after this reads.

Paths are absolute and domains are lower-case A-labels. Raises ConfigError with file, line and key.
"""

import contextlib
import gc
from collections.abc import Container, Iterator
from pathlib import Path

import msgspec

from estafeta_core.addresses import a_label
from estafeta_core.config import account_checks
from estafeta_core.config.accounts import Account, Credential, Dkim, DkimKey, Domain, Subaccount
from estafeta_core.config.document import Document, KeyPath


def normal_account(
    document: Document, taking: account_checks.Taking, pools: Container[str] | None
) -> Account:
    """Return the account that a document describes; ConfigError where something in it cannot be used.

    `taking` knows the other accounts; `pools` None: estafeta.yaml was not read, and any pool may be there.
    """
    account = document.convert(Account)
    account = msgspec.structs.replace(
        account,
        domains=_domains(document, account),
        subaccounts=_subaccounts(document, account),
        credentials=_credentials(document, account),
    )
    account_checks.check_account(document, account, taking, pools)
    return account


def _domains(document: Document, account: Account) -> dict[str, Domain]:
    domains: dict[str, Domain] = {}
    for name, domain in account.domains.items():
        label = normal_domain(document, ("domains", name), name)
        if label in domains:
            raise document.error(("domains", name), f"{label} stands here twice (remove one of the two)")
        dkim = domain.dkim and _dkim(document.folder, domain.dkim)
        domains[label] = msgspec.structs.replace(domain, dkim=dkim) if dkim else domain
    return domains


def _dkim(folder: Path, dkim: Dkim) -> Dkim:
    """Give each key its selector and the whole path of its file, and `default` its one form."""
    return Dkim(
        keys={name: _dkim_key(folder, name, key) for name, key in dkim.keys.items()},
        default=(dkim.default,) if isinstance(dkim.default, str) else dkim.default,
    )


def _dkim_key(folder: Path, name: str, key: DkimKey | str) -> DkimKey:
    key = DkimKey(file=Path(key)) if isinstance(key, str) else key
    return msgspec.structs.replace(key, file=folder / key.file, selector=key.selector or name)


def _subaccounts(document: Document, account: Account) -> dict[str, Subaccount]:
    return {
        name: msgspec.structs.replace(
            subaccount, domains=_domain_list(document, ("subaccounts", name, "domains"), subaccount.domains)
        )
        for name, subaccount in account.subaccounts.items()
    }


def _credentials(document: Document, account: Account) -> dict[str, Credential]:
    return {
        name: msgspec.structs.replace(
            credential, domains=_domain_list(document, ("credentials", name, "domains"), credential.domains)
        )
        if credential.domains
        else credential
        for name, credential in account.credentials.items()
    }


def _domain_list(document: Document, key_path: KeyPath, domains: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(normal_domain(document, (*key_path, index), domain) for index, domain in enumerate(domains))


def normal_domain(document: Document, key_path: KeyPath, domain: str) -> str:
    """Return a domain that stands in a document in lower-case A-labels."""
    label = a_label(domain)
    if label is None:
        raise document.error(key_path, f"{domain!r} is not a domain such as mail.example.com")
    return label


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Pause the garbage collector: it would go through ten thousand parsed files again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
