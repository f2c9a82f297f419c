"""Copies that differ from recipient to recipient: Postfix splits the message itself.

The milter has queued it once, for all recipients, with the internal field X-Estafeta-Job; `header_checks` in
the listeners' cleanup(8) sees that field alone, because only fields that a milter adds are looked at there:

    queue ── FILTER ──> estafeta-split (smtp, one recipient at a time)
                                 │ loopback
                        estafeta-delivery (smtpd, the milter's stage `delivery`) ──> queue ──> smtp

The queue file of the message stays until every recipient has been taken over, so retries, back-off and what
becomes of mail at a crash are Postfix's own. XFORWARD has the log name both queue ids.

`postsuper -r` has pickup(8) queue a message anew, without its FILTER and past the milter: a cleanup(8) of its
own looks for the job or the pool among all fields of the message, and leads it there as before.
"""

import os

from estafeta_core import sockets
from estafeta_core.config.schema import Config
from estafeta_core.jobs import FIELD, LISTENER
from estafeta_postfix.ports import LOOPBACK
from estafeta_postfix.render.listener import HIDDEN, MILTER_FAULTS, MILTER_MACROS, SMUGGLING
from estafeta_postfix.render.main_cf import SPLIT
from estafeta_postfix.render.outbound import pool_rule
from estafeta_postfix.render.place import Ways
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.values import endpoint, plain

CLEANUP = "estafeta-copies"
REQUEUE = "estafeta-requeue"
# Copies on their way at a time, for each process of the milter: while it makes one, others wait for the disk.
# On a machine of two cores, 10 in all took four fifths of the time of 4, and 14 no less.
AT_A_TIME = 5
# The message has been accepted: whatever Postfix finds wrong with it here, it stays in the queue until that
# is mended, and is returned when it has got too old.
KEPT = {"soft_bounce": "yes"}
HOPS = 100  # Received fields: the listeners' cleanup has counted to 50, and this hop is none of a loop
# What has been through the listeners' cleanup leaves the next one as it came.
_UNCHANGED = {
    "header_size_limit": "1000000",
    "hopcount_limit": str(HOPS),
    "disable_mime_input_processing": "yes",
    "message_drop_headers": "",  # a Bcc is there because the milter put it there
    "remote_header_rewrite_domain": "",
}


def header_checks(ways: Ways) -> str:
    """Return the table that leads a message with a job to the split, and one with a pool to its transport.

    No message has both: where copies differ, each of them has the pool.
    """
    split = f"{{/^{FIELD}: / FILTER {SPLIT}:[{LOOPBACK}]:{ways.delivery_port}}}"
    return f"regexp:{{{split}, {pool_rule(ways)}}}"


def services(config: Config, ways: Ways) -> list[Service]:
    """Return the services that split a message, take each copy back in, and take in what is queued anew."""
    return [_split(config), _listener(config, ways), _cleanup(ways), _requeue(ways)]


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


def _listener(config: Config, ways: Ways) -> Service:
    """Return the service that takes copies from this host alone; the milter lets none pass without a job."""
    return Service(
        name=endpoint("delivery", LOOPBACK, ways.delivery_port),
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
            "smtpd_milters": f"unix:{plain('run_dir', sockets.copies(config.run_dir))}",
            **MILTER_FAULTS,
            **MILTER_MACROS,
            **SMUGGLING,
        },
    )


def _cleanup(ways: Ways) -> Service:
    """Return the cleanup(8) of the copies."""
    return Service(
        name=CLEANUP,
        private="n",
        process_limit="0",
        command="cleanup",
        options={
            "syslog_name": f"postfix/{CLEANUP}",
            **_UNCHANGED,
            # A copy has these fields from the listeners' cleanup. What has none is no copy, and libmilter
            # would wait in vain for the field that it expects between DATA and a body.
            "always_add_missing_headers": "yes",
            "milter_header_checks": f"regexp:{{{pool_rule(ways)}}}",
        },
    )


def _requeue(ways: Ways) -> Service:
    """Return the cleanup(8) of what `postsuper -r` has queued anew."""
    return Service(
        name=REQUEUE,
        private="n",
        process_limit="0",
        command="cleanup",
        options={
            "syslog_name": f"postfix/{REQUEUE}",
            **_UNCHANGED,
            "header_checks": header_checks(ways),
            # Both default to header_checks, and a message that is attached may have any field.
            "mime_header_checks": "",
            "nested_header_checks": "",
        },
    )
