"""Installing, uninstalling and looking: from what is there to what is wanted, safe to be stopped anywhere.

    lock - hindrances? - journal - backup - tables, main.cf, master.cf - check - reload - probes - manifest

The journal says what our parts were before. A run that was killed leaves it behind; the next `install` goes
on from there, or puts back what it says where a check fails, and the next `uninstall` takes everything
away. What the operator writes meanwhile stays: only our parts are ever put back. Raises InstallError and
RecordError.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estafeta_core.config.schema import Config
from estafeta_postfix.files import replace, sync
from estafeta_postfix.install import conflicts, facts, intake, parts, probes
from estafeta_postfix.install.conflicts import Conflict
from estafeta_postfix.install.facts import Facts
from estafeta_postfix.install.parts import Ours, PartsError
from estafeta_postfix.install.records import Records, State
from estafeta_postfix.install.server import Server
from estafeta_postfix.install.wanted import wanted, wanted_services
from estafeta_postfix.instance import InstanceError, account
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.shared import FOLDER

FILES = ("main.cf", "master.cf")
# As `files.replace` names them; the swap file of an editor has another end.
_TEMPORARY = re.compile(r"\.(?:main|master)\.cf\.[a-z0-9_]{8}")
Say = Callable[[str], None]


class InstallError(Exception):
    """It was not done, and nothing is half done; the text says why, a line for each reason."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is there and what is wanted, at one moment."""

    current: State
    wanted: State
    services: list[Service]
    facts: Facts
    conflicts: list[Conflict]
    interrupted: bool


class Installation:
    """One configuration in one instance of Postfix."""

    def __init__(self, config: Config, config_directory: Path) -> None:
        self.config = config
        self.directory = config_directory
        self.server = Server(config_directory)
        self.records = Records(config.state_dir, config_directory)
        self._tables = config_directory / FOLDER

    def look(self) -> Look:
        """Read everything and write nothing. InstallError where it cannot be read."""
        try:
            current, interrupted = self._current(), self.records.interrupted() is not None
            there = facts.read(self.directory, *(parts.without(self._text(name)) for name in FILES))
            made = wanted(self.config, there)
        except PartsError as error:
            raise InstallError(str(error)) from None
        held = frozenset(line.split()[0] for line in current.master_cf.block.splitlines() if line[:1].strip())
        return Look(
            current,
            State(made.main_cf, made.master_cf, made.tables),
            wanted_services(self.config, there),
            there,
            conflicts.found(self.config, there, held),
            interrupted,
        )

    def difference(self, look: Look) -> str:
        """Return what would change, as a unified diff."""
        return "".join(
            line
            for name, old, new in self._texts(look)
            if old != new
            for line in _diff(old, new, str(self.directory / name))
        )

    def _texts(self, look: Look) -> Iterator[tuple[str, str, str]]:
        for name, ours in zip(FILES, (look.wanted.main_cf, look.wanted.master_cf), strict=True):
            text = self._text(name)
            yield name, text, parts.with_ours(text, ours)
        old, new = look.current.tables or {}, look.wanted.tables or {}
        for name in sorted({*old, *new}):
            yield f"{FOLDER}/{name}", old.get(name, ""), new.get(name, "")

    def install(self, say: Say) -> bool:
        """Make what is there what is wanted; whether anything changed."""
        with self._at_work():
            look = self.look()
            before = self.records.interrupted() or look.current
            try:
                self._ready(look)
            except InstallError:
                if look.interrupted:
                    self._put_back(before, say)
                raise
            if look.current == look.wanted and not look.interrupted:
                self._working(look)
                return False
            self._replace(before, look, say)
            return True

    def uninstall(self, say: Say) -> bool:
        """Take everything of ours away; whether there was anything."""
        with self._at_work():
            current = self._current()
            interrupted = self.records.interrupted()
            if current == State() and interrupted is None:
                self.records.uninstall()
                return False
            complaints = self.server.complaints()
            self.records.begin(interrupted or current)
            say(f"main.cf and master.cf are kept in {self._back_up()}")
            self._apply(State())
            added = self.server.complaints() - complaints
            if added:
                self._put_back(current, say)
                raise InstallError("\n".join(sorted(added)))
            self._reload(say)
            self.records.uninstall()
            self.records.end()
            return True

    def wrong(self, look: Look) -> list[str]:
        """Return why what is there is not, or does not work, as the configuration says."""
        reasons = []
        if look.interrupted:
            reasons.append("a change was interrupted; run `estafeta postfix install`, or `uninstall`")
        if look.current == State():
            return [*reasons, "not installed"]
        if look.current != look.wanted:
            reasons.append(
                "what is installed is not what the configuration says; see `estafeta postfix diff`"
            )
        reasons += probes.daemons(self.config, account(look.facts.values["mail_owner"]))
        reasons += probes.guards(self.directory, look.services)
        return [*reasons, *probes.listeners(self.config), *self.unreached(look)]

    def unreached(self, look: Look) -> list[str]:
        """Return what keeps mail from coming in that others send: bounces."""
        return list(intake.missing(self.config, look.facts))

    def _ready(self, look: Look) -> None:
        """Stop before anything is written. InstallError with every reason."""
        reasons = [str(each) for each in look.conflicts if each.stops]
        reasons += probes.daemons(self.config, account(look.facts.values["mail_owner"]))
        if not self.server.runs():
            reasons.append(
                f"Postfix does not run with {self.directory}; start it, so that listeners can be tried"
            )
        if reasons:
            raise InstallError("\n".join(reasons))

    def _working(self, look: Look) -> None:
        wrong = [*probes.guards(self.directory, look.services), *probes.listeners(self.config)]
        if wrong:
            raise InstallError("\n".join(wrong))

    def _replace(self, before: State, look: Look, say: Say) -> None:
        """Write, check and try; put back where anything is wrong."""
        complaints = self.server.complaints()
        self.records.begin(before)
        say(f"main.cf and master.cf are kept in {self._back_up()}")
        try:
            self._apply(look.wanted)
            added = self.server.complaints() - complaints
            if added:
                raise InstallError("\n".join(sorted(added)))
            self._reload(say)
            self._working(look)
        except (InstallError, InstanceError, PartsError, OSError) as error:
            self._put_back(before, say)
            raise InstallError(str(error)) from None
        self.records.install(look.wanted, self._manifest(look.wanted))
        self.records.end()

    def _put_back(self, before: State, say: Say) -> None:
        say("putting back what was there")
        self._apply(before)
        self._reload(say)
        self.records.end()

    def _reload(self, say: Say) -> None:
        if self.server.runs():
            say("Postfix reads its files again")
            self.server.reload()

    def _at_work(self) -> AbstractContextManager[None]:
        if os.geteuid() != 0:
            raise InstallError("Postfix's files are root's: run this as root")
        return self.records.locked()

    def _current(self) -> State:
        main_cf, master_cf = (parts.ours(self._text(name)) for name in FILES)
        tables = None
        if self._tables.is_dir():
            tables = {path.name: path.read_text() for path in sorted(self._tables.iterdir())}
        return State(main_cf, master_cf, tables)

    def _apply(self, state: State) -> None:
        """Make our parts these. Tables come before what names them, and go after it."""
        tables = state.tables or {}
        if state.tables is not None:
            self._tables.mkdir(mode=0o755, exist_ok=True)
            self._tables.chmod(0o755)
        for name, text in tables.items():
            replace(self._tables / name, text.encode(), 0o644)
        both = list(zip(FILES, (state.main_cf, state.master_cf), strict=True))
        for name, ours in both if state.master_cf.block else reversed(both):
            self._write(name, ours)
        if self._tables.is_dir():
            for path in self._tables.iterdir():
                if path.name not in tables:
                    path.unlink()
            if state.tables is None:
                self._tables.rmdir()
        self._clear_up()

    def _clear_up(self) -> None:
        """Remove what a run that was killed has written and not yet renamed; bring the names to disk."""
        for folder in {(self.directory / name).resolve().parent for name in FILES}:
            for path in folder.iterdir():
                if _TEMPORARY.fullmatch(path.name):
                    path.unlink()
            sync(folder)

    def _write(self, name: str, ours: Ours) -> None:
        """Replace one file, where a link leads to it if it is one, with the owner and mode it has."""
        path = (self.directory / name).resolve(strict=True)
        old = self._text(name)
        new = parts.with_ours(old, ours)
        if new != old:
            status = path.stat()
            data = new.encode("utf-8", "surrogateescape")
            replace(path, data, status.st_mode & 0o7777, (status.st_uid, status.st_gid))

    def _text(self, name: str) -> str:
        try:
            return (self.directory / name).read_bytes().decode("utf-8", "surrogateescape")
        except OSError as error:
            raise InstallError(f"{self.directory / name}: {error.strerror}") from None

    def _back_up(self) -> Path:
        return self.records.back_up({name: (self.directory / name).read_bytes() for name in FILES})

    def _manifest(self, state: State) -> list[dict[str, Any]]:
        paths = [self._tables, *(self._tables / name for name in state.tables or {})]
        return [_entry(path) for path in [*paths, *(self.directory / name for name in FILES)]]


def _entry(path: Path) -> dict[str, Any]:
    status = path.stat()
    what = "lines between marks" if path.name in FILES else "folder" if path.is_dir() else "file"
    owner = {"uid": status.st_uid, "gid": status.st_gid, "mode": f"{status.st_mode & 0o7777:04o}"}
    return {"path": str(path), "ours": what, **owner}


def _diff(old: str, new: str, path: str) -> Iterator[str]:
    made = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), path, path)
    return (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in made)
