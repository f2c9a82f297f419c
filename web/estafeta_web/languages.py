"""Which language to speak: the first that somebody asks for and we have.

`Accept-Language` is a list of language ranges, each with a weight (RFC 9110 section 12.5.4). Of a range, the
primary subtag counts (RFC 5646 section 2.2.1), and the Norwegians' `nb` and `nn` are `no` here. What cannot
be read is passed over, as it comes from strangers. Never raises.
"""

import re
from collections.abc import Collection, Iterator

ENGLISH = "en"  # where nobody asks for a language that we have
RANGES = 20  # of a list that are read; browsers send fewer than ten

_RANGE = re.compile(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*[qQ]\s*=\s*([01](?:\.\d{0,3})?)\s*)?")
_SAME = {"nb": "no", "nn": "no"}


def chosen(asked: str, accept: str, known: Collection[str]) -> str:
    """Return `asked` if it is `known`, else the heaviest such in the header `accept`, else English."""
    return next((language for language in (asked, *_accepted(accept)) if language in known), ENGLISH)


def _accepted(header: str) -> list[str]:
    """Return the languages of an Accept-Language header, heaviest first."""
    weighed = list(_ranges(header))
    return [language for weight, language in sorted(weighed, key=lambda each: -each[0]) if weight > 0]


def _ranges(header: str) -> Iterator[tuple[float, str]]:
    for text in header.split(",", RANGES)[:RANGES]:
        if found := _RANGE.fullmatch(text):
            language = found[1].lower()
            yield float(found[2] or 1), _SAME.get(language, language)
