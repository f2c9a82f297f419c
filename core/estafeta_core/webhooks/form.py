"""A webhook as SparkPost's API takes and shows it.

    name                   text
    target                 http or https URL
    events                 types of events, as SparkPost names them
    active                 default true
    custom_headers         object of header fields
    auth_type              none (default), basic or oauth2
    auth_credentials       basic: {"username", "password"}; oauth2 with a known token: {"access_token"}
    auth_request_details   oauth2: {"url", "body"}, what to ask for a token with
    auth_token             deprecated: for X-MessageSystems-Webhook-Token
    exception_subaccounts  subaccounts whose events are left out; 0: those of no subaccount
    signature              ours: standard (default) or emitlo

What is secret is shown once, to whoever makes the webhook; afterwards MASK stands in its place. MASK sent
back means what was there: a program may change what it was shown and return all of it.

Raises FormError, whose text is for whoever sent the form.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from estafeta_core.store.outgoing_rows import Webhook
from estafeta_core.webhooks import guard, rendering

MASK = "********"
NAME_CHARACTERS = 64
HEADERS = 20
HEADERS_BYTES = 4096  # of all custom header fields; servers take heads of 8 KB
DETAILS_BYTES = 4096  # of what a token is asked for with

# Fields that a program may send back as it was shown them.
READ_ONLY = frozenset(
    {"id", "links", "last_successful", "last_failure", "secret", "subaccount_id", "waiting"}
)
AUTH_TYPES = ("none", "basic", "oauth2")
SIGNATURES = ("standard", "emitlo")

_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, token
_FIELD_VALUE = re.compile(r"[\x20-\x7e]*")
# What a post says itself, or what would change how it is read.
_OURS = re.compile(
    r"host|user-agent|accept-encoding|connection|keep-alive|te|trailer|upgrade|expect|transfer-encoding"
    r"|content-.*|proxy-.*|webhook-.*|x-emitlo-.*|x-messagesystems-.*",
    re.IGNORECASE,
)


class FormError(ValueError):
    """A field that cannot be taken; the text names it."""


def made(webhook: Webhook, form: Mapping[str, Any]) -> Webhook:
    """Return `webhook` with the fields of `form` for those it has; FormError.

    A webhook that is new has no name, target and events, and the form must give them.
    """
    for name in form:
        if name not in _FIELDS and name not in READ_ONLY:
            raise FormError(f"{name}: no such field")
    now = _unmasked(webhook)
    given = {name: _restored(value, now[name]) for name, value in form.items() if name in _FIELDS}
    fields = {name: check(name, given.get(name, now[name])) for name, check in _FIELDS.items()}
    _check_auth(fields)
    return replace(
        webhook,
        name=fields["name"],
        target=fields["target"],
        active=fields["active"],
        events=fields["events"],
        exceptions=fields["exception_subaccounts"],
        settings={name: fields[name] for name in _SETTINGS if fields[name] != _SETTINGS[name]},
    )


def setting(webhook: Webhook, name: str) -> Any:
    """Return one of the settings, or its default."""
    return webhook.settings.get(name, _SETTINGS[name])


def shown(webhook: Webhook) -> dict[str, Any]:
    """Return what everybody who may look at a webhook sees of it."""
    fields = _unmasked(webhook) | {
        "custom_headers": dict.fromkeys(setting(webhook, "custom_headers"), MASK),
        "auth_token": setting(webhook, "auth_token") and MASK,
        "auth_credentials": _masked(setting(webhook, "auth_credentials"), "username"),
    }
    details = setting(webhook, "auth_request_details")
    if details:
        fields["auth_request_details"] = details | {"body": _masked(details["body"], "grant_type", "scope")}
    if webhook.subaccount is not None:
        fields["subaccount_id"] = webhook.subaccount or "0"
    return fields


def _unmasked(webhook: Webhook) -> dict[str, Any]:
    return {
        "name": webhook.name,
        "target": webhook.target,
        "events": list(webhook.events),
        "active": webhook.active,
        "exception_subaccounts": list(webhook.exceptions),
        **{name: setting(webhook, name) for name in _SETTINGS},
    }


def _masked(secrets: dict[str, Any], *plain: str) -> dict[str, Any]:
    return {name: value if name in plain else MASK for name, value in secrets.items()}


def _restored(value: Any, before: Any) -> Any:
    """Return `value` with what was there before in every place where MASK stands."""
    if value == MASK:
        return before
    if isinstance(value, dict) and isinstance(before, dict):
        return {name: _restored(inner, before.get(name, inner)) for name, inner in value.items()}
    return value


def _name(field: str, value: Any) -> str:
    text = _text(field, value)
    if not text.strip() or len(text) > NAME_CHARACTERS or not text.isprintable():
        raise FormError(f"{field}: 1 to {NAME_CHARACTERS} characters are needed")
    return text


def _target(field: str, value: Any) -> str:
    text = _text(field, value)
    try:
        guard.parse(text)
    except guard.Refused as error:
        raise FormError(f"{field}: {error}") from None
    return text


def _events(field: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise FormError(f"{field}: a list of one or more types is needed")
    for kind in value:
        if not isinstance(kind, str) or (kind not in rendering.GROUPS and kind not in rendering.NEVER):
            raise FormError(f"{field}: {kind!r} is no type of event")
    return tuple(dict.fromkeys(value))


def _active(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise FormError(f"{field}: true or false is needed")
    return value


def _subaccounts(field: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(type(each) in (int, str) for each in value):
        raise FormError(f"{field}: a list of subaccounts is needed")
    return tuple(dict.fromkeys(map(str, value)))


def _one_of(words: tuple[str, ...]) -> Callable[[str, Any], str]:
    def check(field: str, value: Any) -> str:
        if value not in words:
            raise FormError(f"{field}: one of {', '.join(words)} is needed")
        return str(value)

    return check


def _credentials(field: str, value: Any) -> dict[str, Any]:
    return {name: _plain(f"{field}.{name}", each) for name, each in _object(field, value).items()}


def _details(field: str, value: Any) -> dict[str, Any]:
    details = _object(field, value)
    if not details:
        return {}
    target = _target(f"{field}.url", details.get("url"))
    body = _object(f"{field}.body", details.get("body", {}))
    taken = {name: _plain(f"{field}.body.{name}", each) for name, each in body.items()}
    if sum(map(len, (*taken, *taken.values()))) > DETAILS_BYTES:
        raise FormError(f"{field}.body: more than {DETAILS_BYTES} bytes")
    return {"url": target, "body": taken}


def _headers(field: str, value: Any) -> dict[str, str]:
    headers = _object(field, value)
    for name, text in headers.items():
        if not _FIELD_NAME.fullmatch(name) or not _FIELD_VALUE.fullmatch(_text(f"{field}.{name}", text)):
            raise FormError(f"{field}: {name!r} is no header field, or its value is not plain ASCII")
        if _OURS.fullmatch(name):
            raise FormError(f"{field}: {name} is what the post itself says")
    if len(headers) > HEADERS or sum(map(len, (*headers, *headers.values()))) > HEADERS_BYTES:
        raise FormError(f"{field}: at most {HEADERS} fields of {HEADERS_BYTES} bytes together")
    return headers


def _token(field: str, value: Any) -> str:
    return _plain(field, value)


def _plain(field: str, value: Any) -> str:
    text = _text(field, value)
    if len(text) > HEADERS_BYTES or not text.isprintable():
        raise FormError(f"{field}: text on one line of at most {HEADERS_BYTES} characters is needed")
    return text


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise FormError(f"{field}: text is needed")
    return value


def _object(field: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FormError(f"{field}: an object is needed")
    return value


def _check_auth(fields: dict[str, Any]) -> None:
    credentials = fields["auth_credentials"]
    kind = fields["auth_type"]
    if kind == "basic" and (not credentials.get("username") or ":" in credentials["username"]):
        raise FormError("auth_credentials: basic needs a username, without a colon")
    if kind == "oauth2" and not fields["auth_request_details"] and not credentials.get("access_token"):
        raise FormError("auth_request_details: oauth2 needs the url and body to ask for a token with")
    if kind != "none" and "authorization" in map(str.lower, fields["custom_headers"]):
        raise FormError(f"custom_headers: Authorization is what auth_type {kind} says")
    headers = (*credentials.values(), fields["auth_token"]) if kind == "oauth2" else (fields["auth_token"],)
    if not all(_FIELD_VALUE.fullmatch(text) for text in headers):
        raise FormError("auth_credentials: a token is plain ASCII")


_SETTINGS: dict[str, Any] = {
    "auth_type": "none",
    "auth_credentials": {},
    "auth_request_details": {},
    "auth_token": "",
    "custom_headers": {},
    "signature": "standard",
}
_FIELDS: dict[str, Callable[[str, Any], Any]] = {
    "name": _name,
    "target": _target,
    "events": _events,
    "active": _active,
    "exception_subaccounts": _subaccounts,
    "auth_type": _one_of(AUTH_TYPES),
    "auth_credentials": _credentials,
    "auth_request_details": _details,
    "auth_token": _token,
    "custom_headers": _headers,
    "signature": _one_of(SIGNATURES),
}
