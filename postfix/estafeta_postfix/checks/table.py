"""The checks, in the order in which they are told; read the questions aloud."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from estafeta_postfix.checks import (
    accounts,
    certificate,
    clock,
    configuration,
    disk,
    dkim_keys,
    domains,
    files,
    host_records,
    limits,
    listeners,
    queue,
    relay,
    sender_records,
    settings,
    smuggling,
    sockets,
    store,
    web,
    worker,
)
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup


@dataclass(frozen=True, slots=True)
class Check:
    """One question, and where it is answered."""

    name: str  # that of its file
    question: str
    look: Callable[[Setup], Iterable[Finding]]
    seconds: float = 10.0  # it may take; what it has found until then counts
    asks_dns: bool = False  # left out with --offline
    of_running: bool = False  # there is nothing to ask where nothing runs


CHECKS = (
    Check("configuration", "Can estafeta.yaml be used, and is it meant so?", configuration.look),
    Check("accounts", "Can every account file be used, and can its mail go?", accounts.look),
    Check("dkim_keys", "Is there a key in every file that DKIM is to sign with?", dkim_keys.look, 30.0),
    Check("domains", "Has DNS verified every domain and key that waits for it?", domains.look),
    Check(
        "sender_records",
        "Does DNS say of each sending domain what receivers ask for?",
        sender_records.look,
        30.0,
        asks_dns=True,
    ),
    Check(
        "host_records",
        "Does DNS say of this host what receivers ask for?",
        host_records.look,
        30.0,
        asks_dns=True,
    ),
    Check("files", "Can the daemons read and write what they have to, and nobody else the keys?", files.look),
    Check("disk", "Is there room?", disk.look),
    Check("clock", "Is the clock right, as far as this host can tell?", clock.look),
    Check("store", "Is the store there, whole, and of this version?", store.look),
    Check("limits", "Do the hosts count limits together, where they are to?", limits.look),
    Check("settings", "Is Postfix told what it has to be told?", settings.look, 20.0, of_running=True),
    Check(
        "sockets", "Does each daemon answer, and may Postfix open its socket?", sockets.look, of_running=True
    ),
    Check(
        "listeners", "Could an application log in at each listener?", listeners.look, 30.0, of_running=True
    ),
    Check(
        "certificate",
        "Do clients take the certificate, now and for three weeks?",
        certificate.look,
        30.0,
        of_running=True,
    ),
    Check("relay", "Is everybody refused who has not logged in?", relay.look, 30.0, of_running=True),
    Check("smuggling", "Is one message one, and one command one?", smuggling.look, 30.0, of_running=True),
    Check("web", "Does the web service answer?", web.look, of_running=True),
    Check("worker", "Does the worker run and keep up with the log?", worker.look, 15.0, of_running=True),
    Check(
        "queue",
        "Does nothing wait for a daemon of ours in Postfix's queue?",
        queue.look,
        20.0,
        of_running=True,
    ),
)
