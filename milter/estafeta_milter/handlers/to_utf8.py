"""Have every text in UTF-8, as its label and its bytes.

A text in a charset that nobody knows, or with bytes that are not in its charset, stays as it is: a reader
may still make sense of it, and the mail is not lost. Texts in ASCII are UTF-8 already. One that says it is
ASCII, or says nothing, and holds valid UTF-8 gets the label: hardly any text of another charset looks so.
"""

from estafeta_milter.html import meta
from estafeta_milter.job import Job
from estafeta_milter.message import charsets
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part

UTF_8 = "utf-8"
_TYPES = frozenset({"text/plain", "text/html"})


def apply(message: Message, job: Job) -> Message:  # noqa: ARG001 - what is asked is in the name
    """Return `message` with its texts, files apart, in UTF-8."""
    for part in message.bodies():
        content = message.decoded(part)
        if part.content_type in _TYPES and content is not None:
            text = _text(content, part.charset)
            if text is not None:
                message = message.replace_text(part, _encoded(text, part), UTF_8)
    return message


def _text(content: bytes, charset: str) -> str | None:
    """Return the text that has to change its charset; None where it stays."""
    codec = charsets.codec(charset)
    if codec == UTF_8 or (codec == "ascii" and content.isascii()):
        return None
    return charsets.decode(content, UTF_8 if codec == "ascii" else charset)


def _encoded(text: str, part: Part) -> bytes:
    encoded = text.encode(UTF_8)
    return meta.declare(encoded, UTF_8) if part.content_type == "text/html" else encoded
