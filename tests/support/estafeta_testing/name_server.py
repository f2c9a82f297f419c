"""An authoritative name server, NSD, with zones that a test writes.

    with name_server(tmp_path) as server:
        server.publish("new.example", '_estafeta TXT "estafeta-verification=…"')
        server.withdraw("new.example")           # the zone stays, its records go
        Dns(servers=(server.address,))

`FAILING` is a zone of which it has nothing, as a secondary that was never served: it answers SERVFAIL. Names
of other zones are REFUSED. `server.silent()` answers nobody while it lasts.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from estafeta_postfix.ports import LOOPBACK, take
from estafeta_postfix.supervisor import dying_with_parent

FAILING = "failing.test"
PATIENCE = 20.0  # seconds to start, or to take a new zone
IN_A_ROW = 10  # answers from the new zone: a process with the old one may take some more as it ends

_SERIAL = "{0} 0 IN SOA ns.invalid. hostmaster.invalid. ( {1} 3600 600 86400 0 )\n{0} 0 IN NS ns.invalid.\n"


class NameServer:
    """The server, and its zones."""

    def __init__(self, folder: Path, zones: tuple[str, ...], port: int) -> None:
        self.address = f"{LOOPBACK}:{port}"
        self._folder = folder
        self._port = port
        self._serials = dict.fromkeys(zones, 0)
        self._process: subprocess.Popen[bytes] | None = None

    def publish(self, zone: str, *lines: str) -> None:
        """Have the zone hold exactly these records, in the form of a zone file; return when it answers so."""
        self._write(zone, lines)
        self._wait(zone)

    def withdraw(self, zone: str) -> None:
        """Take every record out of the zone."""
        self.publish(zone)

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Answer nobody."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    def start(self) -> None:
        for zone in self._serials:
            self._write(zone, ())
        zones = "".join(f'zone:\n  name: "{name}"\n  zonefile: "{name}"\n' for name in self._serials)
        (self._folder / "nsd.conf").write_text(
            f'server:\n  ip-address: {LOOPBACK}@{self._port}\n  username: ""\n  chroot: ""\n'
            f'  zonesdir: "{self._folder}"\n  pidfile: "{self._folder}/nsd.pid"\n  database: ""\n'
            f'  xfrdfile: "{self._folder}/xfrd.state"\n  zonelistfile: "{self._folder}/zone.list"\n'
            f'  xfrdir: "{self._folder}"\n  logfile: "{self._folder}/nsd.log"\n  server-count: 1\n'
            "  xfrd-reload-timeout: 0\nremote-control:\n  control-enable: no\n"
            f'{zones}zone:\n  name: "{FAILING}"\n  request-xfr: 127.0.0.1@1 NOKEY\n'
        )
        program = shutil.which("nsd", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None, "nsd is missing (make test installs it)"
        self._process = subprocess.Popen(
            dying_with_parent([program, "-d", "-c", str(self._folder / "nsd.conf")]), start_new_session=True
        )
        for zone in self._serials:
            self._wait(zone)

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(PATIENCE)

    def _write(self, zone: str, lines: tuple[str, ...]) -> None:
        self._serials[zone] += 1
        text = "$TTL 0\n" + _SERIAL.format(f"{zone}.", self._serials[zone])
        text += "".join(f"{line}\n" for line in lines)
        made = self._folder / f"{zone}.new"
        made.write_text(f"$ORIGIN {zone}.\n{text}")
        made.rename(self._folder / zone)
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGHUP)

    def _wait(self, zone: str) -> None:
        """Wait until the server answers with the serial that was written last."""
        query = dns.message.make_query(zone, dns.rdatatype.SOA)
        give_up, seen = time.monotonic() + PATIENCE, 0
        while time.monotonic() < give_up:
            with contextlib.suppress(dns.exception.DNSException, OSError):
                answer = dns.query.udp(query, LOOPBACK, timeout=1, port=self._port).answer
                if answer and answer[0][0].serial == self._serials[zone]:
                    seen += 1
                    if seen == IN_A_ROW:
                        return
                    continue
            seen = 0
            time.sleep(0.02)
        log = (self._folder / "nsd.log").read_text()
        raise AssertionError(f"nsd does not serve {zone} with serial {self._serials[zone]}:\n{log}")


@contextlib.contextmanager
def name_server(folder: Path, *zones: str) -> Iterator[NameServer]:
    """Run a server with these zones, empty at first, in a folder of its own."""
    place = folder / "nsd"
    place.mkdir()
    server = NameServer(place, zones, take(1)[0])
    try:
        server.start()
        yield server
    finally:
        server.stop()
