"""Have every text in UTF-8, as its label and its bytes.

A text that cannot be read (see utf8.py) stays as it is, so that the mail is not lost. Texts in ASCII are
UTF-8 already. One that says it is ASCII, or says nothing, and holds valid UTF-8 gets the label.
"""

from estafeta_milter.html import meta
from estafeta_milter.job import Job
from estafeta_milter.message import charsets
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part
from estafeta_milter.utf8 import UTF_8, read, texts


def apply(message: Message, job: Job) -> Message:  # noqa: ARG001 - what is asked is in the name
    """Return `message` with its texts, files apart, in UTF-8."""
    changed = message
    for part, content in texts(message):
        text = None if _is_utf8(content, part.charset) else read(content, part.charset)
        if text is not None:
            changed = changed.replace_text(part, _encoded(text, part), UTF_8)
    return changed


def _is_utf8(content: bytes, charset: str) -> bool:
    """Whether a text needs no change, whatever its bytes are."""
    codec = charsets.codec(charset)
    return codec == UTF_8 or (codec == "ascii" and content.isascii())


def _encoded(text: str, part: Part) -> bytes:
    encoded = text.encode(UTF_8)
    return meta.declare(encoded, UTF_8) if part.content_type == "text/html" else encoded
