"""Configuration files -> structs; whatever cannot be used is a ConfigError with file, line and key.

`load` reads estafeta.yaml and the account files its `accounts_dir` holds (`*.yaml`, by name). What
the schema cannot say is asked by `checks.py` and `account_checks.py`. Paths in the result are absolute
and domains are lower-case A-labels, so that nobody after this has to think of it again.
"""

import contextlib
import gc
import socket
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from estafeta_core.addresses import a_label
from estafeta_core.config import account_checks, advice, checks
from estafeta_core.config.accounts import Account, Credential, Dkim, DkimKey, Domain, Subaccount
from estafeta_core.config.document import ConfigError, Document, KeyPath
from estafeta_core.config.schema import Config
from estafeta_core.directory import Directory

SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The configuration of one moment; it is replaced as a whole and never changed."""

    config: Config
    directory: Directory
    warnings: tuple[advice.Advice, ...] = ()  # about estafeta.yaml


def load(path: Path) -> Snapshot:
    """Read everything that estafeta.yaml at `path` leads to."""
    document = Document(path)
    config = _config(document, path)
    directory = Directory(load_accounts(config.accounts_dir, config.ip_pools))
    return Snapshot(config, directory, tuple(advice.of_config(document, config)))


def load_config(path: Path) -> Config:
    """Read estafeta.yaml."""
    return _config(Document(path), path)


def _config(document: Document, path: Path) -> Config:
    config = document.convert(Config)
    folder = path.absolute().parent
    config = msgspec.structs.replace(
        config,
        base_url=config.base_url.rstrip("/"),
        bounce_domain=_domain(document, ("bounce_domain",), config.bounce_domain),
        signing_keys=tuple(folder / key for key in config.signing_keys),
        store=_store(config.store, folder),
        accounts_dir=folder / config.accounts_dir,
        run_dir=folder / config.run_dir,
        state_dir=folder / config.state_dir,
        maillog=folder / config.maillog,
        queue_directory=folder / config.queue_directory,
        hosting=msgspec.structs.replace(config.hosting, base_url=config.hosting.base_url.rstrip("/")),
    )
    checks.check_config(document, config)
    return config


def known_as(config: Config, log: Path) -> str:
    """Return how the store knows a log of this host: by node and path, where hosts share the store."""
    if config.store.startswith(SQLITE):
        return str(log)
    return f"{node(config)}:{log}"


def node(config: Config) -> str:
    """Return how the store knows this host."""
    return config.node or socket.gethostname()


def _store(url: str, folder: Path) -> str:
    """Make the file of `sqlite:///relative` count from `folder`, as every other path."""
    if not url.startswith(SQLITE):
        return url
    return f"{SQLITE}{folder / url.removeprefix(SQLITE)}"


def load_accounts(folder: Path, pools: Container[str] | None = None) -> list[Account]:
    """Read every account file of `folder`; `pools` are those of estafeta.yaml, None where it was not read."""
    with _no_collection():
        return [account for _, account in read_accounts(folder, pools)]


def read_accounts(folder: Path, pools: Container[str] | None = None) -> Iterator[tuple[Document, Account]]:
    """Yield every account of `folder` with the file that describes it."""
    unique = account_checks.Unique()
    for path in _account_files(folder):
        document = Document(path)
        yield document, _account(document, unique, pools)


def account_file(folder: Path, account: str) -> Path:
    """Return the file of `folder` that describes `account`; ConfigError when none does."""
    for path in _account_files(folder):
        if Document(path).convert(Account).account == account:
            return path
    raise ConfigError(f"{folder}: no file describes the account {account!r}")


def _account_files(folder: Path) -> list[Path]:
    try:
        files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ConfigError(f"{folder}: the folder of the accounts cannot be read: {error.strerror}") from None
    for path in files:
        if path.suffix == ".yml":
            raise ConfigError(f"{path}: account files end in .yaml (rename it)")
    return [path for path in files if path.suffix == ".yaml"]


def _account(document: Document, unique: account_checks.Unique, pools: Container[str] | None) -> Account:
    account = document.convert(Account)
    account = msgspec.structs.replace(
        account,
        domains=_domains(document, account),
        subaccounts=_subaccounts(document, account),
        credentials=_credentials(document, account),
    )
    account_checks.check_account(document, account, unique, pools)
    return account


def _domains(document: Document, account: Account) -> dict[str, Domain]:
    domains: dict[str, Domain] = {}
    for name, domain in account.domains.items():
        label = _domain(document, ("domains", name), name)
        if label in domains:
            raise document.error(("domains", name), f"{label} stands here twice (remove one of the two)")
        dkim = domain.dkim and _dkim(document.path.absolute().parent, domain.dkim)
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
    return tuple(_domain(document, (*key_path, index), domain) for index, domain in enumerate(domains))


def _domain(document: Document, key_path: KeyPath, domain: str) -> str:
    label = a_label(domain)
    if label is None:
        raise document.error(key_path, f"{domain!r} is not a domain such as mail.example.com")
    return label


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the garbage collector: it would go through ten thousand parsed files again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
