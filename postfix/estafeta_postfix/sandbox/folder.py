"""The folder of a sandbox: temporary or kept, and one sandbox's at a time.

A folder that a sandbox has used before is used again: store, queue, outbox, log, link signing key and
DKIM keys stay; configuration, certificate and demo accounts are written anew, since ports and API keys are
those of one run. Any other folder that holds something is refused, and so is one in use.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from estafeta_postfix.instance import check_reachable
from estafeta_postfix.sandbox.layout import Layout


class FolderError(Exception):
    """The folder cannot be a sandbox's; the text says why."""


@contextmanager
def taken(path: Path | None) -> Iterator[Layout]:
    """Hold the folder at `path`, or a temporary one that is removed in the end.

    Raises FolderError, or InstanceError when Postfix's daemons could not reach it.
    """
    if path is not None:
        with _locked(path.absolute()) as layout:
            yield layout
        return
    temporary = Path(tempfile.mkdtemp(prefix="estafeta-"))
    try:
        with _locked(temporary) as layout:
            yield layout
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _locked(root: Path) -> Iterator[Layout]:
    layout = Layout(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not layout.lock.exists() and any(root.iterdir()):
            raise FolderError(f"{root} holds files that are not a sandbox's; name an empty or a new folder")
        root.chmod(0o755)  # Postfix's daemons reach their queue and our sockets through it
        lock = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FolderError(f"{root}: {error.strerror}") from None
    try:
        _lock(lock, root)
        check_reachable(root)
        yield layout
    finally:
        os.close(lock)


def _lock(lock: int, root: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(lock, 20, 0).decode() or "another process"
        raise FolderError(f"{root}: a sandbox is running here already ({pid}); stop it first") from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"process {os.getpid()}".encode(), 0)
