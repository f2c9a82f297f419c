"""What the installer remembers below state_dir, in a folder that root alone may look into.

    postfix/DIRECTORY/           one for each instance, by its configuration directory
        lock                     held while somebody installs or uninstalls
        journal.json             our parts before the change that is going on; gone when it is complete
        manifest.json            every file and folder of ours, with owner and mode; our parts as installed
        backup/TIME/             main.cf and master.cf as they were before each change

Everything is written to a temporary name, brought to disk and renamed. Raises RecordError.
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from estafeta_postfix.files import replace, sync
from estafeta_postfix.install.parts import NOTHING, Ours

FOLDER = "postfix"
BACKUPS = 20  # of the changes before; each is some kilobytes


class RecordError(Exception):
    """What was remembered cannot be used or written; the text says why."""


@dataclass(frozen=True, slots=True)
class State:
    """Everything of ours in an instance."""

    main_cf: Ours = NOTHING
    master_cf: Ours = NOTHING
    tables: dict[str, str] | None = None  # text by name; None: there is no folder of tables

    @classmethod
    def read(cls, fields: dict[str, Any]) -> "State":
        """Take a state from JSON."""
        return cls(Ours(**fields["main_cf"]), Ours(**fields["master_cf"]), fields["tables"])


class Records:
    """The records of one instance."""

    def __init__(self, state_dir: Path, config_directory: Path) -> None:
        self.state_dir = state_dir
        self.folder = state_dir / FOLDER / str(config_directory.resolve()).strip("/").replace("/", "-")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock. RecordError while somebody else has it."""
        if not self.state_dir.is_dir():
            raise RecordError(f"{self.state_dir} is not there; make it, for the user that the daemons run as")
        for folder in (self.folder.parent, self.folder):
            _ensure_private(folder)
        with (self.folder / "lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RecordError("another `estafeta postfix` is at work on this instance") from None
            yield

    def interrupted(self) -> State | None:
        """Return our parts before a change that did not come to its end."""
        found = self._read("journal.json")
        return None if found is None else State.read(found)

    def begin(self, before: State) -> None:
        """Remember our parts before a change."""
        self._write("journal.json", asdict(before))

    def end(self) -> None:
        """Forget them: the change is complete."""
        (self.folder / "journal.json").unlink(missing_ok=True)
        sync(self.folder)

    def installed(self) -> State | None:
        """Return our parts as they were installed last."""
        found = self._read("manifest.json")
        return None if found is None else State.read(found["state"])

    def install(self, state: State, files: list[dict[str, Any]]) -> None:
        """Remember our parts, and every file and folder of ours."""
        self._write("manifest.json", {"files": files, "state": asdict(state)})

    def files(self) -> list[dict[str, Any]]:
        """Return every file and folder of ours, with owner and mode."""
        found = self._read("manifest.json")
        return [] if found is None else list(found["files"])

    def uninstall(self) -> None:
        """Forget what was installed; backups stay."""
        (self.folder / "manifest.json").unlink(missing_ok=True)
        sync(self.folder)

    def back_up(self, texts: dict[str, bytes]) -> Path:
        """Keep files as they are, and return where."""
        folder = self.folder / "backup"
        _ensure_private(folder)
        made = folder / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        made.mkdir(mode=0o700)
        for name, text in texts.items():
            replace(made / name, text, 0o600)
        for old in sorted(folder.iterdir())[:-BACKUPS]:
            shutil.rmtree(old)
        return made

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RecordError(f"{path}: {error}") from None
        return found

    def _write(self, name: str, fields: dict[str, Any]) -> None:
        replace(self.folder / name, json.dumps(fields, indent=1).encode(), 0o600)
        sync(self.folder)


def _ensure_private(folder: Path) -> None:
    """Make a folder for us alone. state_dir is another user's: what we write must not be led elsewhere."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not folder.is_dir() or folder.is_symlink() or status.st_uid != os.geteuid():
        raise RecordError(f"{folder} is not a folder of user {os.geteuid()}; remove it")
    folder.chmod(0o700)
