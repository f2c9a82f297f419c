"""Files written so that a reader sees the old text or the new one, never half of either."""

import os
import tempfile
from pathlib import Path


def write_text(path: Path, text: str, mode: int) -> bool:
    """Make `path` hold `text` with these permissions; whether the text changed.

    The new text is written beside it under a temporary name, brought to disk, then renamed.
    """
    return write_bytes(path, text.encode(), mode)


def write_bytes(path: Path, data: bytes, mode: int) -> bool:
    """Make `path` hold `data` with these permissions; whether the content changed."""
    if path.is_file() and path.read_bytes() == data:
        path.chmod(mode)
        return False
    replace(path, data, mode)
    return True


def replace(path: Path, data: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Make `path` hold `data` in one step; `owner` is user and group id, the process's own where None."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sync(folder: Path) -> None:
    """Bring the names in a folder to disk: what was renamed there stays so after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
