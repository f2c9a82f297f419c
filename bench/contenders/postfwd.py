"""postfwd2 with two rate limits that are never reached, as the SASL user's ours are.

Debian has postfwd 1.35, whose newest server is postfwd2. postfwd3, which comes with postfwd 2 from its author
alone, answers 2.45 times as many requests (7,083 and 2,892 a second, measured once on 2 cores), so what is
wanted of six times postfwd3 is wanted of 14.7 times postfwd2 here.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bench.measure import Service
from bench.processes import await_answer
from estafeta_postfix.ports import take

NAME = "postfwd2"
AS_FAST_IS_POSTFWD3 = 7083 / 2892
RULES = """\
id=MINUTE; sasl_username=~/./; action=rate(sasl_username/1000000000/60/450 4.7.1 too many)
id=DAY; sasl_username=~/./; action=rate(sasl_username/1000000000/86400/450 4.7.1 too many)
id=ALL; action=DUNNO
"""


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """Run it; it counts in a process of its own, which it has as a daemon alone."""
    port, cache = take(2)
    (folder / "rules").write_text(RULES)
    folder.chmod(0o777)
    pidfile = folder / "postfwd.pid"
    command = [
        "/usr/sbin/postfwd2",
        "--daemon",
        "--nodns",
        "--perfmon",
        "--user=nobody",
        "--group=nogroup",
        f"--pidfile={pidfile}",
        f"--server_socket=tcp:127.0.0.1:{port}",
        f"--cache_socket=tcp:127.0.0.1:{cache}",
        f"--file={folder}/rules",
    ]
    address = f"inet:127.0.0.1:{port}"
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        if not await_answer(address):
            raise click.ClickException(f"postfwd2 does not answer at {address}")
        yield Service(NAME, address, (int(pidfile.read_text()),))
    finally:
        subprocess.run([*command, "--kill"], check=False, stdout=subprocess.DEVNULL)
