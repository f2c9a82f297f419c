"""Dovecot's authentication process alone, with a password in clear and one hashed, in a passwd-file."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Service
from bench.processes import started

NAME = "Dovecot"
PASSWORD = "a password of some length"
PLAIN, HASHED = "plain", "hashed"  # the users
CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/null
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {{
    driver = passwd-file
    args = {folder}/passwd
}}
userdb {{
    driver = static
    args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
    unix_listener {folder}/auth.sock {{
        mode = 0666
    }}
}}
"""


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """Run it."""
    (folder / "dovecot.conf").write_text(CONFIG.format(folder=folder))
    lines = f"{PLAIN}:{{PLAIN}}{PASSWORD}\n{HASHED}:{_hashed(folder)}\n"
    (folder / "passwd").write_text(lines)
    (folder / "passwd").chmod(0o644)
    address = f"unix:{folder}/auth.sock"
    with started("/usr/sbin/dovecot", "-F", "-c", str(folder / "dovecot.conf"), answers=address) as pid:
        yield Service(NAME, address, (pid,))


def _hashed(folder: Path) -> str:
    command = ["doveadm", "-c", str(folder / "dovecot.conf"), "pw", "-s", "SHA512-CRYPT", "-p", PASSWORD]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
