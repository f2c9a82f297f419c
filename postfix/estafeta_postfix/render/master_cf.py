"""master.cf of a private instance: listeners, the split of copies, the ways out, the intake, Postfix's own.

There is no local(8): nobody has a mailbox here. pickup(8) is there for `postsuper -r`, and because
postqueue(1) takes an instance without it for one that is down; only root can submit through it, since Postfix
lets nobody else name a configuration directory that main.cf of the host does not list.
"""

from estafeta_core.config.schema import Config
from estafeta_postfix.render import copies, intake, notices, outbound, receipt
from estafeta_postfix.render.listener import CLEANUP, HIDDEN, SMUGGLING, listener_service
from estafeta_postfix.render.main_cf import NOTE
from estafeta_postfix.render.place import Place, Ways
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.values import endpoint

INTAKE = "estafeta-intake"
INTAKE_SIZE_LIMIT = 10_240_000  # bytes; Postfix's own default: reports quote at most a message

# Mail for the intake comes from anybody: no field of ours may be in it when it is ever queued anew.
_FROM_OUTSIDE = {
    "header_checks": "regexp:{{/^X-Estafeta-/ IGNORE}}",
    "mime_header_checks": "",  # both default to header_checks; reports quote mail of ours
    "nested_header_checks": "",
}


def master_cf(config: Config, place: Place) -> str:
    """Return the text of master.cf."""
    listeners = [listener_service(config, name) for name in config.listeners]
    split = copies.services(config, place)
    behind = receipt.services(config)
    leaving = outbound.services(config)
    coming_back = [_intake(config, place), intake.transport()]
    services = [
        *listeners,
        *behind,
        *coming_back,
        listener_cleanup(place),
        *split,
        *leaving,
        *_postfix_own(config),
    ]
    return NOTE + "".join(map(str, services))


def _intake(config: Config, place: Place) -> Service:
    """Return the service that takes what comes back from anybody, and nothing else."""
    return Service(
        name=endpoint("intake", place.intake_host, place.intake_port),
        kind="inet",
        private="n",
        command="smtpd",
        options={
            "syslog_name": f"postfix/{INTAKE}",
            "smtpd_banner": "$myhostname ESMTP",
            "message_size_limit": str(INTAKE_SIZE_LIMIT),
            "smtpd_tls_security_level": "may",
            "smtpd_sasl_auth_enable": "no",
            "smtpd_milters": "",
            **intake.restrictions(config),
            "smtpd_peername_lookup": "no",
            "smtpd_discard_ehlo_keywords": ", ".join(HIDDEN),
            **SMUGGLING,
        },
    )


def listener_cleanup(ways: Ways) -> Service:
    """Return the cleanup(8) of the listeners.

    It passes the message on to the milter with the settings that smtpd(8) hands over.
    """
    return Service(
        name=CLEANUP,
        private="n",
        process_limit="0",
        command="cleanup",
        options={
            "syslog_name": f"postfix/{CLEANUP}",
            # Postfix cuts a header at 60,000 bytes when a milter is there; nothing cuts it sooner.
            "header_size_limit": "1000000",
            # A part's own headers are body: they leave as they came, however long.
            "disable_mime_input_processing": "yes",
            # Every message leaves with Date, From and Message-ID, and no other header is rewritten.
            "always_add_missing_headers": "yes",
            "remote_header_rewrite_domain": "",
            "milter_header_checks": copies.header_checks(ways),
        },
    )


def _postfix_own(config: Config) -> list[Service]:
    return [
        Service(
            name="pickup",
            command="pickup",
            private="n",
            wakeup="60",
            process_limit="1",
            options={"cleanup_service_name": copies.REQUEUE},
        ),
        Service(
            name="cleanup",
            private="n",
            process_limit="0",
            command="cleanup",
            options={**_FROM_OUTSIDE, **intake.aliases(config)},
        ),
        Service("qmgr", "qmgr", private="n", wakeup="300", process_limit="1"),
        Service("tlsmgr", "tlsmgr", wakeup="1000?", process_limit="1"),
        Service("rewrite", "trivial-rewrite"),
        *notices.services(),
        Service("flush", "flush", private="n", wakeup="1000?", process_limit="0"),
        Service("showq", "showq", private="n"),
        Service("proxymap", "proxymap"),
        Service("error", "error"),
        Service("retry", "error"),
        Service("discard", "discard"),
        Service("anvil", "anvil", process_limit="1"),
        Service("scache", "scache", process_limit="1"),
        Service("postlog", "postlogd", kind="unix-dgram", private="n", process_limit="1"),
    ]
