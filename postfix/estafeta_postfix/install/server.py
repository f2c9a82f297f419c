"""One Postfix instance of the operator's, asked and told by its own commands.

Raises InstanceError with Postfix's own words.
"""

import contextlib
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from estafeta_postfix.instance import COMMAND_TIMEOUT, InstanceError, command, run

_COMPLAINT = re.compile(r"(?:warning|error|fatal|panic): .*")


def postconf(config_directory: Path, *options: str) -> str:
    """Return what an instance's postconf prints; what it warns of, `Server.complaints` tells."""
    done = run([command("postconf"), "-c", str(config_directory), *options], errors="surrogateescape")
    if done.returncode:
        raise InstanceError(f"postconf: {done.stderr.strip()}")
    return done.stdout


def default_directory() -> Path:
    """Return the configuration directory of the host's Postfix."""
    done = run([command("postconf"), "-d", "-h", "config_directory"])
    if done.returncode:
        raise InstanceError(f"postconf: {done.stderr.strip()}")
    return Path(done.stdout.strip())


class Server:
    """An instance by its configuration directory."""

    def __init__(self, config_directory: Path) -> None:
        self.config_directory = config_directory
        self._environment = {**os.environ, "MAIL_CONFIG": str(config_directory)}

    def runs(self) -> bool:
        """Whether its master(8) runs."""
        return self._postfix("status")[0] == 0

    def complaints(self) -> set[str]:
        """Return what Postfix's own check of its files says, warnings included."""
        status, said = self._postfix("check")
        warned = run([command("postconf"), "-c", str(self.config_directory), "-P"]).stderr
        found = set(_COMPLAINT.findall(said + warned))
        return found | {f"status {status}"} if status else found

    def reload(self) -> None:
        """Have it read its files again."""
        status, said = self._postfix("reload")
        if status:
            raise InstanceError(f"postfix reload: {said.strip() or f'status {status}'}")

    def _postfix(self, verb: str) -> tuple[int, str]:
        """Run one verb of postfix(1); return its status and what it says.

        It says it on a terminal of ours: without one, its scripts speak to the mail log alone.
        """
        reader, terminal = pty.openpty()
        with os.fdopen(reader, "rb", buffering=0) as screen:
            try:
                process = subprocess.Popen(
                    [command("postfix"), "-c", str(self.config_directory), verb],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=terminal,
                    stderr=terminal,
                    start_new_session=True,
                )
            finally:
                os.close(terminal)
            said = b"".join(_lines(screen.fileno()))
            return process.wait(COMMAND_TIMEOUT), said.decode("utf-8", "replace").replace("\r\n", "\n")


def _lines(screen: int) -> Iterator[bytes]:
    with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
        while data := os.read(screen, 4096):
            yield data
