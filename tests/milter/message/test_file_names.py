from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_milter.message import parameters
from estafeta_milter.message.fields import from_headers
from estafeta_milter.message.file_names import MAX_NAMES, read, readings
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part, walk
from estafeta_testing import corpora
from estafeta_testing.cost import at_most


def name(disposition: str | bytes, content_type: str | bytes = b"") -> str:
    """Return the name that the parameters of the two fields give."""
    fields = (field.encode() if isinstance(field, str) else field for field in (disposition, content_type))
    place, kind = (parameters.parse(b"x/y; " + field).values for field in fields)
    return read(place, kind)


@pytest.mark.parametrize(
    ("parameters_", "expected"),
    [
        ("", ""),
        ("filename=a.txt", "a.txt"),
        ('filename="a b.txt"', "a b.txt"),
        ('filename="a\\"b.txt"', "a_b.txt"),
        ("filename*=utf-8''a%C3%B1o.pdf", "año.pdf"),
        ("filename*=UTF-8'es'a%C3%B1o.pdf", "año.pdf"),
        ("filename*=iso-8859-1''a%F1o.pdf", "año.pdf"),
        ("filename*=''a%C3%B1o.pdf", "año.pdf"),
        ("filename*=a%C3%B1o.pdf", "año.pdf"),
        ("filename*=utf-8''it%27s.pdf", "it's.pdf"),
        ("filename*=utf-8''it's.pdf", "it's.pdf"),
        ("filename*=utf-8''100%.pdf", "100%.pdf"),
        ("filename*=utf-8''a=?utf-8?Q?=C3=B1?=o", "a=_utf-8_Q_=C3=B1_=o"),
        ("filename*0=a; filename*1=b; filename*2=.txt", "ab.txt"),
        ("filename*1=b; filename*0=a; filename*3=d", "ab"),
        ("filename*0*=utf-8''a%C3; filename*1*=%B1o; filename*2=.%70df", "año.%70df"),
        ("filename*0=a%20; filename*1*=%C3%B1", "a%20ñ"),
        ("filename*1=b; filename=a.txt", "a.txt"),
        ("filename=plain.txt; filename*=utf-8''a%C3%B1o.txt", "año.txt"),
        ('filename="=?utf-8?Q?a=C3=B1o=2Epdf?="', "año.pdf"),
        ('filename="=?utf-8?B?YcOxbw==?=\r\n =?utf-8?B?LnBkZg==?="', "año.pdf"),
        ("filename==?koi8-r?B?89DJ08/LLmRvYw==?=", "Список.doc"),
        ('filename="=?unknown?B?YWJj?=.txt"', "=_unknown_B_YWJj_=.txt"),
        ('filename="año.pdf"', "año.pdf"),
        ("filename=管理.doc", "管理.doc"),
        ('filename=""', ""),
        ('filename="  "', ""),
    ],
)
def test_c15_names_are_read_as_mail_programs_read_them(parameters_: str, expected: str) -> None:
    assert name(parameters_) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"filename=a\xf1o.pdf", "año.pdf"),
        (b"filename*=iso-2022-jp'ja'Dij%8aat.mp3", "DijŠat.mp3"),
        (b"filename*=x-nobody''a%C3%B1o", "año"),
        (b"filename*=utf-8''a%F1o", "año"),
    ],
)
def test_c15_bytes_that_are_not_in_their_charset_are_still_a_name(raw: bytes, expected: str) -> None:
    assert name(raw) == expected


def test_the_dispositions_name_goes_before_the_types() -> None:
    assert name("filename=a.txt", "name=b.txt") == "a.txt"
    assert name("", "name*=utf-8''a%C3%B1o") == "año"
    assert name('filename=""', "name=b.txt") == "b.txt"
    assert name("name=a.txt", "filename=b.txt") == ""


@pytest.mark.parametrize(
    "written",
    [
        "filename*=utf-8''..%2F..%2F..%2Fetc%2Fpasswd",
        "filename*=utf-8''%2e%2e%5c%2e%2e%5cpasswd",
        "filename*0*=utf-8''..%2F; filename*1*=..%2Fpasswd",
        "filename*=utf-8''%00/passwd",
        'filename="/etc/passwd"',
        'filename="C:\\\\windows\\\\passwd"',
        'filename="../passwd"',
        'filename="=?utf-8?Q?..=2F..=2Fpasswd?="',
        'filename="passwd/"',
        'filename="...passwd"',
        'filename=" . .passwd . "',
    ],
)
def test_h5_c15_no_path_comes_out_of_a_name(written: str) -> None:
    assert name(written) == "passwd"


@pytest.mark.parametrize(
    "written", ["filename=..", 'filename="../.."', "filename*=utf-8''%2e", 'filename="/"']
)
def test_h5_a_name_that_is_only_a_path_is_still_harmless(written: str) -> None:
    assert name(written) == "file"


def test_c15_a_very_long_name_keeps_its_ending() -> None:
    long = name("filename*=utf-8''" + "%C3%B1" * 400 + ".pdf")
    assert len(long.encode()) <= 255
    assert long.startswith("ñññ")
    assert long.endswith("ñ.pdf")


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"inline", []),
        (b"inline; filename=a.txt", ["a.txt"]),
        (b'inline; filename="a b.txt"; name=c', ["a b.txt", "c"]),
        (b"inline; filename=a b.txt", ["a b.txt", "a"]),
        (b'inline; filename="a;b.txt', ["a;b.txt"]),
        (b"inline; =; FILENAME = a.txt", ["a.txt"]),
        (b'inline; filename="a\\"b.txt"', ["a_b.txt"]),
        (b"inline; filename*=utf-8''a%C3%B1o.txt; filename=b", ["a\u00f1o.txt", "b"]),
        (b"inline; filename*0*=utf-8''a%C3; filename*1*=%B1o; filename*2=.txt", ["a\u00f1o.txt"]),
        (b"inline; filename*1=b; filename*0=a", ["ba", "b", "a"]),
        (b"inline; filename==?x?Q?a=2Eb?=", ["=_x_Q_a=2Eb_=", "a.b"]),
        (b"inline; filename=/; x-name=a; codename=b", ["file"]),
        (b'inline; filename=""; filename=" "', []),
    ],
)
def test_whatever_programs_may_take_for_the_name_is_found(field: bytes, expected: list[str]) -> None:
    assert [*dict.fromkeys(readings([field]) or ())] == expected


def test_more_names_than_anybody_gives_are_not_read() -> None:
    assert readings([b"; name=a" * MAX_NAMES]) is not None
    assert readings([b"; name=" * MAX_NAMES + b"; name=a"]) is None


@pytest.mark.parametrize(
    "piece", [b"name", b"name=", b'name="', b"name*", b"*0", b" ", b"name= ", b"\\", b'"', b"name*0=a;", b"n"]
)
def test_c15_hostile_names_are_read_in_linear_time(piece: bytes) -> None:
    # With the square of the length this would take minutes, and the test has a time limit.
    for start in (b"", b"name", b"name=", b'name="', b"name*", b"name*0*=", b"name*="):
        readings([start + piece * (250_000 // len(piece))])


WORDS = [
    "filename",
    "name",
    *"*01='%/;éa\\",
    '"',
    "%2F",
    "%00",
    "%C3",
    "utf-8''",
    "utf-7''+2AA-",
    "=?utf-8?B?",
]
PIECES = st.sampled_from([*WORDS, "?=", "..", "\x00", "\r\n ", "\u202e"])


@given(st.lists(PIECES, max_size=20).map("".join))
def test_c15_any_name_is_harmless_and_none_raises(text: str) -> None:
    given_ = name(text, text)
    assert not set(given_) & set("/\\\0\r\n\t\u202e")
    assert not given_.startswith(".")
    assert len(given_.encode()) <= 255
    for reading in readings([text.encode()]) or ():
        assert not set(reading) & set("/\\\0\r\n\t\u202e")


@given(
    st.lists(st.tuples(st.sampled_from(["filename", "filename*", "filename*0", "filename*1*"]), st.binary()))
)
def test_c15_any_parameters_give_a_name(values: Sequence[tuple[str, bytes]]) -> None:
    found = read([(key, value.decode("latin-1")) for key, value in values], ())
    assert len(found.encode()) <= 255


@pytest.mark.parametrize(
    "value",
    ["%" * 250_000, "%41" * 80_000, "=?utf-8?Q?" * 25_000, "a/" * 120_000, "'" * 250_000, "." * 250_000],
)
def test_a_hostile_name_takes_linear_time(value: str) -> None:
    with at_most(1):
        read([("filename*", value), ("filename", value)], [("name", value)])
        read([("filename", value)], [])


EXPECTED = {
    "attachment_with_unquoted_name.eml": "This is a test.txt",
    "attachment_with_encoded_name.eml": "01 Quien Te DijŠat. Pitbull.mp3",
    "attachment_with_base64_encoded_name.eml": "This is a test.pdf",
    "attachment_nonascii_filename.eml": "ciële.txt",
    "attachment-filename-encoding-UTF8.msg": "attachment.äöü",
    "attachment-filename-encoding-Latin1.msg": "attachment.äöü",
}


@pytest.mark.parametrize("path", corpora.parameters([p for p in corpora.messages() if p.name in EXPECTED]))
def test_c15_names_of_the_corpora(path: Path) -> None:
    headers, body = corpora.received(path.read_bytes())
    root = Message("", (), headers, body).structure
    assert isinstance(root, Part)
    names = [part.file_name for part in walk(root)] + [from_headers(headers).file_name]
    assert EXPECTED[path.name] in names
