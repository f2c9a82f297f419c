"""main.cf of a private instance: what holds for all its services (postconf(5)).

The instance relays for whoever has logged in and for nobody else: there is no trusted network,
no local user, no alias. Mail for `bounce_domain` goes to the mail intake; everything else leaves
through `relayhost`.
"""

from estafeta_core.config.schema import Config
from estafeta_postfix.render import intake
from estafeta_postfix.render.place import Place
from estafeta_postfix.render.values import plain

SPLIT = "estafeta-split"  # the transport that hands over copies, one recipient at a time
# Recipients of one message that qmgr(8) reads at once; it never reads more, and no message has as many.
READ_AT_ONCE = 5000
NOTE = "# Written by estafeta; changes are overwritten.\n"


def main_cf(config: Config, place: Place) -> str:
    """Return the text of main.cf."""
    settings = {
        **_where(config, place),
        **_who(config),
        **_mail_taken_in(config),
        **_mail_sent(place),
        "smtpd_tls_chain_files": plain("tls_chain", place.tls_chain),
    }
    return NOTE + "".join(f"{name} = {value}".rstrip() + "\n" for name, value in settings.items())


def _where(config: Config, place: Place) -> dict[str, str]:
    maillog = plain("maillog", config.maillog)
    return {
        "compatibility_level": "3.6",
        "queue_directory": plain("queue_directory", place.queue_directory),
        "data_directory": plain("data_directory", place.data_directory),
        "inet_interfaces": "loopback-only",
        # postlogd writes the log itself, so neither syslog nor init is needed.
        "maillog_file": maillog,
        "maillog_file_prefixes": plain("maillog", config.maillog.parent),
        # A queue id is what a transmission is found by: it must never come a second time.
        "enable_long_queue_ids": "yes",
    }


def _who(config: Config) -> dict[str, str]:
    return {
        "myhostname": plain("hostname", config.hostname),
        "myorigin": "$myhostname",
        # Empty, not loopback: on this host too only a login permits anything. The lists of trusted
        # clients that default to mynetworks (bare newlines, rate limits) are empty with it.
        "mynetworks": "",
        "mydestination": "",
        "local_recipient_maps": "",
        "local_transport": "error:5.1.1 no local mailboxes here",
        "alias_maps": "",
        "alias_database": "",
        "append_dot_mydomain": "no",
        # Nobody reads a postmaster mailbox here; a bounce that cannot be delivered is in the log.
        "notify_classes": "",
        "biff": "no",
    }


def _mail_taken_in(config: Config) -> dict[str, str]:
    return {
        "virtual_mailbox_domains": plain("bounce_domain", config.bounce_domain),
        "virtual_mailbox_maps": intake.known_addresses(),
        "virtual_transport": intake.destination(config),
        f"{intake.TRANSPORT}_destination_recipient_limit": "1",
        # Sizes are the listeners' business.
        "message_size_limit": "0",
    }


def _mail_sent(place: Place) -> dict[str, str]:
    return {
        "relayhost": plain("relayhost", place.relayhost),
        "smtp_tls_security_level": "may",
        "smtp_tls_loglevel": "1",  # a line for each connection over TLS: events say which mail went so
        "minimal_backoff_time": f"{place.retry_delay}s",
        "queue_run_delay": f"{place.retry_delay}s",
        # The records of recipients that a milter adds come before that of the FILTER which header checks set,
        # and qmgr(8) takes a message whose recipients it does not read to the end for one without. With the
        # default of 10, what came while 20,000 recipients waited left as it was: no copies, no pool.
        "qmgr_message_recipient_minimum": str(READ_AT_ONCE),
        f"{SPLIT}_destination_recipient_limit": "1",
        # Whatever one recipient's copy has to wait for says nothing about the next.
        f"{SPLIT}_destination_concurrency_failed_cohort_limit": "0",
    }
