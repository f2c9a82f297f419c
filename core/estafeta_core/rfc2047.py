"""Encoded words in header fields (RFC 2047): `=?charset?B?…?=` and `=?charset?Q?…?=`.

Reading is generous, as mail programs are: words may be longer than 75 characters and stand inside
quotes. White space between two words disappears (section 6.2), and the bytes of neighbouring words in one
charset are joined before they become text, because some programs split characters. A word that cannot
be decoded stays as it is written. Text is read once: what comes out is never looked at for words again.
"""

import binascii
import codecs
import encodings
import functools
import pkgutil
import re

_WORD = re.compile(r"=\?([A-Za-z0-9_.:+-]{1,40})(?:\*[A-Za-z0-9-]*)?\?([BbQq])\?([^?\s]*)\?=")
_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
# Python codecs that are text to Python, but no charset of mail: they run escapes of their own.
_NOT_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"})
# Every name under which Python may have a codec. Others are never looked up: Python remembers each name
# that it was ever asked for, so that a sender of made-up ones could fill the memory.
_NAMES = {
    module.name for module in pkgutil.iter_modules(encodings.__path__)
} | encodings.aliases.aliases.keys()


def decode(value: str | bytes) -> str:
    """Return `value` with every encoded word replaced by what it stands for; bytes are read as UTF-8."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    out: list[str] = []
    run = _Run()
    position = 0
    for match in _WORD.finditer(text):
        between, position = text[position : match.start()], match.end()
        charset, raw = match[1].lower(), _bytes(match[2], match[3])
        if run.words and raw is not None and not between.strip(" \t\r\n"):
            if charset != run.charset:
                out.append(run.end())
        else:
            out += (run.end(), between)
        if raw is None:
            out.append(match.group())
        else:
            run.add(charset, raw, match.group())
    return "".join((*out, run.end(), text[position:]))


class _Run:
    """Neighbouring words in one charset."""

    def __init__(self) -> None:
        self.charset = ""
        self.words: list[str] = []
        self._bytes: list[bytes] = []

    def add(self, charset: str, raw: bytes, word: str) -> None:
        self.charset = charset
        self.words.append(word)
        self._bytes.append(raw)

    def end(self) -> str:
        """Return what the words say, or the words themselves, and begin anew."""
        if not self.words:
            return ""
        written, raw = " ".join(self.words), b"".join(self._bytes)
        self.words, self._bytes = [], []
        codec = _codec(self.charset)
        try:
            return written if codec is None else codec.decode(raw, "strict")[0]
        except ValueError:
            return written


@functools.lru_cache(maxsize=1024)
def _codec(charset: str) -> codecs.CodecInfo | None:
    """Return the codec of a charset of mail, or None."""
    name = encodings.normalize_encoding(charset).replace(".", "_")
    if name not in _NAMES:
        return None
    try:
        codec = codecs.lookup(name)
    except LookupError:
        return None
    return codec if codec._is_text_encoding and codec.name not in _NOT_CHARSETS else None


def _bytes(encoding: str, payload: str) -> bytes | None:
    """Return the bytes of a word; None when its encoding is broken."""
    try:
        data = payload.encode("ascii")
        if encoding in "Bb":
            return binascii.a2b_base64(data + b"=" * (-len(data) % 4), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), data.replace(b"_", b" "))
