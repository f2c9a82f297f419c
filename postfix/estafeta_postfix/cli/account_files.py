"""The operator's accounts, read and changed by commands, in files or in the store (account_store.py).

A change is made to the text: comments, order, quotes and indentation of everything else stay. It
replaces a file in one step, with the permissions and owner it had, and is then read as the daemons
read it; what they would not take is put back.

Raises ConfigError for accounts that cannot be used, and Failure with status 2 for what is not there.
"""

import contextlib
import fcntl
import functools
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import click
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from estafeta_core.config.accounts import Account
from estafeta_core.config.document import ConfigError
from estafeta_core.config.load import account_file, load_accounts, load_config
from estafeta_core.directory import Credential, Directory
from estafeta_core.identity import Identity
from estafeta_postfix import files
from estafeta_postfix.cli.account_store import Draft, Stored
from estafeta_postfix.cli.failure import Failure

MODE = 0o640  # hashes of secrets stand in it: for the daemons' group, and nobody else

_OPEN = re.compile(r":\s*(#.*)?$")


def identity_of(text: str) -> Identity:
    """Return the credential that a person names as ACCOUNT/NAME."""
    try:
        identity = Identity.parse(text)
    except ValueError:
        identity = None
    if identity is None or identity.subaccount is not None:
        raise Failure(f"{text!r} is not of the form ACCOUNT/NAME", 2)
    return identity


class Keeping(Protocol):
    """Where accounts are kept."""

    @property
    def where(self) -> str:
        """How people call it."""

    def directory(self) -> Directory:
        """Return all of them. ConfigError."""

    def around(self, account: str) -> Directory:
        """Return them, or at least the one of this name, if there is one. ConfigError."""

    def place(self, account: str) -> str:
        """Return how people find the text of an account."""

    def held(self, account: str, *, new: bool = False) -> AbstractContextManager[Draft]:
        """Give the text of an account, or of one that is `new`, for change.

        It is written when the block ends without an error, unless the daemons would not take it: ConfigError.
        """


class Folder:
    """Account files in a folder. Those who change them wait for each other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def where(self) -> str:
        """The folder."""
        return str(self._folder)

    def directory(self) -> Directory:
        """Read all files."""
        return Directory(load_accounts(self._folder))

    def around(self, account: str) -> Directory:  # noqa: ARG002 - only reading them tells whose they are
        """Read all files."""
        return self.directory()

    def place(self, account: str) -> str:
        """Return the path of the account's file, or of the one that it would have."""
        with contextlib.suppress(ConfigError):
            return str(account_file(self._folder, account))
        return str(self._folder / f"{account}.yaml")

    @contextlib.contextmanager
    def held(self, account: str, *, new: bool = False) -> Iterator[Draft]:
        """See Keeping."""
        with explained(), _locked(self._folder):
            if new:
                path = self._folder / f"{account}.yaml"
                if path.exists():
                    raise Failure(f"{path} is there already", 2)
            else:
                path = account_file(self._folder, account).resolve()
            before = None if new else path.read_bytes()
            draft = Draft(before)
            yield draft
            _write(path, draft.text)
            try:
                load_accounts(self._folder)
            except ConfigError:
                _write(path, before)
                raise


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts, as they are and as the daemons read them."""

    keeping: Keeping
    store: str = ""  # its URL; "": only a folder was named, and what a store says does not belong to it

    @classmethod
    def read(cls, config: Path, folder: Path | None) -> "Accounts":
        """Return the accounts of `folder`, or those that the configuration file leads to."""
        if folder is not None:
            return cls(Folder(folder))
        settings = load_config(config)
        if settings.directory == "files":
            return cls(Folder(settings.accounts_dir), settings.store)
        return cls(Stored(settings), settings.store)

    @property
    def directory(self) -> Directory:
        """All of them, read anew each time."""
        return self.keeping.directory()

    def around(self, account: str) -> Directory:
        """Return them, or at least the one of this name, if there is one."""
        return self.keeping.around(account)

    def place(self, account: str) -> str:
        """Return how people find the text of an account: its file, or store:ACCOUNT."""
        return self.keeping.place(account)

    def credential(self, credential_id: str) -> Credential:
        """Return the credential of that id."""
        identity = identity_of(credential_id)
        found = self.around(identity.account).credential(identity)
        if found is None:
            raise Failure(f"there is no credential {credential_id} in {self.keeping.where}", 2)
        return found

    def account(self, name: str) -> Account:
        """Return the account of that name."""
        found = self.around(name).accounts.get(name)
        if found is None:
            raise Failure(f"there is no account {name} in {self.keeping.where}", 2)
        return found

    def add(self, name: str, text: str) -> None:
        """Write the text of a new account; one that the daemons would not take is not there afterwards."""
        with self.keeping.held(name, new=True) as draft:
            draft.text = text.encode()

    def remove(self, name: str) -> None:
        """Take an account away."""
        with self.keeping.held(name) as draft:
            draft.text = None

    @contextlib.contextmanager
    def edited(self, account: str) -> Iterator[CommentedMap]:
        """Give the text of `account` for change; it is written when the block ends without an error."""
        with explained(), self.keeping.held(account) as draft:
            before = draft.text or b""
            yaml = round_trip(before.decode())
            document = yaml.load(before)
            yield document
            after = io.BytesIO()
            yaml.dump(document, after)
            draft.text = after.getvalue()


def round_trip(text: str = "") -> YAML:
    """Return the reader and writer that keeps comments, order, quotes and the indentation of `text`."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.explicit_start = text.startswith("---")
    yaml.width = 4096  # no line of the operator's is folded
    mapping, dash = _indentation(text)
    yaml.indent(mapping=mapping, sequence=dash + 2, offset=dash)
    return yaml


def _indentation(text: str) -> tuple[int, int]:
    """Return by how much the first nested mapping and the first dash are indented; two where none is."""
    steps: dict[bool, int] = {}
    parent: int | None = None  # the indentation of the `key:` right above
    for line in text.splitlines():
        content = line.lstrip(" ")
        if not content or content.startswith("#"):
            continue
        depth = len(line) - len(content)
        dash = content.startswith("- ")
        if parent is not None and (dash or depth > parent):
            steps.setdefault(dash, depth - parent)
        parent = depth if _OPEN.search(content) else None
    return steps.get(False, 2), steps.get(True, 2)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn what the disk or YAML does not take into a Failure that names it."""
    try:
        yield
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}", 2) from None
    except YAMLError as error:
        raise Failure(f"the file cannot be changed: {error}", 2) from None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait for every other `estafeta key` in `folder`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes | None) -> None:
    """Make `path` hold `data`, in one step, with the mode and owner it had; None: remove it."""
    if data is None:
        path.unlink()
    elif path.exists():
        had = path.stat()
        files.replace(path, data, had.st_mode & 0o7777, (had.st_uid, had.st_gid))
    else:
        files.replace(path, data, MODE)


def in_line(words: Iterable[str]) -> CommentedSeq:
    """Return a list that is written on one line: `[a, b]`."""
    words_in_line = CommentedSeq(words)
    words_in_line.fa.set_flow_style()
    return words_in_line


def with_accounts(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where the account files are, and give the command what is there."""

    @functools.wraps(command)
    def run(default: Path, /, *, config: Path | None, accounts: Path | None, **arguments: Any) -> None:
        command(Accounts.read(config or default, accounts), **arguments)

    folder = click.Path(path_type=Path, exists=True, file_okay=False)
    file = click.Path(path_type=Path, dir_okay=False)
    run = click.option("--accounts", type=folder, help="Their folder; default: as the configuration says.")(
        run
    )
    run = click.option("--config", type=file, help="The configuration; default: as given to estafeta.")(run)
    return click.pass_obj(run)
