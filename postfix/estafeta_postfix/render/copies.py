"""Copies that differ from recipient to recipient: Postfix splits the message itself.

The milter has queued it once, for all recipients, with the internal field X-Estafeta-Job; `header_checks` in
the listeners' cleanup(8) sees that field alone, because only fields that a milter adds are looked at there:

    queue ── FILTER ──> estafeta-split (smtp, one recipient at a time)
                                 │ loopback
                        estafeta-delivery (smtpd, the milter's stage `delivery`) ──> queue ──> smtp

The queue file of the message stays until every recipient has been taken over, so retries, back-off and what
becomes of mail at a crash are Postfix's own. XFORWARD has the log name both queue ids.
"""

import os

from estafeta_core import sockets
from estafeta_core.config.schema import Config
from estafeta_core.jobs import FIELD, LISTENER
from estafeta_postfix.ports import LOOPBACK
from estafeta_postfix.render.listener import HIDDEN, MILTER_FAULTS, MILTER_MACROS, SMUGGLING
from estafeta_postfix.render.main_cf import SPLIT
from estafeta_postfix.render.place import Place
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.values import endpoint, plain

CLEANUP = "estafeta-copies"
# Copies on their way at a time, for each process of the milter: while it makes one, others wait for the disk.
# On a machine of two cores, 5 in all took three quarters of the time of 20, and 40 took longer still.
AT_A_TIME = 3
# The message has been accepted: whatever Postfix finds wrong with it here, it stays in the queue until that
# is mended, and is returned when it has got too old.
KEPT = {"soft_bounce": "yes"}
HOPS = 100  # Received fields: the listeners' cleanup has counted to 50, and this hop is none of a loop


def header_checks(place: Place) -> str:
    """Return the milter_header_checks that lead a message with a job to the split."""
    return f"regexp:{{{{/^{FIELD}: / FILTER {SPLIT}:[{LOOPBACK}]:{place.delivery_port}}}}}"


def services(config: Config, place: Place) -> list[Service]:
    """Return the services that split a message and take each copy back in."""
    return [_split(config), _listener(config, place), _cleanup()]


def _split(config: Config) -> Service:
    return Service(
        name=SPLIT,
        process_limit=str(AT_A_TIME * (config.milter_processes or os.cpu_count() or 1)),
        command="smtp",
        options={
            "syslog_name": f"postfix/{SPLIT}",
            **KEPT,
            "smtp_send_xforward_command": "yes",
            "smtp_tls_security_level": "none",
            "smtp_sasl_auth_enable": "no",
            # What is handed on is what lies in the queue: no line is broken, nothing is encoded anew.
            "smtp_line_length_limit": "0",
            "disable_mime_output_conversion": "yes",
        },
    )


def _listener(config: Config, place: Place) -> Service:
    """Return the service that takes copies from this host alone; the milter lets none pass without a job."""
    return Service(
        name=endpoint("delivery", LOOPBACK, place.delivery_port),
        kind="inet",
        private="n",
        command="smtpd",
        options={
            "syslog_name": f"postfix/{LISTENER}",
            "cleanup_service_name": CLEANUP,
            **KEPT,
            "mynetworks": f"{LOOPBACK}/32",
            "smtpd_authorized_xforward_hosts": "$mynetworks",
            "smtpd_client_restrictions": "permit_mynetworks, reject",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtpd_recipient_restrictions": "permit_mynetworks, reject",
            "smtpd_reject_unlisted_recipient": "no",
            "smtpd_client_connection_count_limit": "0",
            "smtpd_peername_lookup": "no",
            "smtpd_sasl_auth_enable": "no",
            "smtpd_tls_security_level": "none",
            "smtpd_discard_ehlo_keywords": ", ".join(HIDDEN),
            "local_header_rewrite_clients": "",
            "message_size_limit": "0",
            "smtpd_milters": f"unix:{plain('run_dir', sockets.milter(config.run_dir))}",
            "milter_macro_daemon_name": LISTENER,
            **MILTER_FAULTS,
            **MILTER_MACROS,
            **SMUGGLING,
        },
    )


def _cleanup() -> Service:
    """Return the cleanup(8) of the copies, which have been through the listeners' already."""
    return Service(
        name=CLEANUP,
        private="n",
        process_limit="0",
        command="cleanup",
        options={
            "syslog_name": f"postfix/{CLEANUP}",
            "header_size_limit": "1000000",
            "hopcount_limit": str(HOPS),
            "disable_mime_input_processing": "yes",
            "always_add_missing_headers": "no",
            "remote_header_rewrite_domain": "",
        },
    )
