"""A `.testcase` run against a sandbox; see `testcase` for the grammar.

What is not as expected is shown behind the transcript so far, line by line. Whatever a case says, no copy of
its messages may carry a control header or one of ours.
"""

import base64
import difflib
import json
import re
from typing import Any
from urllib.parse import unquote

from estafeta_core.addresses import mailbox_key
from estafeta_core.tokens import Kind, Token
from estafeta_testing import testcase
from estafeta_testing.outbox import Copy
from estafeta_testing.relay import Relay, wait
from estafeta_testing.smtp import Connection, stuffed
from estafeta_testing.testcase import Case, FieldIs, HasCopy, Reply, Say, Send

_PLACEHOLDER = re.compile(r"\{\{(\w+)(?: (.*?))?\}\}")
_QUEUED = re.compile(r"(?<= queued as )(\w+)$")
_RAW = re.compile("[\udc80-\udcff]+")
_INTERNAL = re.compile(r"x-(?:msys-api|teenvio-.*|estafeta-.*)", re.IGNORECASE)


class MismatchError(AssertionError):
    """What came is not what the case expects."""


def run(relay: Relay, case: Case) -> str:
    """Play the case and check every expectation; return what is not as expected, "" if all is."""
    with relay.raw(case.listener) as connection:
        session = _Session(relay, connection)
        try:
            if case.login:
                relay.log_in(
                    connection, case.login, username=case.username, listener=case.listener, tls=case.tls
                )
            for step in case.steps:
                session.play(step)
        except (AssertionError, OSError) as error:
            what = str(error) if isinstance(error, AssertionError) else repr(error)
            return "\n".join([*connection.transcript, "", what])
    return ""


class _Session:
    def __init__(self, relay: Relay, connection: Connection) -> None:
        self._relay = relay
        self._connection = connection
        self._queue_id = ""
        self._line = ""

    def play(self, step: testcase.Step) -> None:
        match step:
            case testcase.Say():
                self._say(step)
            case Send():
                self._send(step)
            case Reply():
                self._reply(step)
            case testcase.Closed():
                self._closed()
            case HasCopy():
                self._has_copy(step)
            case testcase.NoCopy(recipient):
                if any(copy.delivered_to == recipient for copy in self._copies()):
                    raise MismatchError(f"{recipient} got a copy")
            case testcase.Events(recipient, types):
                self._events(recipient, types)
            case testcase.EventIs():
                self._event_is(step)

    def _expanded(self, line: str) -> bytes:
        """Return what is sent for a line, without its end."""
        pieces = _PLACEHOLDER.split(line)
        out = [pieces[0].encode()]
        for name, argument, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            out += (self._value(name, argument or ""), text.encode())
        return b"".join(out)

    def _value(self, name: str, argument: str) -> bytes:
        words = argument.split(" ")
        match name:
            case "base64":
                return base64.b64encode(argument.encode())
            case "hex":
                return bytes.fromhex(argument)
            case "repeat":
                return words[1].encode() * int(words[0])
            case "key" | "key64":
                key = self._relay.credential(argument).password.encode()
                return key if name == "key" else base64.b64encode(key)
            case "plain":
                key = self._relay.credential(words[1]).password.encode()
                return base64.b64encode(b"\0" + words[0].encode() + b"\0" + key)
        raise MismatchError(f"{{{{{name}}}}} is no placeholder for what is sent")

    def _say(self, step: Say) -> None:
        self._line = step.line
        self._connection.transcript.append(f"C: {step.line}")
        self._connection.send(self._expanded(step.line) + step.end)

    def _send(self, step: Send) -> None:
        reply = self._connection.envelope(step.sender, step.recipients)
        if not reply.startswith("354"):
            raise MismatchError(f"the envelope was refused: {reply}")
        self._connection.transcript += [f"| {line}" for line in step.lines]
        self._connection.send(stuffed(b"".join(self._expanded(line) + b"\r\n" for line in step.lines)))

    def _reply(self, expected: Reply) -> None:
        reply = self._connection.reply()
        if queued := _QUEUED.search(reply):
            self._queue_id = queued[1]
        found = _QUEUED.sub("{{queue_id}}", reply)
        if expected.regex:
            if not re.search(expected.lines[0], found, re.MULTILINE):
                raise _differs("reply", [f"S~ {expected.lines[0]}"], found.split("\n"))
        elif found.split("\n") != expected.lines:
            raise _differs("reply", expected.lines, found.split("\n"))
        if self._line == "STARTTLS" and reply.startswith("220"):
            self._connection.start_tls(self._relay.tls)
        self._line = ""

    def _closed(self) -> None:
        try:
            reply = self._connection.reply()
        except ConnectionError:
            return
        raise MismatchError(f"the connection is open; the server said {reply}")

    def _copies(self) -> list[Copy]:
        if not self._queue_id:
            raise MismatchError("no message was accepted")
        copies = self._relay.copies(self._queue_id)
        for copy in copies:
            leaked = [name for name, _ in copy.headers if _INTERNAL.fullmatch(name.strip())]
            if leaked:
                raise MismatchError(f"the copy for {copy.delivered_to} shows {leaked}")
        return copies

    def _has_copy(self, expected: HasCopy) -> None:
        copies = [copy for copy in self._copies() if copy.delivered_to == expected.recipient]
        if len(copies) != 1:
            raise MismatchError(f"{expected.recipient} got {len(copies)} copies")
        found = self._relay.found(self._queue_id)
        key = mailbox_key(expected.recipient)
        message_id = next(message.message_id for message in found.messages if message.rcpt_to == key)
        reading = _Reading(self._relay, copies[0], message_id, found.transmission.transmission_id)
        for wanted in expected.fields:
            self._field_is(reading, wanted)
        for content in expected.contents:
            raw = copies[0].content(content.type)
            if raw is None:
                raise MismatchError(f"the copy for {expected.recipient} has no {content.type or 'body'}")
            lines = reading.text(raw).removesuffix("\r\n").split("\r\n")
            if lines != content.lines:
                what = f"{content.type or 'body'} of the copy for {expected.recipient}"
                raise _differs(what, content.lines, lines)

    def _field_is(self, reading: "_Reading", wanted: FieldIs) -> None:
        values = reading.values(wanted.name)
        times = 0 if wanted.how == "absent" else 1
        if len(values) != times:
            raise MismatchError(f"{wanted.name} is there {len(values)} times: {values}")
        if wanted.how == "=" and values != [wanted.value]:
            raise _differs(wanted.name, [wanted.value], values)
        if wanted.how == "~" and not re.search(wanted.value, values[0]):
            raise _differs(wanted.name, [f"~ {wanted.value}"], values)

    def _events(self, recipient: str, types: tuple[str, ...]) -> None:
        def look() -> list[str]:
            return sorted(event["type"] for event in self._events_of(recipient))

        wait(look, sorted(types), f"events of {recipient}")

    def _events_of(self, recipient: str) -> list[dict[str, Any]]:
        return [
            event for event in self._relay.events(self._queue_id) if event.get("raw_rcpt_to") == recipient
        ]

    def _event_is(self, expected: testcase.EventIs) -> None:
        found = [
            event.get(expected.field)
            for event in self._events_of(expected.recipient)
            if event["type"] == expected.type
        ]
        if found != [json.loads(expected.value)]:
            raise _differs(
                f"{expected.field} of {expected.type}",
                [expected.value],
                [json.dumps(value, ensure_ascii=False) for value in found],
            )


def _differs(what: str, expected: list[str], found: list[str]) -> MismatchError:
    diff = difflib.unified_diff(expected, found, "expected", "found", lineterm="", n=1000)
    return MismatchError("\n".join([f"{what}:", *diff]))


class _Reading:
    """A copy as text, with a placeholder for everything that carries a token of this copy."""

    def __init__(self, relay: Relay, copy: Copy, message_id: int, transmission_id: int) -> None:
        self._links = relay.links
        self._copy = copy
        self._prefixes = {(False, message_id): "", (True, transmission_id): "shared_"}
        self._transmission_id = transmission_id
        base = re.escape(relay.web)
        self._url = re.compile(rf"{base}/[couw]/([A-Za-z0-9_-]+)(?:\.gif)?")
        self._hosted = re.compile(rf"{base}/[fi]/([A-Za-z0-9_-]+)(?:/([A-Za-z0-9_.~%-]*))?")
        self._icon = re.compile(rf"{base}/icons/([a-z0-9]+)\.png")
        self._mailto = re.compile(r"unsubscribe@[a-z.]+\?subject=(unsubscribe:[A-Za-z0-9_-]+)")
        self._verp = re.compile(r"b\+[a-z2-7]+@([a-z.]+)")

    def values(self, name: str) -> list[str]:
        if name.lower() == "return-path":
            return [self._verp.sub(self._written_verp, self._copy.return_path)]
        values = self._copy.values(name)
        if name.lower() == "x-msfbl":
            return [self._written_msfbl(value) for value in values]
        return [self._placeholders(value) for value in values]

    def text(self, raw: bytes) -> str:
        return self._placeholders(raw.decode("utf-8", "surrogateescape"))

    def _placeholders(self, text: str) -> str:
        text = self._hosted.sub(self._written_hosted, self._url.sub(self._written_url, text))
        text = self._mailto.sub(self._written_mailto, self._icon.sub(r"{{icon \1}}", text))
        return _RAW.sub(lambda match: f"{{{{hex {_hex(match[0])}}}}}", text)

    def _written(self, what: str, token: Token | None, found: str) -> str:
        """Return the placeholder for a token of this copy, and what was found for any other."""
        prefix = self._prefixes.get((token.shared, token.id)) if token else None
        return found if prefix is None else f"{{{{{prefix}{what}}}}}"

    def _written_url(self, match: re.Match[str]) -> str:
        token = self._links.read(match[1])
        if token is None:
            return match[0]
        target = f" {token.target.decode('utf-8', 'surrogateescape')}" if token.target else ""
        return self._written(token.kind.name.lower() + target, token, match[0])

    def _written_hosted(self, match: re.Match[str]) -> str:
        """Return the placeholder of what the copies of a transmission share; the name must be the token's."""
        token, name = self._links.read(match[1]), unquote(match[2] or "")
        if token is None or token.id != self._transmission_id or token.name != name:
            return match[0]
        return f"{{{{file {name}}}}}" if token.kind is Kind.FILE else "{{image}}"

    def _written_mailto(self, match: re.Match[str]) -> str:
        return self._written("mailto", self._links.read_unsubscribe_subject(match[1]), match[0])

    def _written_verp(self, match: re.Match[str]) -> str:
        return self._written(f"verp {match[1]}", self._links.read_bounce_address(match[0]), match[0])

    def _written_msfbl(self, value: str) -> str:
        feedback = self._links.read_msfbl(value)
        if feedback is None or feedback.rcpt_to not in ("", self._copy.delivered_to):
            return value
        token = Token(Kind.BOUNCE, feedback.message_id, shared=not feedback.rcpt_to)
        return self._written("msfbl", token, value)


def _hex(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").hex(" ").upper()
