"""Sentences as plain text, put behind what the client wrote, in the charset of its part.

What the charset does not have is written with the ASCII letters that stand for it (`aqui`, `moechten`); a
language in another script than the charset holds gives way to English.

Inserted lines have no space at their end and none at their start, so that a format=flowed text (RFC 3676)
shows them as they are. No `-- ` stands above them: they are nobody's signature.
"""

import functools
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from estafeta_milter.message.charsets import codec
from estafeta_milter.texts.sentences import ENGLISH, LANGUAGES, Sentences

# The apostrophe of typographers is in windows-1252 and not in the ISO-8859-1 that such parts are labelled.
_APOSTROPHE = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'"})
# Letters that Unicode does not take apart into an ASCII one and a mark.
_TWINS = str.maketrans({"ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae", "ß": "ss"})
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


@dataclass(frozen=True, slots=True)
class Spoken:
    """What there is to say, in words that a charset can hold; addresses follow on the next line."""

    web_version: str
    unsubscribe: str
    attachments: str


def spoken(language: str, charset: str) -> Spoken:
    """Return the sentences in a language as the charset with this label can hold them, or else in English."""
    return _spoken(language, codec(charset) or "ascii")


def append(content: bytes, charset: str, paragraphs: Iterable[Iterable[str]]) -> bytes:
    """Return the decoded text `content` with `paragraphs`, each of some lines, behind it.

    Signs that the charset does not have become question marks. A text in a charset that is not in `charsets`
    is returned as it came.
    """
    name = codec(charset)
    blocks = [[line.encode(name or "ascii", "replace") for line in lines] for lines in paragraphs]
    if name is None or not blocks:
        return content
    newline = b"\r\n" if b"\r\n" in content or b"\n" not in content else b"\n"
    gap = b"" if not content else newline if content.endswith(b"\n") else 2 * newline
    return content + gap + (2 * newline).join(map(newline.join, blocks)) + newline


@functools.lru_cache(maxsize=1024)  # some languages, some charsets
def _spoken(language: str, name: str) -> Spoken:
    for spelling in (_plain, functools.partial(_folded, german=language == "de")):
        said = _say(LANGUAGES[language], spelling)
        if _fits(said, name):
            return said
    return _say(LANGUAGES[ENGLISH], _plain)


def _say(sentences: Sentences, spelling: Callable[[str], str]) -> Spoken:
    return Spoken(
        web_version=spelling(sentences.web_version.text) + ":",
        unsubscribe=spelling(sentences.unsubscribe.text) + ":",
        attachments=spelling(sentences.attachments) + ":",
    )


def _fits(said: Spoken, name: str) -> bool:
    try:
        (said.web_version + said.unsubscribe + said.attachments).encode(name)
    except UnicodeEncodeError:
        return False
    return True


def _plain(text: str) -> str:
    return text.translate(_APOSTROPHE)


def _folded(text: str, *, german: bool) -> str:
    """Return `text` with ASCII letters for those that have one."""
    plain = _plain(text.translate(_GERMAN) if german else text).translate(_TWINS)
    return "".join(sign for sign in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(sign))
