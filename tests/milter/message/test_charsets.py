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


@pytest.mark.parametrize(
    ("label", "content", "text"),
    [
        ("", b"abc", "abc"),
        ("us-ascii", b"a\xf1o", None),
        ("iso-8859-1", b"\x80 a\xf1o", "€ año"),
        ("windows-1251", "Привет".encode("cp1251"), "Привет"),
        ("KOI8-R", "Привет".encode("koi8_r"), "Привет"),
        ("utf-8", b"a\xf1o", None),
        ("utf-8", "\ufeffaño".encode(), "año"),
        ("ISO-2022-JP", "日本語ｶﾅ".encode("iso2022_jp_ext"), "日本語ｶﾅ"),
        ("iso-2022-kr", "안녕".encode("iso2022_kr"), "안녕"),
        ("hz-gb-2312", "你好".encode("hz"), "你好"),
        ("utf-16", "año".encode("utf-16-le"), "año"),
        ("utf-16", b"\xff\xfe" + "año".encode("utf-16-le"), "año"),
        ("utf-16", b"\xfe\xff" + "año".encode("utf-16-be"), "año"),
        ("utf-16be", "año".encode("utf-16-be"), "año"),
        ("utf-16le", "a".encode("utf-16-le") + b"x", None),
        ("utf-32", "año".encode("utf-32-le"), "año"),
        ("utf-32", b"\x00\x00\xfe\xff" + "año".encode("utf-32-be"), "año"),
        ("x-unknown", b"abc", None),
        ("utf-7", b"+AGE-", None),
        ("unicode_escape", b"abc", None),
    ],
)
def test_d15_texts_are_read_in_their_charset_or_not_at_all(
    label: str, content: bytes, text: str | None
) -> None:
    assert charsets.decode(content, label) == text


@pytest.mark.parametrize("name", sorted(set(charsets._READ_ONLY)))
def test_c6_every_codec_that_is_only_read_exists_and_is_text(name: str) -> None:
    assert codecs.lookup(name)._is_text_encoding
    assert "año".encode(name, "ignore").decode(name) in {"año", "ao"}


@pytest.mark.parametrize("label", sorted(charsets._READERS))
def test_c6_no_bytes_raise(label: str) -> None:
    for content in (b"", b"\x00", b"\xff" * 7, b"\x1b$B!", b"~{", bytes(range(256)), b"\xd8\x00"):
        text = charsets.decode(content, label)
        assert text is None or text.encode().decode() == text
