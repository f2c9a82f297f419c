r"""One `.testcase` file: an SMTP session with its expected replies, and what its recipients must get.

Line by line; the first sign or word tells what a line is:

    # text                      a comment; the first ones say what the case shows
    listener: NAME              which listener (sparkpost-587 unless told otherwise)
    login: CREDENTIAL [as USER] greet, EHLO and log in before the first step; without it the file says every
                                line itself, from reading the greeting on
    tls: yes                    STARTTLS before the login; without it only where the listener insists

    C: LINE                     the client sends the line; after a 220 to STARTTLS it shakes hands
    L: LINE                     the same with LF alone at its end
    S: LINE                     the server's next reply is this; several lines where it has several
    S~ REGEX                    the server's next reply, its lines joined by LF, holds a match of this
    closed                      the server has closed the connection
    send SENDER -> RCPT, RCPT   MAIL, RCPT and DATA, each of which must be taken (`<>` is the null sender);
    | LINE                      the message follows, and the next S: is the reply to its final dot

    copy RCPT                   RCPT got the message accepted last, and these lines tell what it looks like:
    NAME = VALUE                the field is there once, and says this when unfolded
    NAME ~ REGEX                the field is there once, and a match of this is in it
    NAME absent                 the field is not there
    NAME present                the field is there once
    body                        the body is, to the byte, the lines that follow
    | LINE
    content TYPE/SUBTYPE        the one part of this type is, once decoded, the lines that follow
    | LINE
    no copy RCPT                RCPT got nothing
    events RCPT: TYPE, TYPE     exactly these events are recorded about the recipient
    event RCPT TYPE NAME = JSON the event of that type says this

What is sent may hold {{base64 TEXT}}, {{key CREDENTIAL}}, {{key64 CREDENTIAL}}, {{plain USER CREDENTIAL}}
(the response of AUTH PLAIN), {{hex E9 0A}} (bytes) and {{repeat N TEXT}}.

What is expected may hold {{queue_id}}, and in copies {{click URL}}, {{amp_click URL}}, {{open}},
{{initial_open}}, {{list_unsubscribe}}, {{link_unsubscribe URL}}, {{mailto}}, {{verp DOMAIN}}, {{msfbl}}, for
what carries a token of this very recipient's copy and leads exactly there, with `shared_` before the word
where all recipients of the transmission share it; {{web_version}} is always personal, {{file NAME}} and
{{image}} are always shared. {{icon NETWORK}} is the picture of a social network, and {{hex E9}} stands for
bytes that are not UTF-8.

Raises SyntaxError with file and line.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_FIELD = re.compile(r"([!-9;-~]+) (?:(=|~) (.*)|(absent|present))")
_LOGIN = re.compile(r"(\S+)(?: as (\S+))?")
_SETTINGS = ("listener", "login", "tls")


@dataclass(frozen=True, slots=True)
class Say:
    """A line of the client."""

    line: str
    end: bytes = b"\r\n"


@dataclass(frozen=True, slots=True)
class Send:
    """A message; `lines` without line ends."""

    sender: str
    recipients: tuple[str, ...]
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the server: the whole of it, or a regular expression."""

    lines: list[str]
    regex: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """The end of the connection."""


@dataclass(frozen=True, slots=True)
class FieldIs:
    """What a field of a copy must be: `how` is =, ~, absent or present."""

    name: str
    how: str
    value: str


@dataclass(frozen=True, slots=True)
class ContentIs:
    """What the one part of a type must be once decoded; "" is the whole body, as it stands."""

    type: str
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HasCopy:
    """A copy and what it looks like."""

    recipient: str
    fields: list[FieldIs] = field(default_factory=list)
    contents: list[ContentIs] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NoCopy:
    """A recipient who got nothing."""

    recipient: str


@dataclass(frozen=True, slots=True)
class Events:
    """The types of all events about a recipient."""

    recipient: str
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventIs:
    """What a field of an event must be; `value` is JSON."""

    recipient: str
    type: str
    field: str
    value: str


Step = Say | Send | Reply | Closed | HasCopy | NoCopy | Events | EventIs


@dataclass(frozen=True, slots=True)
class Case:
    """A whole file."""

    listener: str = "sparkpost-587"
    login: str = ""
    username: str | None = None
    tls: bool = False
    steps: list[Step] = field(default_factory=list)


def read(path: Path) -> Case:
    """Return the case in a file."""
    settings: dict[str, str] = {}
    steps: list[Step] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        name, colon, value = line.partition(":")
        try:
            if colon and name in _SETTINGS and not steps:
                settings[name] = value.strip()
            elif line and not line.startswith("#"):
                steps += _step(line, steps[-1] if steps else None)
        except ValueError:
            raise SyntaxError("not a line of a testcase", (str(path), number, 1, line)) from None
    login = _LOGIN.fullmatch(settings.get("login", ""))
    return Case(
        listener=settings.get("listener", "sparkpost-587"),
        login=login[1] if login else "",
        username=login[2] if login else None,
        tls=settings.get("tls") == "yes",
        steps=steps,
    )


_BEGINNINGS: tuple[tuple[str, Callable[[re.Match[str]], Step]], ...] = (
    (r"C:(?: (.*))?", lambda found: Say(found[1] or "")),
    (r"L:(?: (.*))?", lambda found: Say(found[1] or "", b"\n")),
    (r"S: (.*)", lambda found: Reply([found[1]])),
    (r"S~ (.*)", lambda found: Reply([found[1]], regex=True)),
    (r"closed", lambda _: Closed()),
    (r"send (\S+) -> (\S+(?:, \S+)*)", lambda found: Send(found[1].strip("<>"), tuple(found[2].split(", ")))),
    (r"copy (\S+)", lambda found: HasCopy(found[1])),
    (r"no copy (\S+)", lambda found: NoCopy(found[1])),
    (r"events (\S+): (\w+(?:, \w+)*)", lambda found: Events(found[1], tuple(found[2].split(", ")))),
    (r"event (\S+) (\w+) (\w+) = (.+)", lambda found: EventIs(*found.groups())),
)


def _step(line: str, last: Step | None) -> list[Step]:
    """Return the step that a line begins; none when it goes on with the `last` one. ValueError: neither."""
    if _goes_on(line, last):
        return []
    for pattern, make in _BEGINNINGS:
        if match := re.fullmatch(pattern, line):
            return [make(match)]
    raise ValueError(line)


def _goes_on(line: str, last: Step | None) -> bool:
    """Add a line to the step before it, if it belongs there."""
    match last:
        case Send(lines=lines) | HasCopy(contents=[*_, ContentIs(lines=lines)]) if _is_content(line):
            lines.append(line[2:])
        case Reply([*_, before] as lines) if before[3:4] == "-" and line.startswith("S: "):
            lines.append(line[3:])
        case HasCopy(fields=fields) if found := _FIELD.fullmatch(line):
            fields.append(FieldIs(found[1], found[2] or found[4], found[3] or ""))
        case HasCopy(contents=contents) if found := re.fullmatch(r"body|content (\S+)", line):
            contents.append(ContentIs(found[1] or ""))
        case _:
            return False
    return True


def _is_content(line: str) -> bool:
    return line == "|" or line.startswith("| ")
