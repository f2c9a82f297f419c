"""Content-Disposition: a file is offered for saving, under the name its sender gave it (RFC 6266).

    attachment; filename="ano.pdf"; filename*=UTF-8''a%C3%B1o.pdf

`filename` is for programs that do not know the second form: accents are taken off, other signs outside
ASCII become `_`, and so does `%`, which some of them decode (RFC 6266 appendix D).
"""

import re
import unicodedata
from urllib.parse import quote

from estafeta_core.hosting import file_name

_NOT_PLAIN = re.compile(r"[^ !#$&-\[\]-~]")


def attachment(name: str) -> str:
    """Return the value of the field for a file called `name`."""
    safe = file_name(name)
    letters = (sign for sign in unicodedata.normalize("NFKD", safe) if not unicodedata.combining(sign))
    plain = _NOT_PLAIN.sub("_", "".join(letters))
    value = f'attachment; filename="{plain}"'
    return value if plain == safe else f"{value}; filename*=UTF-8''{quote(safe, safe='')}"
