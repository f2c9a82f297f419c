"""opendkim, which signs with an RSA key of 2048 bits and does nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Service
from bench.processes import started
from estafeta_postfix import dkim_keys

NAME = "opendkim"
CONFIG = """\
Mode s
Domain acme.example
Selector bench
KeyFile {folder}/bench.pem
Canonicalization relaxed/relaxed
Socket local:{folder}/opendkim.sock
UMask 0000
Syslog no
RequireSafeKeys no
InternalHosts 127.0.0.1
"""


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """Run it."""
    (folder / "bench.pem").write_bytes(dkim_keys.make("rsa"))
    (folder / "opendkim.conf").write_text(CONFIG.format(folder=folder))
    address = f"unix:{folder}/opendkim.sock"
    command = ("/usr/sbin/opendkim", "-f", "-x", str(folder / "opendkim.conf"))
    with started(*command, answers=address) as pid:
        yield Service(NAME, address, (pid,))
