"""SendGrid: SMTP with an API key, steered by one JSON header, X-SMTPAPI.

User name    always `apikey`; the password is an API key, which alone tells who it is.
Ports        25, 587 and 2525 with STARTTLS, 465 under TLS; messages of up to 30 MB.
X-SMTPAPI    {"category": "a" or ["a", "b"], "unique_args": {...}, "ip_pool": "...", "asm_group_id": 1,
             "filters": {"clicktrack": {"settings": {"enable": 1, "enable_text": 0}}, ...}}

             category                 tags, ten of them
             unique_args              metadata, 10,000 bytes of it
             ip_pool                  the IP pool
             asm_group_id, asm        List-Unsubscribe is added, and who has unsubscribed gets nothing
             clicktrack, opentrack    what is tracked
             subscriptiontrack        as `asm_group_id`, with a warning where it is to put links into texts
             bypass_list_management   recipients are mailed though they have asked not to be
             bcc                      an address that gets a blind copy
Links        `<a clicktracking=off href=...>` stays as it is.

What SendGrid's pages leave open is decided like this:

- `to` would take the place of RCPT TO, with a mail of his own for each recipient, and come to him twice where
  both name him. It is refused, and with it what is put into texts (`sub`, `section`), stored templates and
  times of sending.
- Opens, and clicks in HTML, are tracked unless the account or the message says otherwise.
- A header that is not JSON, or in which a key stands twice, is refused, where SendGrid sends a mail about it.
- Of several headers the first counts, as SendGrid documents; the sender is told.
- Unsubscribing is from all mail of the account that is not transactional, not from one group.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

from estafeta_core import addresses, steering
from estafeta_core.config.accounts import Account
from estafeta_core.dialects.base import Dialect, UserName
from estafeta_core.dialects.steered import (
    AT_ONCE,
    NO_MERGING,
    NO_TEMPLATES,
    TAGS,
    Clicks,
    Steered,
    clicks_of,
    tracking_clicks,
)
from estafeta_core.options import Addressee, Options
from estafeta_core.refusal import Refusal
from estafeta_core.steering import SWITCH, Asked, once, refused, shown

USERNAME = "apikey"
HEADER = "X-SMTPAPI"
MESSAGE_BYTES = 30 * 1024 * 1024  # "30 MB", attachments included
UNIQUE_ARGS_BYTES = 10_000
UNVERIFIED = Refusal(
    550,
    "",
    "The from address does not match a verified Sender Identity."
    " Mail cannot be sent until this error is resolved.",
)

_REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "to": "name the recipients by RCPT TO",
        "sub": NO_MERGING,
        "section": NO_MERGING,
        "send_at": AT_ONCE,
        "send_each_at": AT_ONCE,
    }
)
_READ = frozenset({"category", "unique_args", "ip_pool", "asm_group_id", "asm", "filters"})
# What waits can be called off by the first, and a page shows the groups of the other: neither is here.
_IDLE = frozenset({"batch_id", "asm_groups_to_display"})
_KNOWN = _REFUSED.keys() | _READ | _IDLE


class SendGrid(Steered):
    """The dialect; see `base.Dialect`."""

    name = "sendgrid"
    found_by: Literal["key", "username"] = "key"
    size_limit = MESSAGE_BYTES
    open_tracking = True
    click_tracking: Clicks = "html"
    untracked = "clicktracking=off"
    read_headers = (HEADER,)
    login_refused = "Authentication failed: The provided authorization grant is invalid, expired, or revoked"
    authentication_required = Refusal(550, "5.7.1", "Unauthenticated senders not allowed")

    def parse_username(self, username: str) -> UserName | None:
        """Return the one user name that there is."""
        return UserName(username) if username == USERNAME else None

    def make_key(self, account: str) -> str:
        """Return a new key that begins like SendGrid's."""
        return f"SG.{Dialect.make_key(self, account)}"

    def read(self, asked: Asked, options: Options, account: Account) -> Options:  # noqa: ARG002
        """Return what X-SMTPAPI asks for."""
        header = asked.object(HEADER)
        for key, reason in _REFUSED.items():
            if header.get(key):
                raise refused(f"{HEADER} '{key}' is not supported: {reason}")
        for key in header:
            if key not in _KNOWN:
                asked.notice(f"{HEADER}: {shown(key)} is not known here")
        grouped = bool(header.get("asm_group_id") or header.get("asm"))
        read = replace(
            options,
            tags=_categories(asked, header),
            metadata=_unique_args(header),
            ip_pool=_of(header, "ip_pool", str, ""),
            transactional=options.transactional and not grouped,
        )
        return _filtered(asked, read, _of(header, "filters", dict, {}))

    def sender_refused(self, address: str, account: Account) -> Refusal:  # noqa: ARG002
        """Return SendGrid's refusal of a sender that is not verified."""
        return UNVERIFIED


SENDGRID = SendGrid()


def _of(holder: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    """Return the value of `name`, which has to be of a type where it is given."""
    value = holder.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise refused(f"{HEADER} '{name}' must be {'an object' if kind is dict else 'a string'}")
    return once(f"{HEADER} '{name}'", value) if isinstance(value, dict) else value


def _categories(asked: Asked, header: dict[str, Any]) -> tuple[str, ...]:
    found = header.get("category") or []
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise refused(f"{HEADER} 'category' must be a string, or a list of strings")
    return steering.first(asked, "categories", list(dict.fromkeys(found)), TAGS)


def _unique_args(header: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _of(header, "unique_args", dict, {})
    size = sum(len(str(part).encode()) for pair in found.items() for part in pair)
    if size > UNIQUE_ARGS_BYTES:
        raise refused(f"{HEADER} 'unique_args' is limited to {UNIQUE_ARGS_BYTES} bytes")
    return found


# Filters: each with its settings, of which `enable` says whether it is on.


def _filtered(asked: Asked, options: Options, filters: dict[str, Any]) -> Options:
    """Return `options` with what the filters ask for."""
    for name in filters:
        settings = _of(_of(filters, name, dict, {}), "settings", dict, {})
        enabled = _enabled(asked, name, settings, "enable")
        if enabled is not None:
            options = _FILTERS.get(name, _unknown(name))(asked, options, settings, enabled)
    return options


def _enabled(asked: Asked, name: str, settings: dict[str, Any], key: str) -> bool | None:
    """Return what a switch says; None: nothing, or nothing that anybody understands."""
    if key not in settings:
        return None
    found = SWITCH.get(str(settings[key]).lower())
    if found is None:
        asked.notice(f"{HEADER} '{name}': {key} is neither 1 nor 0; the default holds")
    return found


_Filter = Callable[[Asked, Options, dict[str, Any], bool], Options]


def _clicktrack(asked: Asked, options: Options, settings: dict[str, Any], enabled: bool) -> Options:
    usual = clicks_of(options) if options.click_tracking else "html"
    text = _enabled(asked, "clicktrack", settings, "enable_text")
    where: Clicks = usual if text is None else "all" if text else "html"
    return tracking_clicks(options, where if enabled else "no")


def _opentrack(asked: Asked, options: Options, settings: dict[str, Any], enabled: bool) -> Options:
    if enabled and settings.get("replace"):
        asked.notice(f"{HEADER} 'opentrack': replace is not supported: the pixel stands at the end")
    return replace(options, open_tracking=enabled)


def _subscriptiontrack(asked: Asked, options: Options, settings: dict[str, Any], enabled: bool) -> Options:
    if not enabled:
        return options
    if any(settings.get(key) for key in ("text/html", "text/plain", "replace")):
        asked.notice(f"{HEADER} 'subscriptiontrack': texts get no link; List-Unsubscribe is added")
    return replace(options, transactional=False)


def _bypass(asked: Asked, options: Options, settings: dict[str, Any], enabled: bool) -> Options:  # noqa: ARG001
    return replace(options, skip_suppression=enabled)


def _bcc(asked: Asked, options: Options, settings: dict[str, Any], enabled: bool) -> Options:  # noqa: ARG001
    if not enabled:
        return options
    address = settings.get("email")
    if not isinstance(address, str) or not addresses.is_address(address, smtputf8=False):
        raise refused(f"{HEADER} 'bcc' must hold one address")
    return replace(options, bcc=(Addressee(address),))


def _template(asked: Asked, options: Options, settings: dict[str, Any], enabled: bool) -> Options:  # noqa: ARG001
    if enabled:
        raise refused(f"{HEADER} 'templates' is not supported: {NO_TEMPLATES}")
    return options


def _unknown(name: str) -> _Filter:
    """Return what tells of a filter that does nothing here."""

    def tell(asked: Asked, options: Options, settings: dict[str, Any], enabled: bool) -> Options:  # noqa: ARG001
        if enabled:
            asked.notice(f"{HEADER}: the filter {shown(name)} is not supported")
        return options

    return tell


_FILTERS: Mapping[str, _Filter] = MappingProxyType(
    {
        "clicktrack": _clicktrack,
        "opentrack": _opentrack,
        "subscriptiontrack": _subscriptiontrack,
        "bypass_list_management": _bypass,
        "bcc": _bcc,
        "template": _template,
        "templates": _template,
    }
)
