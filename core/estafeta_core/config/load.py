"""Configuration files -> structs; whatever cannot be used is a ConfigError with file, line and key.

`load` reads estafeta.yaml and the accounts: the files its `accounts_dir` holds (`*.yaml`, by name), or what
the store has of them (`directory: store`). What the schema cannot say is asked by `checks.py` and
`account_checks.py`. Paths in the result are absolute and domains are lower-case A-labels, so that nobody
after this has to think of it again.
"""

import contextlib
import socket
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from estafeta_core.config import account_checks, advice, checks
from estafeta_core.config.accounts import Account
from estafeta_core.config.document import AccountsAwayError, ConfigError, Document
from estafeta_core.config.normal import no_collection, normal_account, normal_domain
from estafeta_core.config.schema import Config
from estafeta_core.config.stored import StoredAccounts, away
from estafeta_core.directory import Directory
from estafeta_core.store import StoreUnavailable

SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The configuration of one moment; it is replaced as a whole and never changed."""

    config: Config
    directory: Directory
    warnings: tuple[advice.Advice, ...] = ()  # about estafeta.yaml


def load(path: Path, stored: StoredAccounts | None = None) -> Snapshot:
    """Read everything that estafeta.yaml at `path` leads to.

    `stored` knows the accounts of the store from before, where they are there. AccountsAwayError where the
    store does not answer.
    """
    document = Document(path)
    config = _config(document, path)
    try:
        if config.directory == "files":
            directory = Directory(load_accounts(config.accounts_dir, config.ip_pools))
        elif stored is not None:
            directory = stored.directory(config)
        else:
            with contextlib.closing(StoredAccounts()) as read_once:
                directory = read_once.directory(config)
    except StoreUnavailable as error:
        raise AccountsAwayError(str(document.error(("directory",), away(error)))) from None
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
        bounce_domain=normal_domain(document, ("bounce_domain",), config.bounce_domain),
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


def load_directory(config: Config) -> list[Account]:
    """Read every account, wherever the configuration says they are. ConfigError."""
    with no_collection():
        return [account for _, account in read_directory(config)]


def read_directory(config: Config) -> Iterator[tuple[Document, Account]]:
    """Yield every account with the document that describes it. ConfigError."""
    if config.directory == "files":
        yield from read_accounts(config.accounts_dir, config.ip_pools)
        return
    try:
        with contextlib.closing(StoredAccounts()) as stored:
            yield from stored.read(config)
    except StoreUnavailable as error:
        raise AccountsAwayError(away(error)) from None


def load_accounts(folder: Path, pools: Container[str] | None = None) -> list[Account]:
    """Read every account file of `folder`; `pools` are those of estafeta.yaml, None where it was not read."""
    with no_collection():
        return [account for _, account in read_accounts(folder, pools)]


def read_accounts(folder: Path, pools: Container[str] | None = None) -> Iterator[tuple[Document, Account]]:
    """Yield every account of `folder` with the file that describes it."""
    return read_files(account_files(folder), pools)


def read_files(
    files: Iterable[Path], pools: Container[str] | None = None
) -> Iterator[tuple[Document, Account]]:
    """Yield the account of each of these files with the file."""
    unique = account_checks.Unique()
    for path in files:
        document = Document(path)
        yield document, normal_account(document, unique, pools)


def account_file(folder: Path, account: str) -> Path:
    """Return the file of `folder` that describes `account`; ConfigError when none does."""
    for path in account_files(folder):
        if Document(path).convert(Account).account == account:
            return path
    raise ConfigError(f"{folder}: no file describes the account {account!r}")


def account_files(folder: Path) -> list[Path]:
    """Return the account files of a folder, by name; ConfigError."""
    try:
        files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ConfigError(f"{folder}: the folder of the accounts cannot be read: {error.strerror}") from None
    for path in files:
        if path.suffix == ".yml":
            raise ConfigError(f"{path}: account files end in .yaml (rename it)")
    return [path for path in files if path.suffix == ".yaml"]
