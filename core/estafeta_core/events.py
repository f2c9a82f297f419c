"""Events under SparkPost's names, in the shape its Events API gives them.

Names and fields follow SparkPost's public event documentation: ids and counts are
decimal strings, times ISO 8601 in UTC, and a field that says nothing is left out.
`rcpt_type` stands only on copies to cc, bcc and archive. Metadata in events that
recipients cause (opens, clicks) is bounded: whole keys go from the end until the
rest fits, so that what remains is valid JSON.
"""

import json
from datetime import UTC, datetime
from typing import Any

from estafeta_core.dialects import DIALECTS
from estafeta_core.store.rows import Event, Message, Transmission

INJECTION = "injection"
DELIVERY = "delivery"
BOUNCE = "bounce"
DELAY = "delay"
OUT_OF_BAND = "out_of_band"
SPAM_COMPLAINT = "spam_complaint"
POLICY_REJECTION = "policy_rejection"
OPEN = "open"
INITIAL_OPEN = "initial_open"
CLICK = "click"
AMP_CLICK = "amp_click"
LIST_UNSUBSCRIBE = "list_unsubscribe"
LINK_UNSUBSCRIBE = "link_unsubscribe"
WARNING = "warning"  # ours: a message was sent, but not as its sender may have wished

# The marks of automated events that mean something below the web service, whose automated.py has them all.
PROXY = "proxy"
BURST = "burst"

METADATA_BOUNDED = frozenset({OPEN, INITIAL_OPEN, CLICK, AMP_CLICK})

_REMOTE = ("recv_method", "delv_method", "ip_address", "num_retries")
_ATTEMPT = (*_REMOTE, "queue_time", "outbound_tls", "outbound_host")  # the host is a name of ours
_FAILURE = ("bounce_class", "error_code", "reason", "raw_reason")
_TRACKED = ("ip_address", "user_agent", "geo_ip", "delv_method", "num_retries", "queue_time")
_ACTED = (*_TRACKED, "automated")  # why it was no person; a name of ours
_LINK = ("target_link_name", "target_link_url")

# What each kind of event may say beyond the fields that all have.
ADDITIONAL = {
    INJECTION: ("recv_method",),
    DELIVERY: (*_ATTEMPT, "outbound_response"),  # what the remote host answered, a name of ours
    BOUNCE: (*_ATTEMPT, *_FAILURE),
    DELAY: (*_ATTEMPT, *_FAILURE),
    OUT_OF_BAND: (*_REMOTE, *_FAILURE, "queue_time"),
    SPAM_COMPLAINT: (
        "fbtype",
        "report_by",
        "report_to",
        "user_str",
        "delv_method",
        "ip_address",
        "num_retries",
        "queue_time",
    ),
    POLICY_REJECTION: (*_FAILURE, "remote_addr", "recv_method"),
    OPEN: _ACTED,
    INITIAL_OPEN: _ACTED,
    CLICK: (*_ACTED, *_LINK),
    AMP_CLICK: (*_ACTED, *_LINK),
    LIST_UNSUBSCRIBE: ("mailfrom", "ip_address", "user_agent", "num_retries", "queue_time", "recv_method"),
    LINK_UNSUBSCRIBE: ("mailfrom", *_LINK, *_TRACKED),
    WARNING: ("reason",),
}
# Of a message that was never taken in, the event itself holds what is otherwise its transmission's.
_REFUSED = (
    "customer_id",
    "friendly_from",
    "msg_from",
    "subject",
    "rcpt_to",
    "raw_rcpt_to",
    "recipient_domain",
)
_ANYWHERE = ("ip_pool", "routing_domain", "sending_ip")
_NO_TRACKING_FLAGS = frozenset({OUT_OF_BAND, SPAM_COMPLAINT, POLICY_REJECTION})


def view(event: Event, transmission: Transmission | None, message: Message | None) -> dict[str, Any]:
    """Return the event as SparkPost's Events API shows it.

    Without a message (a token shared by all recipients) there are no recipient fields, without a transmission
    (deleted since) only its own.
    """
    fields: dict[str, Any] = {
        "type": event.type,
        "timestamp": iso_time(event.timestamp),
        "event_id": str(event.event_id),
        "subaccount_id": event.subaccount or "0",  # SparkPost's number of the account itself
        "transmission_id": str(event.transmission_id),
    }
    if event.message_id is not None:
        fields["message_id"] = str(event.message_id)
    if transmission is not None:
        fields |= _of_transmission(event.type, transmission)
    if message is not None:
        fields |= _of_message(message)
    of_its_own = _REFUSED if event.type == POLICY_REJECTION and transmission is None else ()
    for name in (*ADDITIONAL.get(event.type, ()), *_ANYWHERE, *of_its_own):
        if event.data.get(name) is not None:
            fields[name] = _shown(event.data[name])
    if event.type in METADATA_BOUNDED:
        mark = event.data.get("automated")
        fields["user_agent_parsed"] = {"is_proxy": mark == PROXY, "is_prefetched": mark not in (None, PROXY)}
    return fields


def iso_time(milliseconds: int) -> str:
    """Return a Unix time in milliseconds as ISO 8601 in UTC: `2026-11-20T13:00:00.000Z`."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"


def cut_metadata(metadata: dict[str, Any], limit: int) -> dict[str, Any]:
    """Return `metadata` without as many of its last keys as it takes to fit `limit` bytes of compact JSON."""
    size = 2  # the braces
    kept: dict[str, Any] = {}
    for name, value in metadata.items():
        size += _json_size(name) + 1 + _json_size(value) + (1 if kept else 0)
        if size > limit:
            break
        kept[name] = value
    return kept


def _json_size(value: Any) -> int:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))


def _of_transmission(kind: str, transmission: Transmission) -> dict[str, Any]:
    metadata = transmission.metadata
    if kind in METADATA_BOUNDED:
        metadata = cut_metadata(metadata, DIALECTS[transmission.dialect].event_metadata_limit)
    fields: dict[str, Any] = {
        "customer_id": transmission.customer_id,
        "friendly_from": transmission.friendly_from,
        "msg_from": transmission.msg_from,
        "subject": transmission.subject,
        "injection_time": iso_time(transmission.injection_time),
        "rcpt_meta": metadata,
        "rcpt_tags": list(transmission.tags),
    }
    if transmission.campaign_id:
        fields["campaign_id"] = transmission.campaign_id
    if kind != POLICY_REJECTION:
        fields["msg_size"] = str(transmission.msg_size)
    if kind not in _NO_TRACKING_FLAGS:
        fields["open_tracking"] = transmission.open_tracking
        fields["click_tracking"] = transmission.click_tracking
        fields["initial_pixel"] = transmission.initial_pixel
    return fields


def _of_message(message: Message) -> dict[str, Any]:
    fields = {
        "rcpt_to": message.rcpt_to,
        "raw_rcpt_to": message.raw_rcpt_to,
        "recipient_domain": message.rcpt_to.rpartition("@")[2],
    }
    if message.rcpt_type:
        fields["rcpt_type"] = message.rcpt_type
    return fields


def _shown(value: Any) -> Any:
    """Return a number as the decimal string SparkPost writes, anything else as it is."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
