"""The table of targets: what reads bytes of strangers, and what must hold whatever they are.

A target's `check` takes one input and raises when the promise is broken; an error that the parser's own page
promises to its caller is no breach. Time is this thread's own CPU time, so a loaded machine breaks nothing.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from estafeta_core import addresses, rfc2047, secrets
from estafeta_core.config.accounts import Account, Limits
from estafeta_core.config.accounts import Credential as Settings
from estafeta_core.config.schema import Config, Listener
from estafeta_core.dialects import DIALECTS
from estafeta_core.directory import Directory
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal
from estafeta_core.tickets import Ticket
from estafeta_core.tokens import Kind, Signer, Token
from estafeta_fuzz import seeds
from estafeta_milter import reply
from estafeta_milter.html import cids, inliner, meta, rewrite
from estafeta_milter.html.anchor import Anchor
from estafeta_milter.message import transfer
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Unscannable, walk
from estafeta_policy.judge import Connections, Judge, UndecidableError
from estafeta_policy.limits import Counters
from estafeta_policy.wire import ProtocolError, delegation, dovecot_auth
from estafeta_postfix.mail_intake import automatic, complaint, delivery_status, odd
from estafeta_postfix.mail_intake.mail import opened
from estafeta_testing.corpora import received

SLACK = 0.25  # seconds that an input of any size may take: a pause of the garbage collector, a first import
CHARSETS = ("utf-8", "us-ascii", "iso-8859-1", "windows-1251", "shift_jis", "gb18030", "iso-2022-jp", "")


class BrokenError(AssertionError):
    """A promise was not kept; the text says which."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser."""

    name: str
    promise: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    ms_per_kb: float = 5.0
    """Milliseconds of CPU for each KB of an input."""

    def run(self, data: bytes, slower: float = 1.0) -> None:
        """Try one input; `slower` is by how much this interpreter is slowed down."""
        began = time.thread_time()
        self.check(data)
        took = time.thread_time() - began
        allowed = slower * (SLACK + self.ms_per_kb * len(data) / 1024 / 1000)
        _hold(took <= allowed, f"took {took:.2f} s for {len(data)} bytes, {allowed:.2f} are allowed")


def _hold(condition: object, promise: str) -> None:
    if not condition:
        raise BrokenError(promise)


# MIME


def _mime(data: bytes) -> None:
    headers, body = received(data)
    message = Message("a@acme.example", ("b@example.net",), headers, body)
    root = message.structure
    _hold(message.rendered() is message, "a message without changes is itself")
    if isinstance(root, Unscannable):
        return
    for part in walk(root):
        _hold(part.start <= part.end <= len(body), "a part lies in the body")
        content = message.decoded(part)
        if content is not None and not part.children:
            again = transfer.decode(part.transfer_encoding, transfer.encode(part.transfer_encoding, content))
            _hold(again is None or again.rstrip() == content.rstrip(), "encoding keeps the content")
    for part in message.bodies()[:3]:  # each is a message of its own to take apart again
        content = message.decoded(part)
        _hold(content is not None, "what may be rewritten can be read")
        _replaced(message, part.path, (content or b"") + b" changed")


def _replaced(message: Message, path: str, content: bytes) -> None:
    """Change one part: all others stay what they were, byte for byte."""
    part = next(each for each in message.bodies() if each.path == path)
    changed = message.replace_text(part, content).rendered()
    before, after = message.body, changed.body
    block = before[: part.header_start], before[part.end :]
    _hold(after.startswith(block[0]), "what stands before a changed part stays")
    _hold(after.endswith(block[1]), "what stands behind a changed part stays")
    root = changed.structure
    if isinstance(root, Unscannable):
        raise BrokenError("a changed message can still be taken apart")
    found = next((each for each in walk(root) if each.path == path), None)
    _hold(found is not None and found.content_type == part.content_type, "a changed part is where it was")
    if found is not None:
        said = changed.decoded(found)
        _hold(said is not None and said.split() == content.split(), "a changed part says what it was given")


# HTML


def _html(data: bytes) -> None:
    charset, markup = CHARSETS[data[0] % len(CHARSETS) if data else 0], data[1:]
    _hold(rewrite.track(markup, charset, None) == markup, "without a target nothing changes")
    _hold(rewrite.track(markup, charset, lambda _: None) == markup, "links without an answer stay")
    inserted = rewrite.insert(markup, charset, "@TOP@", "@END@")
    without = inserted.replace(b"@TOP@", b"", 1).replace(b"@END@", b"", 1)
    _hold(without == markup or b"@" in markup, "insertions only insert")
    seen: list[str] = []

    def target(anchor: Anchor) -> str:
        seen.append(anchor.url)
        return "https://t.example/"

    tracked = rewrite.track(markup, charset, target)
    _hold(seen or tracked == markup, "markup without links stays")
    _hold(all(re.match(r"(?i)https?:", url) for url in seen), "only http and https are tracked")
    answered = cids.redirect(markup, charset, lambda _: None)
    _hold(answered == markup, "references without an answer stay")
    cids.redirect(markup, charset, lambda _: "https://t.example/i")
    if rewrite.is_editable(markup, charset):
        meta.declare(markup, "utf-8")
    try:
        styled = inliner.examine(markup, charset, inliner.Budget())
    except inliner.CannotInlineError:
        return
    if styled is not None:
        inliner.inline(styled)


# Control headers


@cache
def _account(dialect: str) -> Directory:
    credentials = {"main": Settings(key=secrets.hash_key("k" * 48), limits=Limits(per_day=1_000_000))}
    return Directory([Account(account="acme", dialect=dialect, credentials=credentials)])


def _control(data: bytes) -> None:
    headers, _ = received(data + b"\n\n")
    for name, dialect in DIALECTS.items():
        credential = _account(name).credentials()[0]
        found = dialect.options(headers, credential)
        _hold(isinstance(found, Options | Refusal), "options or a refusal")
        if isinstance(found, Refusal):
            _hold(found.code >= 500, f"{name}: no content is put off: {found}")
            _wire_safe(found)


def _wire_safe(refusal: Refusal) -> None:
    code, _, text = reply.reply(refusal)
    _hold(re.fullmatch(r"[\x20-\x7e]*", text) and code.isdecimal(), "a refusal is one line on the wire")
    line = delegation.refuse(refusal)
    _hold(
        re.fullmatch(rb"action=[^\n]*\n\n", line) and len(line) <= delegation.MAX_REPLY, "and one for smtpd"
    )
    line.decode()


def _words(data: bytes) -> None:
    """RFC 2047 and addresses, which all dialects lean on."""
    rfc2047.decode(data)
    text = data.decode("utf-8", "replace")
    rfc2047.lenient(text)
    addresses.domain_of(text)


# Tokens

_SIGNER = Signer([b"k" * 32, b"l" * 32])


def _token(data: bytes) -> None:
    text = data.decode("latin-1")
    for read, sign in ((_SIGNER.read, _signed), (_SIGNER.read_address, _signed_address)):
        token = read(text)
        _hold(
            token is None or sign(token) == text or sign(token) == text.lower(),
            "only what was signed is read",
        )
    target, id_ = data[:500], int.from_bytes(data[:8].ljust(8, b"\0"), "big")
    try:
        written = _SIGNER.sign(Kind.CLICK, id_, target=target, name=data[:20])
    except ValueError:
        return
    token = _SIGNER.read(written)
    _hold(token is not None and (token.id, token.target) == (id_, target), "what was signed is read again")
    changed = bytearray(written.encode())
    changed[len(data) % len(changed)] ^= 1
    _hold(_SIGNER.read(changed.decode("latin-1")) is None, "one bit more or less is no token")


def _signed(token: Token) -> str:
    return _SIGNER.sign(
        token.kind, token.id, shared=token.shared, target=token.target, name=token.name.encode()
    )


def _signed_address(token: Token) -> str:
    return _SIGNER.sign_address(token.kind, token.id, shared=token.shared)


# Dovecot's auth protocol


def _auth(data: bytes) -> None:
    whole, pieces = _conversation([data]), _conversation(_cut(data))
    _hold(whole == pieces, "it does not matter how a stream is cut")


def _conversation(chunks: list[bytes]) -> tuple[bytes, list[dovecot_auth.Attempt], bool]:
    """Return what is answered, the attempts, and whether the peer broke the grammar."""
    server = dovecot_auth.Server(1, 1, "c" * 32, lambda _service, _mechanism: True)
    answered = server.data_to_send()
    attempts: list[dovecot_auth.Attempt] = []
    try:
        for chunk in chunks:
            attempts += server.feed(chunk)
            answered += server.data_to_send()
    except ProtocolError:
        return b"", [], True
    for attempt in attempts:
        server.refuse(attempt, attempt.credentials.secret, attempt.credentials.username)
    answered += server.data_to_send()
    for line in answered.split(b"\n")[:-1]:
        _hold(re.fullmatch(rb"[A-Z]+(\t[^\t\n\r\0]*)*", line), "an answer is fields and no more")
    return answered, attempts, False


def _cut(data: bytes) -> list[bytes]:
    size = 1 + (data[0] % 16 if data else 0)
    head, rest = data[:4096], data[4096:]
    return [*(head[start : start + size] for start in range(0, len(head), size)), rest]


# Policy delegation

_CONFIG = Config(
    hostname="mx.example.com",
    base_url="https://click.example.com",
    bounce_domain="bounce.example.com",
    signing_keys=(Path("link.key"),),
    listeners={"submission": Listener(dialects=("sparkpost",), port=587)},
)


def _policy(data: bytes) -> None:
    try:
        requests = delegation.Parser().feed(data)
    except ProtocolError:
        return
    parser, cut = delegation.Parser(), []
    for piece in _cut(data):
        cut += parser.feed(piece)
    _hold(cut == requests, "it does not matter how a stream is cut")
    accounts, now = _account("sparkpost"), datetime(2026, 1, 1, tzinfo=UTC)
    judge = Judge(_CONFIG, accounts, Counters(), Connections(), lambda: now)
    for request in requests:
        try:
            decision = judge.decide(request, 0.0)
        except UndecidableError:
            continue
        _hold(decision is None or isinstance(decision, Refusal | Ticket), "a decision")
        if isinstance(decision, Refusal):
            _wire_safe(decision)


def _requests() -> Iterator[bytes]:
    for state, more in (("RCPT", ""), ("END-OF-MESSAGE", "recipient_count=9\nrecipients_counted=2\n")):
        yield (
            f"request=smtpd_access_policy\nprotocol_state={state}\nclient_address=192.0.2.1\nclient_port=4000\n"
            "sender=news@acme.example\nrecipient=r@example.net\nsasl_username=acme/main\ninstance=1.0\n"
            f"queue_id=4Xq\npolicy_context=submission\nencryption_protocol=TLSv1.3\n{more}\n"
        ).encode()


def _logins() -> Iterator[bytes]:
    hello = b"VERSION\t1\t2\nCPID\t42\n"
    yield hello + b"AUTH\t1\tPLAIN\tservice=submission\tnologin\trip=192.0.2.1\tsecured\tresp=AGEAYg==\n"
    yield (
        hello + b"AUTH\t7\tLOGIN\tservice=submission\trip=2001:db8::1\nCONT\t7\tdXNlcg==\nCONT\t7\tcGFzcw==\n"
    )
    yield hello + b"AUTH\t1\tLOGIN\tservice=a\x01tb\nCANCEL\t1\nCONT\t1\tYQ==\n"


def _tokens() -> Iterator[bytes]:
    for kind in Kind:
        yield _SIGNER.sign_address(kind, 77).encode()
        yield _SIGNER.sign(kind, 2**63, shared=True).encode()
    yield b"https://x.example/?a=1"


# Mail that comes back


def _report(data: bytes) -> None:
    mail = opened("", "b@bounce.example.com", data)
    for read in (delivery_status.read, complaint.read, odd.read, automatic.is_answer):
        read(mail)


def _html_seeds() -> Iterator[bytes]:
    for markup in seeds.markups():
        yield b"\0" + markup


TARGETS = {
    target.name: target
    for target in (
        Target("mime", "untouched bytes stay, and a changed part says its text", _mime, seeds.messages, 20),
        Target("html", "edits are where they are said to be, and nowhere else", _html, _html_seeds, 40),
        Target("control", "options, or a refusal for good, in one line", _control, seeds.control_headers, 20),
        Target("words", "encoded words and addresses never raise", _words, seeds.control_headers),
        Target("token", "what was signed is read, and nothing else", _token, _tokens),
        Target("auth", "a stream may be cut anywhere; answers are fields", _auth, _logins, 20),
        Target("policy", "a stream may be cut anywhere; it is decided", _policy, _requests, 20),
        Target("report", "mail that comes back is read, whatever it is", _report, seeds.messages, 20),
    )
}
