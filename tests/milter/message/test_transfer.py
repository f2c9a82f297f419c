import base64
import quopri

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from estafeta_milter.message.transfer import KNOWN, decode, encode, has_long_line
from estafeta_testing.cost import at_most

PIECES = [
    b"\r\n",
    b"\r",
    b"\n",
    b" ",
    b"\t",
    b"=",
    b".",
    b"From ",
    b"a",
    b"x" * 75,
    b"\xc3\xa9",
    b"\xff",
    b"\0",
    b"_",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join) | st.binary(max_size=300)


@pytest.mark.parametrize("encoding", sorted(KNOWN))
@given(content=TEXTS)
@example(content=b"\r\n\r\n")
@example(content=b"a \r\nb\t\r\n. \r\n")
@example(content=b"x" * 75 + b" \r\n" + b"y" * 76 + b"\r\n")
def test_what_is_encoded_decodes_to_the_same(encoding: str, content: bytes) -> None:
    assert decode(encoding, encode(encoding, content)) == content


@given(content=TEXTS)
def test_an_independent_reader_agrees(content: bytes) -> None:
    assert quopri.decodestring(encode("quoted-printable", content)) == content
    assert base64.b64decode(encode("base64", content)) == content


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64"])
@given(content=TEXTS)
def test_lines_are_short_ascii_and_end_in_crlf(encoding: str, content: bytes) -> None:
    encoded = encode(encoding, content)
    assert encoded.isascii()
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert b"\r" not in line
        assert b"\n" not in line
        assert not line.endswith((b" ", b"\t"))


def test_quoted_printable_keeps_the_lines_of_a_text() -> None:
    assert encode("quoted-printable", b"caf\xe9 = 1\r\n.\r\n") == b"caf=E9 =3D 1\r\n=2E\r\n"


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"a=3Db=3db\r\n", b"a=b=b\r\n"),
        (b"a=\r\nb", b"ab"),
        (b"a=\nb\n", b"ab\n"),
        (b"end=", b"end"),
        (b"space \t\r\nnext", b"space\r\nnext"),
        (b"soft= \r\nbreak", b"softbreak"),
        (b"raw \xe9", b"raw \xe9"),
    ],
)
def test_quoted_printable_that_readers_agree_on_is_decoded(data: bytes, content: bytes) -> None:
    assert decode("quoted-printable", data) == content


@pytest.mark.parametrize("data", [b"a=ZZ", b"a==3D", b"100% = true", b"=4", b"a=\rb\n", b"=\rX\n=Z"])
def test_broken_quoted_printable_is_not_decoded(data: bytes) -> None:
    assert decode("quoted-printable", data) is None


@pytest.mark.parametrize(
    "data", [b"YQ", b"YQ=", b"YQ==YQ==", b"YQ==\r\n-- \r\nfooter", b"Y*Q=", b"====", b"Y"]
)
def test_broken_base64_is_not_decoded(data: bytes) -> None:
    assert decode("base64", data) is None


def test_base64_may_be_broken_into_lines_anywhere() -> None:
    assert decode("base64", b"Y\r\nW Jj\r\n\r\n") == b"abc"


@pytest.mark.parametrize("encoding", ["x-uuencode", "uuencode", "8-bit", "quoted printable", "base64;"])
def test_unknown_encodings_are_not_decoded(encoding: str) -> None:
    assert decode(encoding, b"x") is None
    with pytest.raises(ValueError, match="unknown"):
        encode(encoding, b"x")


def test_identity_returns_the_same_bytes() -> None:
    data = b"x" * 1000
    assert all(decode(name, data) is data for name in ("", "7bit", "8bit", "binary"))


@pytest.mark.parametrize(("length", "expected"), [(998, False), (999, True)])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r\nshort"])
def test_b8_a_line_is_long_over_998_bytes(length: int, expected: bool, end: bytes) -> None:
    assert has_long_line(b"short\r\n" + b"x" * length + end) is expected


@given(data=st.lists(st.sampled_from([*PIECES, b"=\r\n", b"=4", b"=3D", b"=="]), max_size=40).map(b"".join))
def test_what_decodes_decodes_again_after_encoding(data: bytes) -> None:
    content = decode("quoted-printable", data)
    if content is not None:
        assert decode("quoted-printable", encode("quoted-printable", content)) == content


@pytest.mark.parametrize("data", [b" " * 1_000_000, b" \r\n" * 300_000, b"=" * 1_000_000, b"\r" * 1_000_000])
def test_hostile_content_takes_linear_time(data: bytes) -> None:
    with at_most(2):
        decode("quoted-printable", data)
        decode("base64", data)
        encode("quoted-printable", data)


@given(st.lists(st.tuples(st.integers(0, 1100), st.sampled_from([b"\r\n", b"\n", b"\r"])), max_size=6))
def test_b8_the_longest_line_decides(lines: list[tuple[int, bytes]]) -> None:
    content = b"".join(b"x" * length + end for length, end in lines)
    longest = max(len(line) for line in content.replace(b"\r\n", b"\n").split(b"\n"))
    assert has_long_line(content) is (longest > 998)


def test_a_large_text_becomes_quoted_printable_in_little_time() -> None:
    content = (b'<a href="http://x.test/' + b"A" * 4800 + b'">x</a>\r\n') * 1000
    with at_most(0.3):
        encoded = encode("quoted-printable", content)
    assert decode("quoted-printable", encoded) == content
