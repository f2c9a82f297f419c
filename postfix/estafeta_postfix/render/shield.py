"""What our services are told on an instance whose main.cf is somebody else's, to behave as on one of our own.

A parameter stands here where an operator may have set it for other mail and it would change ours; the value
is Postfix's own default, or the only one under which our service does its work. What concerns the host and
not the mail is left to the operator: certificates and ciphers, networks, the queue, what is known to be
local.

One table for each program that master(8) starts for us; what a service says itself goes before its table.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from estafeta_postfix.ports import LOOPBACK
from estafeta_postfix.render.service import Service

# Mail that came by us goes no way but ours to the queue.
_FILTERS = {
    "content_filter": "",
    "receive_override_options": "",
    "smtpd_proxy_filter": "",
    "smtpd_milter_maps": "",  # a client of the operator's own networks is often without any milter there
    "milter_protocol": "6",
    "milter_macro_defaults": "",
}

# Our listeners refuse nobody by a list that was made for mail from outside.
_RESTRICTIONS = {
    "smtpd_helo_required": "no",
    "smtpd_helo_restrictions": "",
    "smtpd_sender_restrictions": "",
    "smtpd_data_restrictions": "",
    "smtpd_end_of_data_restrictions": "",
    "smtpd_reject_unlisted_sender": "no",
    "smtpd_authorized_xclient_hosts": "",
    "smtpd_authorized_xforward_hosts": "",
    "smtpd_authorized_verp_clients": "",
    "smtpd_sasl_exceptions_networks": "",
    "smtpd_tls_ask_ccert": "no",
    "smtpd_tls_req_ccert": "no",
    "smtpd_tls_wrappermode": "no",
    "smtpd_upstream_proxy_protocol": "",
    "strict_rfc821_envelopes": "no",
    "strict_smtputf8": "no",
}

# Limits of an address are for strangers; an application server is one address with many connections.
_LIMITS = {
    **{
        f"smtpd_client_{what}_rate_limit": "0"
        for what in ("connection", "message", "recipient", "new_tls_session", "auth")
    },
    "smtpd_timeout": "${stress?{10}:{300}}s",
    "smtpd_soft_error_limit": "10",
    "smtpd_hard_error_limit": "${stress?{1}:{20}}",
    "smtpd_junk_command_limit": "${stress?{1}:{100}}",
    "smtpd_error_sleep_time": "1s",
    "smtpd_recipient_overshoot_limit": "1000",
}

# Which reply means what to a client: 4xx try again, 5xx never.
_REPLIES = {
    "soft_bounce": "no",
    "smtpd_command_filter": "",
    "smtpd_reject_footer": "",
    "smtpd_reject_footer_maps": "",
    "smtpd_discard_ehlo_keyword_address_maps": "",
    "smtpd_delay_open_until_valid_rcpt": "yes",
    "smtpd_policy_service_default_action": "451 4.3.5 Server configuration problem",
    "smtpd_policy_service_request_limit": "0",
    "smtpd_policy_service_try_limit": "2",
    "smtpd_policy_service_retry_delay": "1s",
    "access_map_reject_code": "554",
    "access_map_defer_code": "450",
    "reject_code": "554",
    "defer_code": "450",
    **{
        f"unknown_{where}_reject_code": "550"
        for where in ("local_recipient", "relay_recipient", "virtual_alias", "virtual_mailbox")
    },
}

_SMTPD = {**_FILTERS, **_RESTRICTIONS, **_LIMITS, **_REPLIES, "smtputf8_enable": "yes"}

# Where copies differ, the split gets the recipients that the job names: nobody may be added, and nobody
# renamed but by an alias. Headers and bodies are looked at by our milter alone.
_CLEANUP = {
    "canonical_maps": "",
    "sender_canonical_maps": "",
    "recipient_canonical_maps": "",
    "masquerade_domains": "",
    "always_bcc": "",
    "sender_bcc_maps": "",
    "recipient_bcc_maps": "",
    "header_checks": "",
    "mime_header_checks": "",
    "nested_header_checks": "",
    "body_checks": "",
    "message_strip_characters": "",
    "message_reject_characters": "",
    "remote_header_rewrite_domain": "",
    "always_add_missing_headers": "no",
    "disable_mime_input_processing": "no",
    "strict_7bit_headers": "no",
    "strict_8bitmime": "no",
    "strict_8bitmime_body": "no",
    "strict_mime_encoding_domain": "no",
    "undisclosed_recipients_header": "",
    "message_drop_headers": "bcc, content-length, resent-bcc, return-path",
    "message_size_limit": "0",  # the listeners have measured it
    "hopcount_limit": "50",
    "enable_original_recipient": "yes",
    "smtputf8_enable": "yes",
    "soft_bounce": "no",
    # A queue id is what a transmission is found by: it must never come a second time.
    "enable_long_queue_ids": "yes",
}

# The way from the queue to our own listener, never to anybody else.
_SMTP = {
    "smtp_fallback_relay": "",
    "smtp_generic_maps": "",
    "smtp_header_checks": "",
    "smtp_mime_header_checks": "",
    "smtp_nested_header_checks": "",
    "smtp_body_checks": "",
    "smtp_discard_ehlo_keywords": "",
    "smtp_discard_ehlo_keyword_address_maps": "",
    "smtp_delivery_status_filter": "",
    "smtp_reply_filter": "",
    "smtp_dns_reply_filter": "",
    "smtp_tls_policy_maps": "",
    "smtp_tls_per_site": "",
    "best_mx_transport": "",
    "smtp_bind_address6": "",
    "smtp_bind_address": LOOPBACK,  # the listener takes mail from nobody else
    "inet_protocols": "ipv4",
    "smtp_sender_dependent_authentication": "no",
    "smtp_tls_wrappermode": "no",
    "smtp_always_send_ehlo": "yes",
    "smtp_never_send_ehlo": "no",
    "smtp_quote_rfc821_envelope": "yes",
    "smtputf8_enable": "yes",
}

TABLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"smtpd": _SMTPD, "cleanup": _CLEANUP, "smtp": _SMTP}
)


def shielded(service: Service, hostname: str, names: Mapping[str, str]) -> Service:
    """Return `service` so that nothing which main.cf says of other mail reaches it.

    `hostname` is ours; `names` are the parameters that main.cf may make of the host's own name, such as
    mydestination, with the operator's values: ours would make the host's own recipients strangers.
    """
    named = {"myhostname": hostname, **names}
    return replace(service, options={**named, **TABLES[service.command], **service.options})
