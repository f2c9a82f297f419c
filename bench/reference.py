"""A Postfix of its own for comparison, mail discarded: a listener for each contender, with its options."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import Server
from bench.measure import Contender
from estafeta_postfix.instance import command, mail_owner
from estafeta_postfix.ports import take
from estafeta_postfix.render.service import Service

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
max_use = {max_use}
"""

SERVICES = """\
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


@dataclass(frozen=True, slots=True)
class Reference:
    """The running instance."""

    ports: Mapping[str, int]  # by the name of the listener
    queue: Path
    master: int

    def contender(
        self, name: str, *, roots: tuple[int, ...] = (), login: tuple[str, str] = ("", "")
    ) -> Contender:
        """Return the listener `name` as a contender that these processes belong to as well."""
        queues = (self.queue / "incoming", self.queue / "active")
        return Contender(name, Server(self.ports[name], *login), queues, (self.master, *roots))


@contextmanager
def running(listeners: Mapping[str, Mapping[str, str]], *, max_use: str = "100") -> Iterator[Reference]:
    """Start the instance with these listeners and the options of each; stop it afterwards.

    `max_use` is how often a process serves before it ends (postconf(5)); the default is Postfix's.
    """
    with tempfile.TemporaryDirectory(prefix="estafeta-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        ports = dict(zip(listeners, take(len(listeners)), strict=True))
        config = folder / "etc"
        for part in ("etc", "queue", "data"):
            (folder / part).mkdir()
        owner = mail_owner()
        os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
        (config / "main.cf").write_text(MAIN.format(dir=folder, max_use=max_use))
        services = [
            str(Service(f"127.0.0.1:{port}", "smtpd", kind="inet", private="n", options=listeners[each]))
            for each, port in ports.items()
        ]
        (config / "master.cf").write_text("".join(services) + SERVICES)
        postfix = [command("postfix"), "-c", str(config)]
        environment = {**os.environ, "MAIL_CONFIG": str(config)}
        try:
            subprocess.run([*postfix, "start"], check=True, env=environment, stderr=subprocess.DEVNULL)
            master = int((folder / "queue" / "pid" / "master.pid").read_text())
            yield Reference(ports, folder / "queue", master)
        finally:
            subprocess.run([*postfix, "stop"], check=False, env=environment, stderr=subprocess.DEVNULL)
