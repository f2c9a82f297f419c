"""SparkPost: an SMTP relay steered by one JSON header, X-MSYS-API.

User names   `SMTP_Injection`, or `SMTP_Injection:X-MSYS-SUBACCOUNT=123` to send as a subaccount;
             the password is an API key of the account, which alone tells who it is.
X-MSYS-API   {"campaign_id", "metadata", "tags", "cc", "bcc", "archive", "options": {...}}. Unfolding
             puts one space for each fold, also inside a string (SparkPost documents that).

What SparkPost's pages leave open is decided like this:

- More than one X-MSYS-API is refused: nobody could say which one holds.
- `null` is refused wherever a type is documented. Unknown keys and options are ignored, and so is
  `substitution_data`, as documented.
- A key given twice is refused in every object that is documented; deeper inside metadata, which is only
  passed on, the last one holds.
- Text outside ASCII may be written in every way that `json_header` reads.
- Of more than ten tags the first ten count.
- Addresses in cc, bcc and archive have ASCII before the `@`: they are written into header fields.
"""

import functools
import re
from collections.abc import Sequence
from typing import Any, Literal

from estafeta_core import addresses, json_header, json_strict
from estafeta_core.addresses import domain_of
from estafeta_core.config.accounts import Account, Defaults
from estafeta_core.dialects.base import Dialect, Part, UserName
from estafeta_core.directory import Credential
from estafeta_core.headers import Header, values
from estafeta_core.identity import NAME
from estafeta_core.options import Addressee, Options
from estafeta_core.refusal import Refusal, RefusedError
from estafeta_core.rules import amp_structure

CAMPAIGN_ID_BYTES = 64
TAGS = 10  # for each recipient
RECIPIENTS = 1000  # in cc, bcc and archive together
EVENT_METADATA_BYTES = 1000  # in click and open events
MESSAGE_BYTES = 20 * 1024 * 1024  # SparkPost's limit for a message

_USERNAME = re.compile(rf"SMTP_Injection(?::X-MSYS-SUBACCOUNT=({NAME.pattern}))?")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TYPES = {dict: "json object", list: "json array", str: "json string", bool: "json boolean"}
_OPTION_TYPES = {
    "open_tracking": bool,
    "click_tracking": bool,
    "transactional": bool,
    "skip_suppression": bool,
    "inline_css": bool,
    "ip_pool": str,
    "dkim_key": str,
}
_LISTS = dict.fromkeys(("cc", "bcc", "archive")).keys()  # a set that keeps its order


def _content(text: str) -> Refusal:
    return Refusal(550, "5.6.0", text)


NOT_JSON = _content("JSON parsing error in X-MSYS-API")
CUT = _content(
    "JSON parsing error in X-MSYS-API: headers are cut at 60000 bytes; give recipients in the compact form,"
    ' "cc": ["a@example.com", "b@example.com"]'
)
NOT_UNIQUE = _content("X-MSYS-API may be given only once")
NOT_UTF8 = _content("X-MSYS-API must be ASCII or UTF-8")
NOT_OBJECT = _content("X-MSYS-API must be of type 'json object'")
CAMPAIGN_ID_TOO_LONG = _content(f"smtpapi_campaign_id context is limited to {CAMPAIGN_ID_BYTES} bytes")
TOO_MANY_RECIPIENTS = _content(
    f"X-MSYS-API 'cc', 'bcc' and 'archive' are limited to {RECIPIENTS} recipients in total"
)


class SparkPost(Dialect):
    """The dialect; see `base.Dialect`."""

    name = "sparkpost"
    found_by: Literal["key", "username"] = "key"
    size_limit = MESSAGE_BYTES
    control_headers = frozenset({"x-msys-api"})
    event_metadata_limit = EVENT_METADATA_BYTES
    login_refused = "Sorry. *** No authentication type succeeded"
    permission_refused = Refusal(535, "5.7.8", 'Credential lacks the permission "Send via SMTP"')
    store_failed = Refusal(421, "4.3.3", "[internal] smtpapi unable to generate unique transmission id")

    def parse_username(self, username: str) -> UserName | None:
        """Return the subaccount that `username` names; upper and lower case count."""
        match = _USERNAME.fullmatch(username)
        return UserName("SMTP_Injection", match.group(1)) if match else None

    def options(self, headers: Sequence[Header], credential: Credential) -> Options | Refusal:
        """Return what X-MSYS-API asks for, and the account's defaults where it says nothing."""
        found = values(headers, "x-msys-api")
        defaults = credential.account.defaults
        if not found:
            return _account_options(defaults)
        if len(found) > 1:
            return NOT_UNIQUE
        try:
            return _message_options(_parse(found[0]), defaults)
        except RefusedError as refused:
            return refused.refusal

    def sender_refused(self, address: str, account: Account) -> Refusal:  # noqa: ARG002
        """Return SparkPost's refusal for a From domain that the sender has not verified."""
        return Refusal(550, "5.7.1", f"Unconfigured Sending Domain <{domain_of(address) or address}>")

    def check_structure(self, root: Part, account: Account) -> Refusal | None:  # noqa: ARG002
        """Return why the AMP content of a message may not be sent."""
        return amp_structure.check(root)


SPARKPOST = SparkPost()


@functools.lru_cache(maxsize=4096)  # one for each set of defaults that accounts have
def _account_options(defaults: Defaults) -> Options:
    return Options(
        open_tracking=bool(defaults.open_tracking),
        click_tracking=bool(defaults.click_tracking),
        initial_open_pixel=defaults.initial_open_pixel is not False,
        transactional=bool(defaults.transactional),
        return_path=defaults.return_path,
    )


def _parse(value: bytes) -> dict[str, Any]:
    """Return the JSON object in a raw header value."""
    try:
        parsed = json_header.loads(value)
    except UnicodeDecodeError:
        raise RefusedError(NOT_UTF8) from None
    except json_strict.JsonError:
        raise RefusedError(CUT if len(value) >= json_header.POSSIBLY_CUT else NOT_JSON) from None
    if type(parsed) is not dict:
        not_json = parsed is None or type(parsed) is json_strict.Repeated
        raise RefusedError(NOT_JSON if not_json else NOT_OBJECT)
    return parsed


def _message_options(header: dict[str, Any], defaults: Defaults) -> Options:
    asked = _field(header, "options", dict, {})
    for name, kind in _OPTION_TYPES.items():
        if name in asked:
            _field(asked, name, kind, None)
    cc, bcc, archive = _recipients(header) if not _LISTS.isdisjoint(header) else ((), (), ())
    return Options(
        campaign_id=_campaign_id(header),
        metadata=_field(header, "metadata", dict, {}),
        tags=_tags(header),
        cc=cc,
        bcc=bcc,
        archive=archive,
        open_tracking=asked.get("open_tracking", bool(defaults.open_tracking)),
        click_tracking=asked.get("click_tracking", bool(defaults.click_tracking)),
        initial_open_pixel=defaults.initial_open_pixel is not False,
        transactional=asked.get("transactional", bool(defaults.transactional)),
        skip_suppression=asked.get("skip_suppression", False),
        inline_css=asked.get("inline_css", False),
        ip_pool=asked.get("ip_pool", ""),
        dkim_key=asked.get("dkim_key", ""),
        return_path=defaults.return_path,
    )


def _field(holder: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    """Return the value of `name`, which has to be of a JSON type when it is given."""
    if name not in holder:
        return default
    value = holder[name]
    if type(value) is not kind:
        if type(value) is json_strict.Repeated and kind is dict:
            raise RefusedError(NOT_JSON)
        raise RefusedError(_content(f"X-MSYS-API '{name}' must be of type '{_TYPES[kind]}'"))
    return value


def _campaign_id(header: dict[str, Any]) -> str:
    campaign_id: str = _field(header, "campaign_id", str, "")
    if len(campaign_id.encode()) > CAMPAIGN_ID_BYTES:
        raise RefusedError(CAMPAIGN_ID_TOO_LONG)
    return campaign_id


def _tags(header: dict[str, Any]) -> tuple[str, ...]:
    tags = _field(header, "tags", list, [])
    if any(type(tag) is not str for tag in tags):
        raise RefusedError(_content("X-MSYS-API 'tags' must hold values of type 'json string'"))
    return tuple(tags[:TAGS])


def _recipients(header: dict[str, Any]) -> list[tuple[Addressee, ...]]:
    """Return the three lists, checked."""
    lists = {name: _field(header, name, list, []) for name in _LISTS}
    if sum(map(len, lists.values())) > RECIPIENTS:
        raise RefusedError(TOO_MANY_RECIPIENTS)
    return [
        tuple(_addressee(name, number, entry) for number, entry in enumerate(entries, start=1))
        for name, entries in lists.items()
    ]


def _addressee(name: str, number: int, entry: Any) -> Addressee:
    """Return the recipient that entry `number` of list `name` means: an address, or an object with one."""
    if type(entry) is str:
        entry = {"email": entry}
    if type(entry) is json_strict.Repeated:
        raise RefusedError(NOT_JSON)
    if type(entry) is not dict or type(entry.get("email")) is not str:
        raise _entry(name, number, "must hold addresses or objects with an 'email'")
    friendly = _field(entry, "name", str, "")
    if _CONTROLS.search(friendly):
        raise _entry(name, number, "holds a name with control characters")
    if not addresses.is_address(entry["email"], smtputf8=False):
        raise _entry(name, number, "holds an invalid address")
    return Addressee(entry["email"], friendly)


def _entry(name: str, number: int, text: str) -> RefusedError:
    """Return the refusal of one entry; of a thousand, its number tells which."""
    return RefusedError(_content(f"X-MSYS-API '{name}' {text} (entry {number})"))
