"""A Postfix of its own for comparison: one listener bare, one behind the no-op milter, mail discarded."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load import Server
from bench.measure import Contender
from estafeta_postfix.instance import command, mail_owner
from estafeta_postfix.ports import take

MAIN = """\
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
maillog_file = {dir}/mail.log
maillog_file_prefixes = {dir}
inet_interfaces = loopback-only
myhostname = bench.example
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
alias_database =
enable_long_queue_ids = yes
default_transport = discard:
relay_domains = dest.example
relay_transport = discard:
smtpd_recipient_restrictions =
smtpd_relay_restrictions = permit_mynetworks, reject
milter_default_action = tempfail
"""

SERVICES = """\
127.0.0.1:{bare} inet n - n - - smtpd
127.0.0.1:{noop} inet n - n - - smtpd
  -o smtpd_milters=unix:{dir}/noop.sock
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


@contextmanager
def running() -> Iterator[tuple[Contender, Contender]]:
    """Start the instance and its milter; stop both afterwards."""
    with tempfile.TemporaryDirectory(prefix="estafeta-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        bare, noop = take(2)
        config = folder / "etc"
        for part in ("etc", "queue", "data"):
            (folder / part).mkdir()
        owner = mail_owner()
        os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
        (config / "main.cf").write_text(MAIN.format(dir=folder))
        (config / "master.cf").write_text(SERVICES.format(dir=folder, bare=bare, noop=noop))
        milter = subprocess.Popen([sys.executable, "-m", "bench.noop_milter", str(folder / "noop.sock")])
        postfix = [command("postfix"), "-c", str(config)]
        environment = {**os.environ, "MAIL_CONFIG": str(config)}
        try:
            while not (folder / "noop.sock").exists():
                time.sleep(0.05)
            os.chown(folder / "noop.sock", owner.pw_uid, owner.pw_gid)
            subprocess.run([*postfix, "start"], check=True, env=environment, stderr=subprocess.DEVNULL)
            master = int((folder / "queue" / "pid" / "master.pid").read_text())
            roots = (master, milter.pid)
            yield (
                Contender("bare Postfix", Server(bare), folder / "queue", roots, folder / "mail.log"),
                Contender("no-op pymilter", Server(noop), folder / "queue", roots, folder / "mail.log"),
            )
        finally:
            subprocess.run([*postfix, "stop"], check=False, env=environment, stderr=subprocess.DEVNULL)
            milter.terminate()
            milter.wait()
