import codecs

import pytest

from estafeta_milter.message import charsets


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("", "ascii"),
        ("US-ASCII", "ascii"),
        ("utf-8", "utf-8"),
        (" UTF8 ", "utf-8"),
        ("ISO-8859-1", "cp1252"),
        ("iso-8859-15", "iso8859_15"),
        ("Windows-1251", "cp1251"),
        ("KOI8-R", "koi8_r"),
        ("Shift_JIS", "cp932"),
        ("gb2312", "gb18030"),
        ("Big5", "big5hkscs"),
        ("EUC-JP", "euc_jp"),
        ("ks_c_5601-1987", "cp949"),
    ],
)
def test_labels_mean_what_the_encoding_standard_says(label: str, codec: str) -> None:
    assert charsets.codec(label) == codec


@pytest.mark.parametrize(
    "label",
    [
        *(
            "iso-2022-jp",
            "iso-2022-kr",
            "hz-gb-2312",
            "utf-7",
            "utf-16",
            "utf-16le",
            "utf-32",
            "johab",
            "x-unknown",
        ),
        *(
            "unicode_escape",
            "raw_unicode_escape",
            "rot13",
            "zip",
            "bz2",
            "idna",
            "punycode",
            "base64",
            "mbcs",
        ),
    ],
)
def test_c6_other_labels_leave_a_part_alone(label: str) -> None:
    assert charsets.codec(label) is None


ALL = sorted(set(charsets._CODECS.values()))


@pytest.mark.parametrize("name", ALL)
def test_every_codec_exists_and_keeps_ascii(name: str) -> None:
    codecs.lookup(name)
    ascii_signs = bytes(range(128))
    assert ascii_signs.decode(name).encode(name) == ascii_signs


@pytest.mark.parametrize("name", ALL)
def test_no_sign_that_a_parser_looks_for_is_part_of_another_character(name: str) -> None:
    looked_for = set(b"<>\"'&=/ \t\r\n")
    if charsets.may_be_viewed_as_latin_1(name):
        looked_for = set(range(0x80))
    for code in (*range(0x80, 0xD800), *range(0xE000, 0x10400)):
        encoded = chr(code).encode(name, "ignore")
        if encoded.isascii():
            continue  # the yen sign of some Japanese codecs, written as a backslash
        assert not looked_for.intersection(encoded), (name, hex(code))
