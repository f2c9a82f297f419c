"""rspamd with its DKIM module alone, which signs with an RSA key of 2048 bits.

It scans in the process that speaks the milter protocol, as its manual advises for hosts that do no more, and
has a process for each of two cores.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Service
from bench.processes import started
from estafeta_postfix import dkim_keys

NAME = "rspamd"
CONFIG = """\
lua = "$RULESDIR/rspamd.lua"
options {{
    pidfile = "{folder}/rspamd.pid"
    filters = ""
    dns {{ nameserver = ["127.0.0.1:1"] }}
}}
logging {{ type = "file"; filename = "/dev/null"; level = "error" }}
worker "rspamd_proxy" {{
    bind_socket = "{folder}/rspamd.sock mode=0666"
    milter = yes
    timeout = 120s
    count = 2
    upstream "local" {{ default = yes; self_scan = yes }}
}}
modules {{ path = "$PLUGINSDIR/dkim_signing.lua" }}
dkim_signing {{
    use_domain = "header"
    use_esld = false
    allow_username_mismatch = true
    sign_local = true
    sign_authenticated = true
    domain {{ acme.example {{ path = "{folder}/bench.pem"; selector = "bench" }} }}
}}
"""


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """Run it."""
    key = folder / "bench.pem"
    key.write_bytes(dkim_keys.make("rsa"))
    key.chmod(0o644)  # it gives up root before it reads the key
    (folder / "rspamd.conf").write_text(CONFIG.format(folder=folder))
    folder.chmod(0o777)
    address = f"unix:{folder}/rspamd.sock"
    command = ("rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", str(folder / "rspamd.conf"))
    with started(*command, answers=address) as pid:
        yield Service(NAME, address, (pid,))
