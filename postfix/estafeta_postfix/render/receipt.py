"""The listener behind the receipt proxy (SMTPD_PROXY_README), where a public one says `receipt: true`.

It is a unix socket in the queue's `public` folder, to which the system lets root and the group postdrop
alone. It asks nothing again that the public listener has asked. It has the milter, which takes nothing
without a ticket, and is told who the client is only for its log (XFORWARD_README).
"""

from estafeta_core import sockets
from estafeta_core.config.schema import Config
from estafeta_core.tickets import LISTENER
from estafeta_postfix.render.listener import CLEANUP, HIDDEN, MILTER_FAULTS, MILTER_MACROS, SMUGGLING
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.values import plain


def services(config: Config) -> list[Service]:
    """Return the listener behind the proxy, where there is a proxy."""
    giving = [listener for listener in config.listeners.values() if listener.receipt]
    return [_listener(config, max(each.recipients_per_message for each in giving))] if giving else []


def _listener(config: Config, recipients: int) -> Service:
    return Service(
        name=LISTENER,
        private="n",
        command="smtpd",
        options={
            "syslog_name": f"postfix/{LISTENER}",
            "cleanup_service_name": CLEANUP,
            "mynetworks": "127.0.0.0/8",  # smtpd(8) takes the other end of a unix socket for 127.0.0.1
            "smtpd_authorized_xforward_hosts": "$mynetworks",
            "smtpd_client_restrictions": "",
            "smtpd_helo_restrictions": "",
            "smtpd_sender_restrictions": "",
            "smtpd_relay_restrictions": "",
            "smtpd_recipient_restrictions": "permit_mynetworks, reject",
            "smtpd_data_restrictions": "",
            "smtpd_end_of_data_restrictions": "",
            "smtpd_reject_unlisted_recipient": "no",
            "smtpd_client_connection_count_limit": "0",
            "smtpd_peername_lookup": "no",
            "smtpd_sasl_auth_enable": "no",
            "smtpd_tls_security_level": "none",
            "smtpd_discard_ehlo_keywords": ", ".join(HIDDEN),
            "local_header_rewrite_clients": "",
            "smtputf8_enable": "yes",
            # Measured and counted in public; the message has grown by two fields since.
            "message_size_limit": "0",
            "smtpd_recipient_limit": str(recipients),
            "smtpd_milters": f"unix:{plain('run_dir', sockets.milter(config.run_dir))}",
            "milter_macro_daemon_name": LISTENER,
            **MILTER_FAULTS,
            **MILTER_MACROS,
            **SMUGGLING,
        },
    )
