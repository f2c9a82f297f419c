"""Have the style sheets of the HTML as style attributes; the sheets stay too, for what only they can say.

Every HTML body that readers show is inlined; AMP has its styles in one place by its own rules, and
attachments are files. A text past the bounds (see html/inliner.py) or in a charset that is not edited stays
as it came.
"""

from collections.abc import Iterator

from estafeta_milter.html.inliner import Budget, CannotInlineError, Styled, examine, inline
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part

TOLD = 10  # texts that the sender is told of, an event each: real mail has one


def apply(message: Message, job: Job) -> Message:  # noqa: ARG001 - what is asked is in the name
    """Return `message` with the style sheets of its HTML inlined."""
    changed = message
    for part, text in _texts(message):
        if isinstance(text, Styled):
            changed = changed.replace_text(part, inline(text))
    return changed


def refused(message: Message) -> tuple[str, ...]:
    """Return a sentence about each text whose style sheets stay sheets, at most `TOLD`."""
    kept = dict.fromkeys(str(text) for _, text in _texts(message) if isinstance(text, CannotInlineError))
    return tuple(f"The style sheets of a text/html are not inlined: {reason}" for reason in list(kept)[:TOLD])


def _texts(message: Message) -> Iterator[tuple[Part, Styled | CannotInlineError]]:
    """Yield the HTML bodies that have style sheets, within the bounds that hold for all of them."""
    budget = Budget()
    for part in message.bodies():
        content = message.decoded(part)
        if part.content_type != "text/html" or content is None:
            continue
        try:
            text = examine(content, part.charset, budget)
        except CannotInlineError as refusal:
            yield part, refusal
        else:
            if text is not None:
                yield part, text
