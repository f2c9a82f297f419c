"""Postfix alone splitting a message: the services that Estafeta's copies go through, without the milter.

The instance is written by the same code as Estafeta's own, so limits and settings are the same. One listener
is added that takes mail from anybody and has every message split; the listener that takes the copies back in
asks no milter; what leaves is discarded.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.load import Server
from bench.measure import Contender
from estafeta_postfix.instance import Instance, command
from estafeta_postfix.ports import LOOPBACK, take
from estafeta_postfix.render.main_cf import SPLIT
from estafeta_postfix.render.place import Place
from estafeta_postfix.render.service import Service
from estafeta_postfix.sandbox.settings import base

CLEANUP = "bench-cleanup"
_MILTER = re.compile(r"smtpd_milters = [^ }]+")


@contextmanager
def running() -> Iterator[Contender]:
    """Start the instance; stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="estafeta-split-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        port, intake, delivery = take(3)
        instance = Instance(_place(folder, intake, delivery))
        config = msgspec.structs.replace(
            base(None),
            listeners={},
            state_dir=folder / "state",
            run_dir=folder / "run",
            maillog=folder / "mail.log",
        )
        config.state_dir.mkdir()
        instance.ensure(config)
        _adapt(instance, port, delivery)
        postfix = [command("postfix"), "-c", str(instance.place.config_directory)]
        try:
            _run([*postfix, "start"], instance)
            master = int((instance.place.queue_directory / "pid" / "master.pid").read_text())
            queue = instance.place.queue_directory
            queues = (queue / "incoming", queue / "active")
            yield Contender("Postfix alone", Server(port), queues, (master,), config.maillog)
        finally:
            _run([*postfix, "stop"], instance)


def _place(folder: Path, intake: int, delivery: int) -> Place:
    return Place(
        root=folder / "postfix",
        intake_host=LOOPBACK,
        intake_port=intake,
        delivery_port=delivery,
        tls_chain=folder / "none.pem",  # nobody asks for TLS
        relayhost=f"[{LOOPBACK}]",  # taken away again: what leaves is discarded
    )


def _adapt(instance: Instance, port: int, delivery: int) -> None:
    """Add the listener, have all that it takes split, and take the milter away from the copies."""
    listener = Service(
        name=f"{LOOPBACK}:{port}",
        kind="inet",
        private="n",
        command="smtpd",
        options={
            "cleanup_service_name": CLEANUP,
            "mynetworks": f"{LOOPBACK}/32",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtpd_recipient_limit": "10000",
            "local_header_rewrite_clients": "",  # else every copy's address fields are rewritten
            "smtpd_peername_lookup": "no",
        },
    )
    split_all = f"regexp:{{{{/^From: / FILTER {SPLIT}:[{LOOPBACK}]:{delivery}}}}}"
    cleanup = Service(
        CLEANUP, "cleanup", private="n", process_limit="0", options={"header_checks": split_all}
    )
    master_cf = instance.place.config_directory / "master.cf"
    own = _MILTER.sub("smtpd_milters =", master_cf.read_text())  # the copies' listener alone has one
    master_cf.write_text(f"{own}{listener}{cleanup}")
    postconf = [command("postconf"), "-c", str(instance.place.config_directory)]
    _run([*postconf, "-e", "default_transport=discard:", "relayhost="], instance)


def _run(command_line: list[str], instance: Instance) -> None:
    subprocess.run(command_line, check=True, env=instance.environment, stderr=subprocess.DEVNULL)
