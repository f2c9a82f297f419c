"""An explanation for a program: one JSON object, its keys as docs/operation.md lists them."""

import base64
from typing import Any

from estafeta_core.recipients import Recipient
from estafeta_postfix.explain import links
from estafeta_postfix.explain.changes import Change, compare
from estafeta_postfix.explain.copies import letter
from estafeta_postfix.explain.decision import Decision
from estafeta_postfix.explain.explanation import Explanation
from estafeta_postfix.explain.session import Going
from estafeta_postfix.explain.words import Reply

OUTCOMES = {"accepted": "accepted", "put off": "temporary", "refused": "permanent"}


def document(explanation: Explanation) -> dict[str, Any]:
    """Return everything, every copy in full."""
    asked, held, decided = explanation.asked, explanation.held, explanation.decision
    recipients = decided.recipients if decided is not None else ()
    return {
        "credential": str(asked.identity),
        "listener": asked.listener,
        "client_address": asked.client_address,
        "tls": asked.secured,
        "mail_from": asked.sender,
        "rcpt_to": list(asked.recipients),
        "size": held.arrived.size if held.arrived is not None else None,
        "outcome": OUTCOMES[explanation.outcome],
        "fault": held.fault or None,
        "replies": [_reply(reply) for reply in held.replies],
        "store": explanation.store_is_there,
        "decision": None if decided is None else _decision(decided),
        "copies": [] if held.going is None else [_copy(explanation, held.going, each) for each in recipients],
    }


def _reply(reply: Reply) -> dict[str, Any]:
    return {
        "command": reply.command,
        "reply": reply.line,
        "code": reply.code,
        "refused": reply.refused,
        "temporary": reply.temporary,
    }


def _decision(decided: Decision) -> dict[str, Any]:
    options = decided.options
    return {
        "dialect": decided.dialect,
        "friendly_from": decided.friendly_from,
        "campaign_id": options.campaign_id,
        "metadata": options.metadata,
        "tags": list(options.tags),
        "open_tracking": options.open_tracking,
        "initial_open_pixel": options.open_tracking and options.initial_open_pixel,
        "click_tracking": options.click_tracking,
        "click_tracking_in": options.click_tracking_in or None,
        "transactional": options.transactional,
        "subaccount": options.subaccount or None,
        "test": options.test,
        "inline_css": options.inline_css,
        "skip_suppression": options.skip_suppression,
        "list_unsubscribe": decided.list_unsubscribe,
        "ip_pool": decided.ip_pool or None,
        "dkim": [
            {"domain": each.domain, "key": each.key, "selector": each.selector} for each in decided.dkim
        ],
        "return_path_domain": decided.return_path or None,
        "hosted_files": decided.files,
        "hosted_images": decided.images,
        "not_sent_to": [_person(each.recipient) | {"reason": each.why} for each in decided.unsent],
        "limits": list(decided.limits),
        "warnings": list(decided.warnings),
        "queue_files": 1 if decided.recipients else 0,
        "copies_differ": decided.copies_differ,
        "reasons": list(decided.reasons),
    }


def _person(recipient: Recipient) -> dict[str, Any]:
    return {"rcpt_to": recipient.address, "rcpt_type": recipient.kind or "to"}


def _copy(explanation: Explanation, going: Going, recipient: Recipient) -> dict[str, Any]:
    made = letter(going, recipient)
    message, arrived = made.message, explanation.held.arrived
    return {
        **_person(recipient),
        "rcpt_to": made.address,
        "envelope_sender": message.sender,
        "size": made.size,
        "headers": [_field(change) for change in compare(arrived.fields if arrived else (), message.headers)],
        "links": [
            {
                "part": link.part,
                "kind": link.kind,
                "target": link.target or None,
                "name": link.name or None,
                "url": link.url,
            }
            for link in links.of(message, going.derived.links, going.derived.snapshot.config)
        ],
        **_content("body", message.body),
    }


def _field(change: Change) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": change.name.strip(), "change": change.mark, "by": change.by or None}
    shown |= _content("value", change.value)
    return shown if change.before is None else shown | _content("before", change.before)


def _content(name: str, raw: bytes) -> dict[str, str]:
    """Return bytes as text, or in base64 where they are no UTF-8."""
    try:
        return {name: raw.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(raw).decode("ascii")}
