"""Which charsets can be edited as bytes around ASCII, which can at least be read, and the codec of each.

A charset can be edited when every byte of markup or of a URL below 0x80 that a parser looks
for (`<`, `>`, quotes, `&`, `=`, `/`, space) always is that ASCII sign. Shift_JIS, Big5 and the
GB and Windows-949 families do use ASCII letters and digits as second bytes, but none of these
signs. ISO-2022-*, HZ, UTF-16, UTF-32 and Johab do, so a part in one of them can be read, and made
UTF-8 where that is asked for, but is not edited. UTF-7 is neither: it exists to hide markup.

Labels and their meaning follow the Encoding Standard of the WHATWG, which mail readers and
browsers share (ISO-8859-1 is read as windows-1252, GB2312 as GB18030). Python has codecs of
other kinds under similar names (unicode_escape, zip, rot13, idna): only the codecs named here
are ever used.
"""

import codecs

_SINGLE = {
    "ascii": "ascii us-ascii ansi_x3.4-1968 iso646-us 646",
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 cp65001",
    "cp1252": "iso-8859-1 iso8859-1 iso_8859-1 latin1 latin-1 l1 windows-1252 cp1252 cp-1252",
    "cp1254": "iso-8859-9 iso8859-9 latin5 windows-1254 cp1254",
    "cp874": "iso-8859-11 tis-620 windows-874 cp874",
    "koi8_r": "koi8-r koi8r koi8",
    "koi8_u": "koi8-u koi8-ru",
    "mac_roman": "macintosh x-macintosh mac",
    "cp866": "ibm866 cp866 866",
    "cp437": "ibm437 cp437",
    "cp850": "ibm850 cp850",
    "euc_jp": "euc-jp x-euc-jp",
    **{f"iso8859_{n}": f"iso-8859-{n} iso8859-{n} iso_8859-{n}" for n in (*range(2, 9), 10, 13, 14, 15, 16)},
    **{f"cp{n}": f"windows-{n} cp{n}" for n in (1250, 1251, 1253, 1255, 1256, 1257, 1258)},
}
_SINGLE["iso8859_8"] += " iso-8859-8-i iso-8859-8-e"
_SINGLE["iso8859_15"] += " latin9 latin-9"
_SINGLE["iso8859_2"] += " latin2 latin-2"

_ASCII_SECOND_BYTES = {
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji windows-31j cp932",
    "gb18030": "gb18030 gbk gb2312 gb_2312-80 x-gbk cp936 windows-936 euc-cn",
    "big5hkscs": "big5 big5-hkscs cn-big5 x-x-big5 cp950",
    "cp949": "euc-kr ks_c_5601-1987 ks_c_5601-1989 ksc5601 korean windows-949 cp949 uhc",
}

_READ_ONLY = {
    # The extended form has the half-width katakana and the supplement that some programs write.
    "iso2022_jp_ext": "iso-2022-jp csiso2022jp iso-2022-jp-1 iso-2022-jp-ext",
    "iso2022_jp_2": "iso-2022-jp-2",
    "iso2022_jp_3": "iso-2022-jp-3",
    "iso2022_jp_2004": "iso-2022-jp-2004",
    "iso2022_kr": "iso-2022-kr csiso2022kr",
    "hz": "hz-gb-2312 hz",
    "johab": "johab",
    "euc_jis_2004": "euc-jis-2004 euc-jisx0213",
    "shift_jis_2004": "shift_jis-2004 shift_jisx0213",
    "utf-16": "utf-16 csunicode unicode iso-10646-ucs-2 ucs-2",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be unicodefffe",
    "utf-32": "utf-32",
    "utf-32-le": "utf-32le",
    "utf-32-be": "utf-32be",
    "cp852": "ibm852 cp852",
    "cp855": "ibm855 cp855",
    "mac_cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "ptcp154": "ptcp154",
    "kz1048": "kz-1048",
}
_BYTE_ORDER = {
    "utf-16": ((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-16-le"),
    "utf-32": ((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), "utf-32-le"),
}

_CODECS = {
    label: codec
    for table in (_SINGLE, _ASCII_SECOND_BYTES)
    for codec, labels in table.items()
    for label in labels.split()
}
_READERS = _CODECS | {label: codec for codec, labels in _READ_ONLY.items() for label in labels.split()}


def codec(charset: str) -> str | None:
    """Return the Python codec for the label `charset`, or None when such parts are not edited.

    No label means US-ASCII (RFC 2045 section 5.2).
    """
    label = _label(charset)
    return _CODECS.get(label) if label else "ascii"


def decode(content: bytes, charset: str) -> str | None:
    """Return the text of `content`, or None for a charset that is not known or a byte that is not in it."""
    label = _label(charset)
    name = _READERS.get(label) if label else "ascii"
    if name is None:
        return None
    if name in _BYTE_ORDER and not content.startswith(_BYTE_ORDER[name][0]):
        name = _BYTE_ORDER[name][1]  # what the Encoding Standard reads where no mark says
    try:
        return content.decode(name).removeprefix("\N{BYTE ORDER MARK}")
    except UnicodeDecodeError:
        return None


def _label(charset: str) -> str:
    return charset.strip().strip("\"'").lower()


def may_be_viewed_as_latin_1(name: str) -> bool:
    """Whether a wrongly declared text can still be edited: no second byte looks like ASCII."""
    return name not in _ASCII_SECOND_BYTES
