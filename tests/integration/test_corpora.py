"""Every message of the corpora through real Postfix, tracked and untracked; JSON of every kind as well."""

import email
import email.message
import html
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_testing import corpora
from estafeta_testing.corpora import FOLDER
from estafeta_testing.outbox import Copy
from estafeta_testing.relay import SENDER, Relay
from estafeta_testing.smtp import Connection, queue_id

SLOWEST = 2.0  # seconds for the reply to a final dot
MESSAGES_PER_SESSION = 100  # as SparkPost's clients are told to
LINE_LIMIT = 998  # smtp(8) breaks longer lines, whoever wrote them

# Fields that a message of somebody else must lose before this account may send it.
_FOREIGN = re.compile(
    rb"^(?:from|sender|x-msys-api)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE
)
_PIXEL = re.compile(r'<img border="0" width="1" height="1" alt="" src="[^"]*">')
_TRACKED = '{"options": {"open_tracking": true, "click_tracking": true, "transactional": true}}'
_UNTRACKED = '{"options": {"transactional": true}}'


def content(path: Path, header: str) -> bytes:
    """Return a message of the corpora as one of this account, with CRLF line ends."""
    raw = path.read_bytes().replace(b"\r\n", b"\n")
    if raw.startswith(b"From "):  # an mbox's own line
        raw = raw.partition(b"\n")[2]
    head, gap, body = raw.partition(b"\n\n")
    # One message begins with the end of a field: it belongs to no field that matters.
    own = f"From: {SENDER}\nX-MSYS-API: {header}\nX-Ahead: of the message\n".encode()
    return (own + _FOREIGN.sub(b"", head + b"\n") + (gap[1:] + body)).replace(b"\n", b"\r\n")


def as_postfix_delivers(body: bytes) -> bytes:
    """Return a body as bare Postfix delivers it: lines over 998 bytes go on behind CRLF and a space."""
    body = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    return b"\r\n".join(map(_broken, body.split(b"\r\n")))


def _broken(line: bytes) -> bytes:
    pieces = [line[:LINE_LIMIT]]
    rest = line[LINE_LIMIT:]
    while rest:
        pieces.append(b" " + rest[: LINE_LIMIT - 1])
        rest = rest[LINE_LIMIT - 1 :]
    return b"\r\n".join(pieces)


@pytest.fixture(scope="module")
def sent(relay: Relay) -> dict[tuple[Path, str], Copy]:
    """What came of every message, tracked and not; and none was refused or slow."""
    wanted = [(path, header) for header in (_UNTRACKED, _TRACKED) for path in corpora.messages()]
    faults: list[str] = []
    ids: dict[tuple[Path, str], str] = {}
    for start in range(0, len(wanted), MESSAGES_PER_SESSION):
        with relay.session() as client:
            for key in wanted[start : start + MESSAGES_PER_SESSION]:
                reply, seconds = _timed(client, content(*key))
                if not reply.startswith("250") or seconds > SLOWEST:
                    faults.append(f"{key[0].name}: {seconds:.1f} s, {reply}")
                else:
                    ids[key] = queue_id(reply)
    assert faults == []
    return {key: relay.copy(id_) for key, id_ in ids.items()}


def _timed(client: Connection, raw: bytes) -> tuple[str, float]:
    started = time.monotonic()
    reply = client.message(SENDER, ["alice@example.net"], raw)
    return reply, time.monotonic() - started


@pytest.mark.parametrize("path", corpora.parameters(corpora.messages()))
def test_an_untracked_body_is_what_bare_postfix_delivers(
    sent: dict[tuple[Path, str], Copy], path: Path
) -> None:
    copy = sent[path, _UNTRACKED]
    _headers, body = corpora.received(content(path, _UNTRACKED))
    assert copy.body == as_postfix_delivers(body)


@pytest.mark.parametrize("path", corpora.parameters(corpora.messages()))
def test_every_field_of_the_client_is_delivered_as_it_was(
    sent: dict[tuple[Path, str], Copy], path: Path
) -> None:
    headers, _body = corpora.received(content(path, _UNTRACKED))
    came = [(name.lower(), b"".join(value.split())) for name, value in sent[path, _UNTRACKED].headers]
    # The last four are Postfix's own message_drop_headers.
    dropped = {"x-msys-api", "x-msfbl", "bcc", "content-length", "resent-bcc", "return-path"}
    for header in headers:
        if header.key not in dropped:
            assert (header.name.lower(), b"".join(header.value.split())) in came


@pytest.mark.parametrize("path", corpora.parameters(corpora.messages()))
def test_tracking_changes_nothing_but_links_and_pixels(
    relay: Relay, sent: dict[tuple[Path, str], Copy], path: Path
) -> None:
    plain = email.message_from_bytes(sent[path, _UNTRACKED].message)
    tracked = email.message_from_bytes(sent[path, _TRACKED].message)
    before, after = list(leaves(plain)), list(leaves(tracked))
    assert [part.get_content_type() for part in after] == [part.get_content_type() for part in before]
    for was, now in zip(before, after, strict=True):
        assert untracked(relay, text_of(now)) == untracked(relay, text_of(was))


def test_much_of_the_corpora_is_tracked(sent: dict[tuple[Path, str], Copy]) -> None:
    """Or else the test above would have compared nothing."""
    if not sent:
        pytest.skip(f"no corpora in {FOLDER}")
    tracked = [path for path, header in sent if header == _TRACKED]
    changed = [path for path in tracked if sent[path, _TRACKED].body != sent[path, _UNTRACKED].body]
    assert len(changed) > len(tracked) // 5


def leaves(message: email.message.Message) -> Iterator[email.message.Message]:
    return (part for part in message.walk() if not part.is_multipart())


def text_of(part: email.message.Message) -> str:
    """Return the content of a part, each byte as one sign."""
    payload = part.get_payload(decode=True)
    return payload.decode("latin-1") if isinstance(payload, bytes) else ""


def untracked(relay: Relay, text: str) -> str:
    """Return a text with pixels gone, targets in the place of their links, and no quotes and white space.

    A link that had no quotes gets them, and what surrounds a URL inside its quotes goes.
    """

    def target(match: re.Match[str]) -> str:
        token = relay.links.read(match[1])
        assert token is not None, match[0]
        return token.target.decode("latin-1")

    text = re.sub(rf"{relay.web}/[cu]/([\w-]+)", target, _PIXEL.sub("", text))
    return re.sub(r"""["'\s]+""", "", html.unescape(html.unescape(text)))


def vectors(kind: str) -> list[Path]:
    """Return ten files of JSONTestSuite that can stand in a header line, spread over all of a kind."""
    found = [
        path
        for path in sorted((FOLDER / "json-test-suite" / "parsing").rglob(f"{kind}_*.json"))
        if not set(b"\r\n\0") & set(path.read_bytes()) and path.stat().st_size < 10_000
    ]
    return found[:: max(1, len(found) // 10)][:10]


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        pytest.param(*parameter.values, verdict, marks=parameter.marks, id=str(parameter.id))
        for kind, verdict in (("y", "250 "), ("n", "550 5.6.0 "), ("i", "(250|550) "))
        for parameter in corpora.parameters(vectors(kind))
    ],
)
def test_json_is_judged_as_its_test_suite_says(relay: Relay, path: Path, verdict: str) -> None:
    head = f'From: {SENDER}\r\nX-MSYS-API: {{"metadata": {{"value": '.encode() + path.read_bytes() + b"}}\r\n"
    with relay.session() as client:
        reply = client.message(SENDER, ["alice@example.net"], head + b"\r\nHello.\r\n")
    assert re.match(verdict, reply), reply
    if reply.startswith("250"):
        assert relay.copy(queue_id(reply)).values("X-MSYS-API") == []
