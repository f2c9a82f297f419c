import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_milter.message.parameters import MAX_COMMENTED, MAX_PARAMETERS, UNREADABLE, locate, parse
from estafeta_testing.cost import at_most


@pytest.mark.parametrize(
    ("raw", "head", "values"),
    [
        (b"", "", ()),
        (b"text/plain", "text/plain", ()),
        (b'Text/HTML; CharSet="UTF-8"', "text/html", (("charset", "UTF-8"),)),
        (b'multipart/mixed;\n\tboundary="a b"', "multipart/mixed", (("boundary", "a b"),)),
        (b"multipart/mixed; boundary=----=_Part:1/2?", "multipart/mixed", (("boundary", "----=_Part:1/2?"),)),
        (b"text/plain;; charset=x;", "text/plain", (("charset", "x"),)),
        (b"text/plain (a (nested) note); charset=x", "text/plain", (("charset", "x"),)),
        (b'attachment; filename="a(1).txt"', "attachment", (("filename", "a(1).txt"),)),
        (b'attachment; filename="a\\"b.txt"', "attachment", (("filename", 'a"b.txt'),)),
        (b"a/b; name*0=x; name*1=y", "a/b", (("name*0", "x"), ("name*1", "y"))),
        (b"a/b; c = d ; e=f", "a/b", (("c", "d"), ("e", "f"))),
    ],
)
def test_values_are_taken_apart(raw: bytes, head: str, values: tuple[tuple[str, str], ...]) -> None:
    parsed = parse(raw)
    assert (parsed.head, parsed.values, parsed.doubt) == (head, values, "")


@pytest.mark.parametrize(
    "raw",
    [
        b'a/b; boundary="unfinished',
        b"a/b; boundary=a b",
        b"a/b; (boundary=x) boundary=y",
        b"a/b; boundary=x (",
        b"a/b; boundary=x )",
        b'a/b; boundary="x\\y"',
        b"a/b; charset",
        b'a/b; boundary="x\r\n y"',
        b"a/b\r; charset=x",
        b"a/b; " + b"x=y; " * (MAX_PARAMETERS + 1),
    ],
)
def test_what_readers_may_understand_differently_is_a_doubt(raw: bytes) -> None:
    assert parse(raw).doubt


@pytest.mark.parametrize(
    "raw",
    [
        b"a/b; " + b"x=y; " * 100_000,
        b"a/b; x=" + b'"' * 200_000,
        b"a/b; " + b"(" * 200_000,
        b"a/b; " + b")" * 200_000,
        b"a/b; " + b'("' * 100_000,
        b"a/b; " + b" " * 200_000 + b"x",
        b"a/b" + b"\n " * 100_000,
        b"a/b; x=" + b"\\" * 200_000,
        b'a/b; x="' + b"\\" * 200_000,
        b"a/b; name=" + b"x y " * 100_000,
        b"a/b" + b"; name=x y" * 50_000,
        b";" * 200_000,
    ],
)
def test_hostile_values_take_linear_time(raw: bytes) -> None:
    with at_most(1):
        parse(raw)


@given(st.binary(max_size=200))
def test_no_value_raises(raw: bytes) -> None:
    parse(raw)


@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True), st.text("abc ;=()'/", max_size=9))
)
def test_quoted_parameters_survive(values: dict[str, str]) -> None:
    raw = "x/y" + "".join(f';\n\t{name}="{value}"' for name, value in values.items())
    assert parse(raw.encode()).values == tuple(values.items())


def test_comments_of_a_very_long_field_are_not_looked_for() -> None:
    assert parse(b"text/html " + b"()" * (MAX_COMMENTED // 2 - 10)).doubt == ""
    flood = b"text/html " + b"()" * 1_000_000
    with at_most(0.1):
        assert parse(flood).doubt == "a comment in a very long field"


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b"a/b; name=my file.txt", (("name", "my file.txt"),)),
        (b"a/b; filename=my\r\n file.txt ; x=y", (("filename", "my file.txt"), ("x", "y"))),
        (b"a/b; name=Invoice_(3).pdf; x=y", (("name", "Invoice_(3).pdf"), ("x", "y"))),
        (b'a/b; name=a b "c"', (("name", "a b"),)),
        (b"a/b; boundary=a b; name=x", (("boundary", "a"),)),
    ],
)
def test_c15_a_file_name_without_quotes_is_read_to_its_end_and_is_in_doubt(
    raw: bytes, values: tuple[tuple[str, str], ...]
) -> None:
    assert (parse(raw).values, parse(raw).doubt) == (values, UNREADABLE)


def test_c15_bytes_that_look_like_white_space_belong_to_a_name() -> None:
    assert parse("a/b; name=voilà.txt".encode()).values == (("name", "voilà.txt".encode().decode("latin-1")),)
    assert parse("a/b; name=voilà".encode()).values == (("name", "voilà".encode().decode("latin-1")),)


def test_a_comment_inside_a_word_still_ends_it() -> None:
    assert parse(b"text/(x)plain; a=b(c)d").head == "text/   plain"
    assert parse(b"a/b; c=d(e)f").doubt == UNREADABLE


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"text/plain", []),
        (b"text/plain; charset=x", [b"x"]),
        (b'text/plain;\r\n\tCharSet = "x y";a=charset', [b"x y"]),
        (b"text/plain (a; charset=no) ; charset=x (b)", [b"x"]),
        (b'text/plain; name="a; charset=no"; charset=x;', [b"x"]),
        (b"text/plain; charset=x;\n charset=y", [b"x", b"y"]),
        (b'text/plain; charset=""', [b""]),
    ],
)
def test_values_are_located_where_they_stand(raw: bytes, found: list[bytes]) -> None:
    assert [raw[start:end] for start, end in locate(raw, "charset")] == found


@given(
    st.lists(st.sampled_from([*' ;="\t(', "\r\n ", "charset", "x", "name", "é", "\\"]), max_size=14).map(
        "".join
    )
)
def test_what_is_located_is_what_was_read(text: str) -> None:
    raw = b"text/plain" + text.encode("latin-1")
    parsed = parse(raw)
    if not parsed.doubt:
        assert [raw[slice(*span)].decode("latin-1") for span in locate(raw, "charset")] == parsed.named(
            "charset"
        )


def test_a_hostile_value_is_located_in_linear_time() -> None:
    for raw in (b"a/b" + b"; charset=x" * 100_000, b"a/b; x=" + b"(" * 200_000, b"a/b; " + b'"' * 200_000):
        with at_most(1):
            locate(raw, "charset")
