"""Whether the daemons' user can read and write what it has to, and nobody else reads keys.

The daemons' user is the owner of state_dir. Asked as root, by the modes of files and folders; asked as
another user, by what that user may do.
"""

import stat
from collections.abc import Iterator
from pathlib import Path
from pwd import struct_passwd

from estafeta_core.hosting import FOLDER
from estafeta_postfix import dkim_keys
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.install.probes import forbidden

FEW = 8  # different bytes; 64 hexadecimal digits at random have 13 or more
_READ, _WRITE = stat.S_IRUSR, stat.S_IWUSR


def look(setup: Setup) -> Iterator[Finding]:
    """Yield what is closed to the daemons, and what is open to others."""
    for name in ("run_dir", "state_dir"):
        folder: Path = getattr(setup.config, name)
        if not folder.is_dir() and not setup.idle:
            reason, remedy = (
                f"there is no such folder ({name})",
                "make it, for the user that the daemons run as",
            )
            yield Finding("error", "folder-missing", str(folder), reason, remedy)
    if setup.config.hosting.shared:
        yield from _hosted(setup.config.state_dir / FOLDER)
    if setup.daemons_user is not None:
        yield from _closed(setup, setup.daemons_user)
    for key in setup.config.signing_keys:
        yield from _signing_key(key)
    if setup.store is not None and setup.store.exists() and setup.store.stat().st_mode & stat.S_IROTH:
        yield Finding(
            "warning",
            "store-readable",
            str(setup.store),
            "everybody on this host can read who wrote to whom",
            f"chmod o-rwx {setup.store}",
        )


def _closed(setup: Setup, user: struct_passwd) -> Iterator[Finding]:
    """Yield each file and folder that the daemons cannot use."""
    config = setup.config
    wanted = [(setup.path.absolute(), _READ), *((key, _READ) for key in config.signing_keys)]
    for document, account in setup.accounts:
        wanted.append((document.path.absolute(), _READ))
        wanted += [(each.key.file, _READ) for each in dkim_keys.of_account(account)]
    wanted += [(folder, _WRITE) for folder in (config.run_dir, config.state_dir)]
    # The log is left out: a unit may give the worker a group of its own for it (adm), which the user has not.
    wanted += [(setup.store, _WRITE)] if setup.store else []
    wanted += [(config.state_dir / FOLDER, _WRITE)] if config.hosting.shared else []
    for path, bit in dict.fromkeys(wanted):
        # Of a file that is not there, the check that reads it tells.
        if path.exists() and (why := forbidden(path, user, bit)):
            yield Finding(
                "error",
                "file-closed",
                str(path),
                f"the daemons run as {user.pw_name} (the owner of state_dir) and have to "
                f"{'read' if bit == _READ else 'write'} it: {why}",
                f"give it to them: chown {user.pw_name} {path}, or its group with chgrp and chmod",
            )


def _hosted(folder: Path) -> Iterator[Finding]:
    """Yield that the folder of all hosts is missing here."""
    if not folder.is_mount():
        yield Finding(
            "error",
            "hosted-not-mounted",
            str(folder),
            "hosting.shared says that hosts share this folder, and nothing is mounted here: mail with files"
            " is put off, and their links are answered 503",
            "mount the folder of all hosts here, or set hosting.shared to false on a host that is alone",
        )


def _signing_key(key: Path) -> Iterator[Finding]:
    if key.stat().st_mode & stat.S_IROTH:
        yield Finding(
            "error",
            "signing-key-readable",
            str(key),
            "everybody on this host can read it, and forge links, unsubscribes and jobs",
            f"chmod o-rwx {key}, and put a new key before it in signing_keys",
        )
    if len(set(key.read_bytes().strip())) < FEW:
        yield Finding(
            "warning",
            "signing-key-weak",
            str(key),
            f"it has fewer than {FEW} different bytes, so it was not made at random",
            "put a new key before it in signing_keys: od -An -N32 -tx1 /dev/urandom | tr -d ' \\n' > FILE",
        )
