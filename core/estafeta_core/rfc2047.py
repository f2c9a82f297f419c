"""Encoded words in header fields (RFC 2047): `=?charset?B?…?=` and `=?charset?Q?…?=`.

Reading is generous, as mail programs are: words may be longer than 75 characters and stand inside
quotes. White space between two words disappears (section 6.2), and the bytes of neighbouring words in one
charset are joined before they become text, because some programs split characters. A word that cannot
be decoded stays as it is written. Text is read once: what comes out is never looked at for words again.

Some programs are more generous still, and show something where we can decode nothing; `lenient` is how
they read.
"""

import binascii
import codecs
import encodings
import functools
import pkgutil
import re

_WORD = re.compile(r"=\?([A-Za-z0-9_.:+-]{1,40})(?:\*[A-Za-z0-9-]*)?\?([BbQq])\?([^?\s]*)\?=")
_OPENING = re.compile(r"=\?([^?]*)\?([BbQq])\?")
_FOREIGN = re.compile("[^A-Za-z0-9+/=]+")
_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
# Python codecs that are text to Python, but no charset of mail: they run escapes of their own.
_NOT_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"})
# Codecs of the charsets that every mail program knows: what can be decoded is read in one way.
_KNOWN_TO_ALL = frozenset(
    {
        *("utf-8", "ascii", "koi8-r", "koi8-u", "cp874", "shift_jis", "cp932", "euc_jp", "iso2022_jp"),
        *("gb2312", "gbk", "gb18030", "big5", "euc_kr"),
        *(f"iso8859-{number}" for number in (*range(1, 12), *range(13, 17))),
        *(f"cp{number}" for number in range(1250, 1259)),
    }
)
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


def lenient(text: str) -> str:
    """Return `text` as programs read it that make something of every word.

    A charset may be missing or unknown, a byte not belong to it, a word hold spaces or never end, and base64
    hold signs that are none of its own. Such a word is read as Latin-1: what it hides is ASCII. The work is
    linear in the length of `text`.
    """
    out: list[str] = []
    position = 0
    while match := _OPENING.search(text, position):
        between = text[position : match.start()]
        end = text.find("?=", match.end())
        end = len(text) if end < 0 else end
        out += (
            between if between.strip(" \t\r\n") else "",
            _lenient_word(match[1], match[2], text[match.end() : end]),
        )
        position = end + 2
    return "".join((*out, text[position:]))


def _lenient_word(charset: str, encoding: str, payload: str) -> str:
    codec = _codec(charset.partition("*")[0].lower()) if charset.isascii() else None
    raw = _lenient_bytes(encoding, payload)
    if codec is not None and codec.name in _KNOWN_TO_ALL:
        try:
            return codec.decode(raw, "strict")[0]
        except ValueError:
            pass  # a byte that is not in the charset
    return raw.decode("latin-1")


def _lenient_bytes(encoding: str, payload: str) -> bytes:
    if encoding in "Qq":
        return _unescaped(payload.encode("utf-8", "replace"))
    pieces = filter(None, _FOREIGN.sub("", payload).split("="))  # several texts, each with its padding
    # A sign that is left over holds less than a byte.
    whole = (piece[: len(piece) - (len(piece) % 4 == 1)] for piece in pieces)
    return b"".join(binascii.a2b_base64(piece + "=" * (-len(piece) % 4)) for piece in whole)


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
    return _unescaped(data)


def _unescaped(data: bytes) -> bytes:
    """Return what the payload of a Q word stands for."""
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), data.replace(b"_", b" "))
