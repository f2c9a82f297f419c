"""Text that comes from an operator and goes into a Postfix file.

main.cf and master.cf have no quoting that covers everything: white space and commas separate,
`$` expands, braces group, `#` may begin a comment, a line end begins the next parameter. So what
is not plainly harmless is refused here, whatever the configuration's own checks let through.
"""

import ipaddress
import re

_PLAIN = re.compile(r"[A-Za-z0-9._:/@+~%=\[\]-]+")


class RenderError(Exception):
    """A value that cannot be said in a Postfix file; the text names it and why."""


def plain(what: str, text: object) -> str:
    """Return `text` as it stands when every reader of a Postfix file takes it as one word.

    `what` names the value in the error.
    """
    word = str(text)
    if not _PLAIN.fullmatch(word):
        raise RenderError(
            f"{what}: {word!r} cannot stand in a Postfix file: letters, digits and ._:/@+~%=[]- can"
        )
    return word


def endpoint(what: str, address: str, port: int) -> str:
    """Return `address:port` as master.cf names an inet service (IPv6 in brackets)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise RenderError(f"{what}: {address!r} is not an IP address") from None
    host = f"[{parsed}]" if parsed.version == 6 else str(parsed)
    return f"{host}:{port}"
