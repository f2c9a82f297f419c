"""policyd-rate-limit with two limits that are never reached, counted in SQLite as Debian sets it up."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Service
from bench.processes import started

NAME = "policyd-rate-limit"
CONFIG = """\
debug: False
user: nobody
group: nogroup
pidfile: {folder}/policyd.pid
backend: 0
sqlite_config: {{database: {folder}/policyd.sqlite3}}
SOCKET: {folder}/policyd.sock
socket_permission: 0666
limits: [[1000000000, 60], [1000000000, 86400]]
limits_by_id: {{}}
limit_by_sasl: True
limit_by_sender: False
limit_by_ip: False
limited_networks: []
success_action: dunno
fail_action: defer_if_permit Rate limit reached
db_error_action: defer_if_permit No database
report: False
delay_to_close: 300
"""


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """Run it."""
    (folder / "policyd.yaml").write_text(CONFIG.format(folder=folder))
    folder.chmod(0o777)
    address = f"unix:{folder}/policyd.sock"
    command = ("/usr/bin/python3", "/usr/bin/policyd-rate-limit", "--file", str(folder / "policyd.yaml"))
    with started(*command, answers=address) as pid:
        yield Service(NAME, address, (pid,))
