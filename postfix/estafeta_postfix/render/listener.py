"""An entry of `listeners:` as an smtpd service (smtpd(8)), complete in its overrides.

The order of who refuses what:

1. smtpd: TLS, command syntax, SIZE, the number of recipients.
2. milter, at MAIL: identity and sender, in the provider's own words.
3. policy daemon, at RCPT: identity again, syntax, limits. It comes after every other check of
   a recipient, because it counts the recipients that are accepted.
4. milter, at the final dot: everything about the message. `smtpd_end_of_data_restrictions`
   stays empty: in Postfix 3.7 a refusal there leaves the transaction open, and RCPT and DATA
   are then taken without MAIL.
"""

from collections.abc import Mapping
from types import MappingProxyType

from estafeta_core import sockets
from estafeta_core.config.schema import Config, Listener, Tls
from estafeta_core.dialects import DIALECTS
from estafeta_postfix.render import tables
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.values import endpoint, plain

CLEANUP = "estafeta-cleanup"

# SparkPost's clients wait 60 seconds for a reply; each of ours comes sooner, even when a daemon hangs.
POLICY_TIMEOUT = 20  # seconds for each of two tries
MILTER_CONNECT_TIMEOUT = 10
MILTER_COMMAND_TIMEOUT = 20
MILTER_CONTENT_TIMEOUT = 45
PROXY_TIMEOUT = 56  # the receipt proxy gives up before, and what it waits for before that

# What the milter asks for, and nothing more: each list is put together and sent for each command.
MILTER_MACROS: Mapping[str, str] = MappingProxyType(
    {
        "milter_connect_macros": "{daemon_name}",  # libmilter takes none with an unknown command
        "milter_helo_macros": "",
        "milter_mail_macros": "{auth_authen} {client_addr} {tls_version}",
        "milter_rcpt_macros": "",
        "milter_data_macros": "",
        "milter_end_of_header_macros": "",
        "milter_end_of_data_macros": "i",
        "milter_unknown_command_macros": "",
    }
)

# A fault of the milter delays mail; it never lets a message through untouched or half edited.
MILTER_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "milter_default_action": "tempfail",
        "milter_connect_timeout": f"{MILTER_CONNECT_TIMEOUT}s",
        "milter_command_timeout": f"{MILTER_COMMAND_TIMEOUT}s",
        "milter_content_timeout": f"{MILTER_CONTENT_TIMEOUT}s",
    }
)

# Postfix 3.7 takes LF.LF and its kin for an end of data unless told otherwise, and exempts
# $mynetworks, where the applications are that relay what strangers wrote (CVE-2023-51764).
SMUGGLING: Mapping[str, str] = MappingProxyType(
    {
        "smtpd_forbid_bare_newline": "normalize",
        "smtpd_forbid_bare_newline_exclusions": "",
        "smtpd_forbid_unauth_pipelining": "yes",
        "disable_vrfy_command": "yes",
    }
)

# Keywords of EHLO that no listener announces. BDAT would be another way for a message to end.
HIDDEN = ("chunking", "etrn", "silent-discard")

_TLS: Mapping[Tls, Mapping[str, str]] = MappingProxyType(
    {
        "none": {"smtpd_tls_security_level": "none", "smtpd_tls_auth_only": "no"},
        "starttls": {"smtpd_tls_security_level": "may", "smtpd_tls_auth_only": "no"},
        "required": {"smtpd_tls_security_level": "encrypt", "smtpd_tls_auth_only": "yes"},
        "implicit": {
            "smtpd_tls_security_level": "encrypt",
            "smtpd_tls_auth_only": "yes",
            "smtpd_tls_wrappermode": "yes",
        },
    }
)


def mechanisms(listener: Listener) -> tuple[str, ...]:
    """Return the SASL mechanisms offered: the listener's own, or all that its dialects document."""
    documented = (name for dialect in listener.dialects for name in DIALECTS[dialect].mechanisms)
    return listener.mechanisms or tuple(sorted(set(documented)))


def size_limit(listener: Listener) -> int:
    """Return the SIZE announced, in bytes: the largest message that an account of any dialect may send.

    The milter holds each account to the limit of its own dialect.
    """
    dialects = [DIALECTS[name] for name in listener.dialects]
    return max((listener.size_limit or each.size_limit) + each.size_headroom for each in dialects)


def listener_service(config: Config, name: str, tables_folder: str = "$config_directory") -> Service:
    """Return the service of the listener called `name`, whose files are in `tables_folder`."""
    listener = config.listeners[name]
    word = plain("listener name", name)
    return Service(
        name=endpoint(f"listener {word}", listener.bind, listener.port),
        kind="inet",
        private="n",
        command="smtpd",
        options={
            "syslog_name": f"postfix/{word}",
            "cleanup_service_name": CLEANUP,
            **_greeting(word, listener),
            **_session(listener),
            **_upstream(listener),
            **_TLS[listener.tls],
            **_login(config, word, listener),
            **_restrictions(config, word),
            **_milter(config, word),
            **_proxy(config, listener),
            **tables.options(word, listener, tables_folder),
            **SMUGGLING,
        },
    )


def _greeting(name: str, listener: Listener) -> dict[str, str]:
    """Return what a client is told first, and what it is never told of."""
    speaker = tables.only_dialect(listener)
    own = (
        {"myhostname": plain(f"hostname of listener {name}", listener.hostname)} if listener.hostname else {}
    )
    return {
        **own,
        "smtpd_banner": speaker.banner if speaker else "$myhostname ESMTP",
        "smtpd_discard_ehlo_keywords": ", ".join((*HIDDEN, *(speaker.hidden_keywords if speaker else ()))),
        "smtpd_discard_ehlo_keyword_address_maps": "",
    }


def _session(listener: Listener) -> dict[str, str]:
    return {
        # When all processes are taken, master(8) says stress: then idle clients make room sooner.
        "smtpd_timeout": f"${{stress?{{10}}:{{{listener.idle_timeout}}}}}s",
        "message_size_limit": str(size_limit(listener)),
        "smtpd_recipient_limit": str(listener.recipients_per_message),
        # An application server is one address with many connections; limits belong to keys
        # (policy daemon), failed logins to addresses (SASL back end). Neither needs anvil(8).
        "smtpd_client_connection_count_limit": "0",
        # The name of an application server decides nothing, so nobody waits for DNS to tell it.
        "smtpd_peername_lookup": "no",
        # Headers leave as the client wrote them: no domain is put behind a bare name.
        "local_header_rewrite_clients": "",
        "smtpd_helo_required": "yes",
        "smtputf8_enable": "yes",
    }


def _upstream(listener: Listener) -> dict[str, str]:
    """Return what tells smtpd(8) that a proxy in front says who the client is, where there is one.

    Without such a word from it, smtpd hangs up after 5 seconds (smtpd_upstream_proxy_timeout).
    """
    return {"smtpd_upstream_proxy_protocol": "haproxy"} if listener.proxy_protocol else {}


def _login(config: Config, name: str, listener: Listener) -> dict[str, str]:
    return {
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": f"unix:{plain('run_dir', sockets.sasl(config.run_dir))}",
        "smtpd_sasl_service": name,
        "smtpd_sasl_mechanism_filter": ", ".join(mechanisms(listener)),
        "smtpd_sasl_security_options": "noanonymous",
        "smtpd_sasl_tls_security_options": "noanonymous",
        "smtpd_sasl_authenticated_header": "no",
    }


def _restrictions(config: Config, name: str) -> dict[str, str]:
    policy = plain("run_dir", sockets.policy(config.run_dir))
    return {
        "smtpd_delay_reject": "yes",
        "smtpd_client_restrictions": "",
        "smtpd_helo_restrictions": "",
        "smtpd_sender_restrictions": "",
        "smtpd_relay_restrictions": "",
        "smtpd_recipient_restrictions": (
            "reject_unlisted_recipient, "
            f"check_policy_service {{ unix:{policy}, timeout={POLICY_TIMEOUT}s, policy_context={name} }}, "
            "permit_sasl_authenticated, reject"
        ),
        "smtpd_reject_unlisted_recipient": "no",  # asked above, before the policy daemon counts
        "smtpd_data_restrictions": "",
        "smtpd_end_of_data_restrictions": "",
    }


def _milter(config: Config, name: str) -> dict[str, str]:
    return {
        "smtpd_milters": f"unix:{plain('run_dir', sockets.milter(config.run_dir))}",
        "milter_macro_daemon_name": name,
        **MILTER_FAULTS,
        **MILTER_MACROS,
    }


def _proxy(config: Config, listener: Listener) -> dict[str, str]:
    """Return which proxy a message goes by on its way to the queue: none, or the one that gives receipts.

    It gets a message that smtpd(8) has as a whole (speed_adjust). So a slow client holds nothing but its own
    smtpd, and one that leaves in the middle leaves nothing behind.
    """
    if not listener.receipt:
        return {"smtpd_proxy_filter": ""}
    return {
        "smtpd_proxy_filter": f"unix:{plain('run_dir', sockets.receipt(config.run_dir))}",
        "smtpd_proxy_options": "speed_adjust",
        "smtpd_proxy_timeout": f"{PROXY_TIMEOUT}s",
        "smtpd_proxy_ehlo": "$myhostname",
    }
