"""An explanation for a person: the session, the decision, the copies.

Replies stand as they are sent, however long; other values are cut to `width` columns, and everything that
strangers wrote is made safe for a terminal.
"""

from collections.abc import Iterator, Sequence

from estafeta_core.headers import unfold
from estafeta_core.recipients import Recipient
from estafeta_postfix.cli.text import printable
from estafeta_postfix.explain import links
from estafeta_postfix.explain.changes import Change, compare
from estafeta_postfix.explain.copies import Letter, letter, on_envelope, representatives
from estafeta_postfix.explain.decision import Decision
from estafeta_postfix.explain.explanation import Explanation
from estafeta_postfix.explain.session import THE_MESSAGE, Going

NARROWEST = 40  # columns
MARK_WIDTH = 9  # the longest mark, and a space
LABEL_WIDTH = 18
CUT = "…"

TOLD = {
    "accepted": "accepted",
    "put off": "put off (4xx): the client may send the same again later",
    "refused": "refused for good (5xx): it must not be sent again as it is",
}


def page(explanation: Explanation, *, width: int, body: bool, every: bool) -> Iterator[str]:
    """Yield the lines of a page; `body` adds what copies leave with, `every` shows all of them in full."""
    fitting = _Width(max(width, NARROWEST))
    yield from _session(explanation)
    going, decided = explanation.held.going, explanation.decision
    if going is None or decided is None:
        return
    yield ""
    yield from map(fitting.cut, _decision(decided, explanation))
    yield from _copies(explanation, going, decided, fitting, body=body, every=every)


class _Width:
    """How wide lines may be."""

    def __init__(self, columns: int) -> None:
        self._columns = columns

    def cut(self, line: str) -> str:
        """Return `line` as wide as it may be."""
        return line if len(line) <= self._columns else line[: self._columns - len(CUT)] + CUT


def _session(explanation: Explanation) -> Iterator[str]:
    asked, arrived = explanation.asked, explanation.held.arrived
    secured = "under TLS" if asked.secured else "without TLS"
    yield f"{asked.identity} at {printable(asked.listener)}, from {asked.client_address} {secured}"
    yield ""
    for reply in explanation.held.replies:
        size = f"   (the message, {arrived.size} bytes)" if reply.command == THE_MESSAGE and arrived else ""
        yield f"  C: {printable(reply.command)}{size}"
        yield f"{'!' if reply.refused else ' '} S: {printable(reply.line)}"
    yield ""
    yield TOLD[explanation.outcome] + _nobody(explanation)
    if explanation.held.fault:
        yield f"  {printable(explanation.held.fault)}"


def _nobody(explanation: Explanation) -> str:
    if explanation.outcome != "accepted":
        return ""
    if explanation.decision is None:
        return ": no message, its recipients are kept as contacts"
    refused = sum(reply.refused for reply in explanation.held.replies)
    others = f"; {refused} of {len(explanation.asked.recipients)} recipients refused" if refused else ""
    return ("" if explanation.decision.recipients else ", and sent to nobody") + others


def _decision(decided: Decision, explanation: Explanation) -> Iterator[str]:
    for label, value in _rows(decided, explanation):
        yield f"  {label:{LABEL_WIDTH}}{printable(value)}"


def _rows(decided: Decision, explanation: Explanation) -> Iterator[tuple[str, str]]:
    options = decided.options
    yield "dialect", decided.dialect
    yield "from", decided.friendly_from
    if options.campaign_id:
        yield "campaign", options.campaign_id
    if options.tags:
        yield "tags", ", ".join(options.tags)
    yield "tracked", _tracked(decided)
    yield "transactional", _yes(options.transactional)
    if options.subaccount:
        yield "subaccount", f"{options.subaccount}, as the message asks"
    if options.inline_css:
        yield "inline CSS", "yes"
    if options.skip_suppression:
        yield "suppression", "skipped, as the message asks"
    yield "List-Unsubscribe", "added" if decided.list_unsubscribe else "none of ours"
    yield "pool", decided.ip_pool or "none: Postfix's own way out"
    signatures = (f"{each.domain}, key {each.key}, selector {each.selector}" for each in decided.dkim)
    yield "DKIM", "; ".join(signatures) or "not signed"
    yield "return path", f"ours at {decided.return_path}" if decided.return_path else "MAIL FROM as it came"
    if decided.files or decided.images:
        yield "hosted", f"{decided.files} files and {decided.images} images leave the message"
    yield from (("limit", limit) for limit in decided.limits)
    if not explanation.store_is_there:
        yield "suppression", "there is no store yet: nobody is known to be suppressed"
    yield from (
        ("not sent to", f"{each.recipient.address}{_kind(each.recipient)}: {each.why}")
        for each in decided.unsent
    )
    yield from (("warning", warning) for warning in decided.warnings)
    yield "copies", _split(decided)
    yield from (("", f"because {reason}") for reason in decided.reasons)


def _tracked(decided: Decision) -> str:
    options = decided.options
    opens = "opens (two pixels)" if options.initial_open_pixel else "opens"
    where = {"": "clicks", "html": "clicks in HTML", "text": "clicks in plain text"}
    asked = ((opens, options.open_tracking), (where[options.click_tracking_in], options.click_tracking))
    found = [word for word, tracked in asked if tracked]
    return " and ".join(found) or "no"


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _split(decided: Decision) -> str:
    count = len(decided.recipients)
    if decided.copies_differ:
        return f"differ: one queue file, and {count} copies by Postfix's split"
    if not count:
        return "none"
    return (
        "one queue file for one recipient" if count == 1 else f"alike: one queue file for {count} recipients"
    )


def _kind(recipient: Recipient) -> str:
    return f" ({recipient.kind})" if recipient.kind else ""


def _copies(
    explanation: Explanation, going: Going, decided: Decision, fitting: _Width, *, body: bool, every: bool
) -> Iterator[str]:
    shown: Sequence[Recipient] = decided.recipients if every else representatives(decided.recipients)
    for recipient in shown:
        yield ""
        yield from _copy(letter(going, recipient), explanation, going, fitting, body=body)
    rest = [recipient for recipient in decided.recipients if recipient not in shown]
    if not rest:
        return
    yield ""
    yield f"{len(rest)} more {'copy' if len(rest) == 1 else 'copies'} (--all shows everything in full)"
    widest = max(len(printable(on_envelope(recipient))) for recipient in rest)
    for made in (letter(going, recipient) for recipient in rest):
        yield fitting.cut(
            f"  {printable(made.address):{widest}}  {made.recipient.kind or 'to':8}{made.size:>9} bytes"
            f"  {printable(made.message.sender)}"
        )


def _copy(
    made: Letter, explanation: Explanation, going: Going, fitting: _Width, *, body: bool
) -> Iterator[str]:
    recipient, arrived = made.recipient, explanation.held.arrived
    yield fitting.cut(f"copy for {printable(made.address)} ({recipient.kind or 'to'}), {made.size} bytes")
    yield fitting.cut(f"  envelope sender   <{printable(made.message.sender)}>")
    for change in compare(arrived.fields if arrived else (), made.message.headers):
        yield from map(fitting.cut, _field(change))
    found = links.of(made.message, going.derived.links, going.derived.snapshot.config)
    if found:
        yield "  links"
    for link in found:
        yield fitting.cut(f"    {link.kind:17} {printable(link.target or '-')}")
        yield fitting.cut(f"    {'':17} {printable(link.url)}")
    if body:
        yield "  body"
        yield from (f"    {printable(line)}".rstrip() for line in _text(made.message.body).split("\r\n"))


def _field(change: Change) -> Iterator[str]:
    by = "  (by Postfix)" if change.by == "postfix" else ""
    yield f"  {change.mark:{MARK_WIDTH}}{printable(change.name.strip())}: {_value(change.value)}{by}"
    if change.before is not None:
        yield f"  {'before:':>{MARK_WIDTH - 1}} {_value(change.before)}"


def _value(value: bytes) -> str:
    return printable(_text(unfold(value)))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
