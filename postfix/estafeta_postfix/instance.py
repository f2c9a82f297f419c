"""A private Postfix instance: files written, checked, run in the foreground as a child, asked to reload.

It never touches /etc/postfix, which may be another instance's or hold no main.cf at all (Debian's
"No configuration"): every command is given its own configuration directory, by option and in
MAIL_CONFIG, and the directory itself is complete.

Raises InstanceError with what Postfix's own check has said.
"""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Container
from pathlib import Path

from estafeta_core.config.schema import Config
from estafeta_postfix.files import write_text
from estafeta_postfix.render.main_cf import main_cf
from estafeta_postfix.render.master_cf import master_cf
from estafeta_postfix.render.place import Place
from estafeta_postfix.render.tables import KINDS, tables

OLDEST = (3, 7)  # what is rendered was tried on 3.7.11; earlier ones miss smtpd_forbid_bare_newline
COMMAND_TIMEOUT = 60  # seconds: `postfix check` walks the queue

# What postfix(1), its scripts and postsuper(1) say about a configuration; other programs log there too.
_COMPLAINT = re.compile(
    r"(?:postfix|postfix-script|postsuper|postconf|post-install)(?:\[\d+\])?: (?:warning|error|fatal)"
)

_SEARCH = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/usr/bin"))  # sbin is not in everybody's PATH


class InstanceError(Exception):
    """The instance cannot be made or does not pass Postfix's own check; the text says why."""


def command(name: str) -> str:
    """Return the path of one of Postfix's commands. InstanceError when Postfix is not installed."""
    found = shutil.which(name) or shutil.which(name, path=_SEARCH)
    if found is None:
        raise InstanceError(f"{name} was not found; install the package postfix")
    return found


def account(name: str) -> pwd.struct_passwd:
    """Return a system account. InstanceError when there is none of that name."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise InstanceError(f"there is no system account {name!r}; is Postfix installed?") from None


def mail_owner() -> pwd.struct_passwd:
    """Return the account that Postfix's daemons run as, as it was built."""
    return account(_output([command("postconf"), "-d", "-h", "mail_owner"]))


class Instance:
    """The private instance at one place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.environment = {**os.environ, "MAIL_CONFIG": str(place.config_directory)}

    def ensure(self, config: Config) -> bool:
        """Make directories and write every file where it differs; whether anything changed.

        Postfix's own check runs after a change. Raises InstanceError, RenderError.
        """
        changed = self._ensure_directories()
        files = {
            **tables(config),
            "main.cf": main_cf(config, self.place),
            "master.cf": master_cf(config, self.place),
        }
        for name, text in files.items():
            changed |= write_text(self.place.config_directory / name, text, mode=0o644)
        changed |= self._remove_tables(files)
        if changed:
            self.check()
        return changed

    def _remove_tables(self, wanted: Container[str]) -> bool:
        """Remove the tables of listeners that are gone or need none; whether there were any."""
        stale = [
            path
            for kind in KINDS
            for path in self.place.config_directory.glob(f"*.{kind}")
            if path.name not in wanted
        ]
        for path in stale:
            path.unlink()
        return bool(stale)

    def _ensure_directories(self) -> bool:
        owner = mail_owner()
        place = self.place
        check_reachable(place.root)
        wanted = (
            (place.config_directory, 0, 0, 0o755),
            (place.queue_directory, 0, 0, 0o755),
            (place.data_directory, owner.pw_uid, owner.pw_gid, 0o700),
        )
        changes = [_ensure_directory(*entry) for entry in wanted]
        return any(changes)

    def check(self) -> None:
        """Let Postfix look at its files and create its queue. Raises InstanceError with its words."""
        version = self.version()
        if version < OLDEST:
            raise InstanceError(f"Postfix {'.'.join(map(str, version))} is too old; 3.7 or later is needed")
        unknown = run([*self._postconf(), "-n"]).stderr + run([*self._postconf(), "-P"]).stderr
        if unknown:
            raise InstanceError(f"Postfix does not know all of its configuration: {unknown.strip()}")
        self._postfix("check")

    def version(self) -> tuple[int, ...]:
        """Return Postfix's version, for instance (3, 7, 11)."""
        text = self.parameter("mail_version")
        return tuple(int(number) for number in re.findall(r"\d+", text.partition("-")[0]))

    def parameter(self, name: str) -> str:
        """Return the value of a main.cf parameter as this instance sees it."""
        return _output([*self._postconf(), "-x", "-h", name])

    def _postconf(self) -> list[str]:
        return [command("postconf"), "-c", str(self.place.config_directory)]

    def master_command(self) -> list[str]:
        """Return the command that runs the instance in the foreground until it gets a SIGTERM.

        master(8) itself rather than `postfix start`, whose script would hand it to init.
        """
        master = Path(self.parameter("daemon_directory")) / "master"
        return [str(master), "-c", str(self.place.config_directory)]

    def guard_command(self) -> list[str]:
        """Return a command that stops the instance when it gets a SIGTERM itself.

        master(8) changes its effective user, at which the kernel forgets that it should be told of its
        parent's death; the guard does not. The pid file may be older than the process that has the number
        now, so its command line is looked at.
        """
        stop = 'pid=$(sed 1q "$0") && grep -q "$1" "/proc/$((pid))/cmdline" && kill "$((pid))"'
        script = f"trap '{stop}; kill $!; exit' TERM; while :; do sleep 3600 & wait; done"
        pid_file = self.place.queue_directory / "pid" / "master.pid"
        return ["sh", "-c", script, str(pid_file), str(self.place.config_directory)]

    def reload(self) -> None:
        """Check, then let the running instance read its files again. Raises InstanceError."""
        self.check()
        self._postfix("reload")

    def flush(self) -> None:
        """Try every deferred message now."""
        _output([command("postqueue"), "-c", str(self.place.config_directory), "-f"], self.environment)

    def _postfix(self, verb: str) -> None:
        """Run one verb of postfix(1); raise InstanceError with its complaints.

        Without a terminal its scripts complain to the mail log only.
        """
        maillog = Path(self.parameter("maillog_file"))
        before = maillog.stat().st_size if maillog.exists() else 0
        arguments = [command("postfix"), "-c", str(self.place.config_directory), verb]
        done = run(arguments, self.environment)
        logged = maillog.read_bytes()[before:].decode("utf-8", "replace") if maillog.exists() else ""
        complaints = [line for line in (done.stderr + logged).splitlines() if _COMPLAINT.search(line)]
        if done.returncode or complaints:
            text = "; ".join(complaints) or f"status {done.returncode}"
            raise InstanceError(f"postfix {verb}: {text}")


def check_reachable(directory: Path) -> None:
    """Refuse a place that Postfix's daemons, which do not run as root, cannot walk to.

    Raises InstanceError naming the folder that is closed to them.
    """
    for folder in (directory, *directory.absolute().parents):
        if folder.exists() and not folder.stat().st_mode & 0o001:
            raise InstanceError(
                f"{folder} is closed to other users (mode {folder.stat().st_mode & 0o777:04o}), and Postfix's"
                f" daemons must reach {directory}; choose another place, or chmod o+x {folder}"
            )


def _ensure_directory(path: Path, uid: int, gid: int, mode: int) -> bool:
    changed = not path.is_dir()
    path.mkdir(parents=True, exist_ok=True)
    state = path.stat()
    if (state.st_uid, state.st_gid, state.st_mode & 0o777) != (uid, gid, mode):
        os.chown(path, uid, gid)
        path.chmod(mode)
        changed = True
    return changed


def _output(arguments: list[str], environment: dict[str, str] | None = None) -> str:
    done = run(arguments, environment)
    if done.returncode:
        raise InstanceError(f"{Path(arguments[0]).name}: {done.stderr.strip()}")
    return done.stdout.strip()


def run(
    arguments: list[str], environment: dict[str, str] | None = None, *, errors: str = "replace"
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with nothing on its standard input; subprocess.TimeoutExpired."""
    return subprocess.run(
        arguments,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors=errors,
        timeout=COMMAND_TIMEOUT,
        check=False,
    )
