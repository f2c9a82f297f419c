import pytest
import turbohtml
from hypothesis import given
from hypothesis import strategies as st

from estafeta_milter.html.attributes import Attribute, find, quoted, text
from estafeta_testing.cost import at_most


@pytest.mark.parametrize(
    ("tag", "name", "value", "quote"),
    [
        (b'<a href="x y">', b"href", b"x y", b'"'),
        (b"<A HREF = 'x\"y'>", b"href", b'x"y', b"'"),
        (b"<a href=x/y/>", b"href", b"x/y/", b""),
        (b"<a\r\nclass=a href\n=\n\"x\"title='t'>", b"href", b"x", b'"'),
        (b"<a href=1 href=2>", b"href", b"1", b""),
        (b"<a/href=x>", b"href", b"x", b""),
        (b"<a =href=x href=y>", b"href", b"y", b""),
        (b"<a href data-x=1>", b"href", b"", b""),
        (b'<a title="href=1" href="2">', b"href", b"2", b'"'),
        (b'<a href="">', b"href", b"", b'"'),
    ],
)
def test_values_are_found_as_a_browser_finds_them(
    tag: bytes, name: bytes, value: bytes, quote: bytes
) -> None:
    found = find(b"before" + tag + b"after", 6, 6 + len(tag), name)
    assert found is not None
    assert (found.value, found.quote) == (value, quote)
    assert (b"before" + tag)[found.start : found.end] == value


PIECES = st.sampled_from([" ", "\n", "/", "=", '"', "'", "href", "x", "&amp;", "\xe9", "a=1", "<", "`"])


@given(st.lists(PIECES, max_size=14).map("".join))
def test_the_tokenizer_finds_the_same_attributes(inside: str) -> None:
    markup = "<a " + inside + ">"
    token = next(iter(turbohtml.tokenize(markup, capture_source=True)), None)
    if token is None or token.type is not turbohtml.TokenType.START_TAG or token.source is None:
        return
    for name, value in token.attrs or []:
        ours = find(markup.encode("latin-1"), 0, len(token.source), name.encode("latin-1"))
        assert ours is not None
        assert ours.value.decode("latin-1").replace("&amp;", "&") == value
    assert find(markup.encode("latin-1"), 0, len(token.source), b"missing") is None


def attribute(value: bytes) -> Attribute:
    return Attribute(value, 0, len(value), b'"')


def test_text_of_ascii_is_what_the_tokenizer_read() -> None:
    assert text(attribute(b"http://x/?a&amp;b"), "http://x/?a&b", "ascii") == "http://x/?a&b"


@pytest.mark.parametrize(
    ("value", "codec", "expected"),
    [
        ("http://x/é".encode(), "utf-8", "http://x/é"),
        ("http://x/é?a&amp;b&copy=1&eacute;".encode(), "utf-8", "http://x/é?a&b&copy=1é"),
        ("http://x/日".encode("cp932"), "cp932", "http://x/日"),
        (b"http://x/\r\n\xe9\"&amp;'", "cp1252", "http://x/\né\"&'"),
        (b"http://x/\ny", "ascii", "http://x/\ny"),
        (b"http://x/\xe9", "utf-8", None),
        (b"http://x/\xe9", "ascii", None),
    ],
)
def test_text_is_read_in_the_charset_of_the_part(value: bytes, codec: str, expected: str | None) -> None:
    assert text(attribute(value), "not used", codec) == expected


def test_a_new_value_is_quoted_where_the_old_one_was_not() -> None:
    assert quoted("http://t/?a&b", Attribute(b"x", 0, 1, b"")) == b'"http://t/?a&amp;b"'
    assert quoted("http://t/'\"", attribute(b"x")) == b"http://t/&#39;&quot;"


@pytest.mark.parametrize(
    "inside", [b"a " * 200_000, b"a=" * 200_000, b"=" * 300_000, b" " * 300_000, b'""' * 200_000]
)
def test_many_attributes_take_linear_time(inside: bytes) -> None:
    with at_most(1):
        find(b"<a " + inside + b">", 0, len(inside) + 4, b"href")
