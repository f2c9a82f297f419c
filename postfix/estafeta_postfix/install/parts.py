"""A file of Postfix's as two parts: the operator's lines, and ours between two marks.

    the operator's lines
    # estafeta begins: …
    ours
    # estafeta ends
    lines that the operator has added since

master.cf has one line more of ours: an override at pickup(8), directly below the line of the service.

Files are edited here by whole lines, and not by postconf(1): `postconf -M` and `-P` lay an entry out anew
and move the comments inside it, and `postconf -e` goes on in a last line that has no end. The operator's
part comes back byte for byte. Where the last line of a file has no end it gets one, and the mark says so.

Raises PartsError where the marks are not a pair.
"""

import re
from dataclasses import dataclass

from estafeta_postfix.render.copies import REQUEUE

BEGIN = "# estafeta begins: written by `estafeta postfix install`, taken out by `estafeta postfix uninstall`"
UNENDED = " (the line above had no end)"
END = "# estafeta ends"
HOOK = f"  -o cleanup_service_name={REQUEUE}\n"

_BLOCK = re.compile(
    rf"^{re.escape(BEGIN)}(?P<unended>{re.escape(UNENDED)})?\n(?P<ours>.*?)^{re.escape(END)}\n",
    re.DOTALL | re.MULTILINE,
)
_MARKS = re.compile(r"^# estafeta (?:begins|ends)", re.MULTILINE)
# postconf(1) lays it out anew when it changes something else at the same service.
_HOOKED = re.compile(rf"^[ \t]+-o[ \t]+cleanup_service_name={re.escape(REQUEUE)}[ \t]*\n", re.MULTILINE)
_PICKUP = re.compile(r"^pickup[ \t]+(?:unix|fifo)[ \t].*\n", re.MULTILINE)


class PartsError(Exception):
    """The marks in a file are not a pair, or a service is missing; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Our part of a file."""

    block: str = ""
    hook: bool = False  # whether pickup(8) hands mail to our cleanup(8)


NOTHING = Ours()


def ours(text: str) -> Ours:
    """Return our part of a file."""
    outside, block = _apart(text)
    return Ours(block, hook=bool(_HOOKED.search(outside)))


def without(text: str) -> str:
    """Return the operator's part of a file."""
    outside, _ = _apart(text)
    return _HOOKED.sub("", outside)


def with_ours(text: str, wanted: Ours) -> str:
    """Return the file with `wanted` for our part: where it was, or at the end."""
    if not wanted.block:
        return without(text)
    _apart(text)  # raises where the marks are not a pair
    found = _BLOCK.search(text)
    before, after = (text[: found.start()], text[found.end() :]) if found else (text, "")
    unended = bool(found["unended"]) if found else bool(text) and not text.endswith("\n")
    end = "\n" if unended and not before.endswith("\n") else ""
    made = _HOOKED.sub("", before) + end + _block(wanted.block, unended=unended) + _HOOKED.sub("", after)
    return _hooked(made) if wanted.hook else made


def _block(block: str, *, unended: bool) -> str:
    return f"{BEGIN}{UNENDED if unended else ''}\n{block}{END}\n"


def _apart(text: str) -> tuple[str, str]:
    """Return the file without the block, and what is in the block."""
    found = _BLOCK.search(text)
    if len(_MARKS.findall(text)) != (2 if found else 0):
        raise PartsError(
            "the lines `# estafeta begins` and `# estafeta ends` are not one pair; mend them, or remove"
            " them with what lies between"
        )
    if found is None:
        return text, ""
    before, after = text[: found.start()], text[found.end() :]
    # A line that had no end is without one again, unless somebody has gone on behind our block.
    return (before.removesuffix("\n") if found["unended"] and not after else before) + after, found["ours"]


def _hooked(text: str) -> str:
    """Return master.cf with the override at pickup(8)."""
    changed, count = _PICKUP.subn(lambda line: line[0] + HOOK, text, count=1)
    if not count:
        raise PartsError("master.cf has no service pickup: `postsuper -r` and local mail need one")
    return changed
