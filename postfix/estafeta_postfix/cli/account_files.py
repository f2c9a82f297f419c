"""The operator's account files, read and changed by commands.

A change is made to the text: comments, order, quotes and indentation of everything else stay. It
replaces the file in one step, with the permissions and owner it had, and is then read as the daemons
read it; what they would not take is put back. Commands that run at the same moment wait for each other.

Raises ConfigError for files that cannot be used, and Failure with status 2 for what is not there.
"""

import contextlib
import fcntl
import functools
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from estafeta_postfix.cli.failure import Failure

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


@dataclass(frozen=True, slots=True)
class Accounts:
    """The account files, as they are and as the daemons read them."""

    folder: Path
    directory: Directory
    store: str = ""  # its URL; "": only a folder was named, and what a store says does not belong to it

    @classmethod
    def read(cls, config: Path, folder: Path | None) -> "Accounts":
        """Read the accounts of `folder`, or of the folder that the configuration file names."""
        if folder is not None:
            return cls(folder, Directory(load_accounts(folder)))
        settings = load_config(config)
        return cls(settings.accounts_dir, Directory(load_accounts(settings.accounts_dir)), settings.store)

    def credential(self, credential_id: str) -> Credential:
        """Return the credential of that id."""
        found = self.directory.credential(identity_of(credential_id))
        if found is None:
            raise Failure(f"there is no credential {credential_id} in {self.folder}", 2)
        return found

    def account(self, name: str) -> Account:
        """Return the account of that name."""
        found = self.directory.accounts.get(name)
        if found is None:
            raise Failure(f"there is no account {name} in {self.folder}", 2)
        return found

    @contextlib.contextmanager
    def added(self, path: Path) -> Iterator[None]:
        """Let the block write a new file; one that the daemons would not take is removed."""
        with _explained(), _locked(self.folder):
            if path.exists():
                raise Failure(f"{path} is there already", 2)
            yield
            try:
                load_accounts(self.folder)
            except ConfigError:
                path.unlink()
                raise

    @contextlib.contextmanager
    def edited(self, account: str) -> Iterator[CommentedMap]:
        """Give the file of `account` for change; it is written when the block ends without an error."""
        with _explained(), _locked(self.folder):
            path = account_file(self.folder, account).resolve()
            before = path.read_bytes()
            yaml = round_trip(before.decode())
            document = yaml.load(before)
            yield document
            after = io.BytesIO()
            yaml.dump(document, after)
            _replace(path, after.getvalue())
            try:
                load_accounts(self.folder)
            except ConfigError:
                _replace(path, before)
                raise


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
def _explained() -> Iterator[None]:
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


def _replace(path: Path, data: bytes) -> None:
    """Make `path` hold `data`, in one step, with the mode and owner it had."""
    had = path.stat()
    files.replace(path, data, had.st_mode & 0o7777, (had.st_uid, had.st_gid))


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
