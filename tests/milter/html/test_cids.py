import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_milter.html.cids import MAX_NAME, MAX_REFERENCES, redirect, references
from estafeta_testing.cost import at_most

URL = "https://h/i/T"


def names(markup: str | bytes, charset: str = "utf-8") -> list[str]:
    found = references(markup.encode() if isinstance(markup, str) else markup, charset)
    assert found is not None
    return [reference.name for reference in found]


def redirected(markup: str) -> str:
    return redirect(markup.encode(), "utf-8", lambda name: URL if "a@b" in name.lower() else None).decode()


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<img src="cid:a@b">', '<img src="https://h/i/T">'),
        ("<IMG SRC = 'CID:A@B' alt=x>", "<IMG SRC = 'https://h/i/T' alt=x>"),
        ("<img src=cid:a@b>", '<img src="https://h/i/T">'),
        ('<img src="cid:a@b"/>', '<img src="https://h/i/T"/>'),
        ('<img\r\nsrc="\r\n cid:a@b\t">', '<img\r\nsrc="https://h/i/T">'),
        ('<img src="cid:a&#64;b&amp;c">', '<img src="https://h/i/T">'),
        ('<body background="cid:a@b">', '<body background="https://h/i/T">'),
        ("<td background=cid:a@b>", '<td background="https://h/i/T">'),
        ('<video poster="cid:a@b">', '<video poster="https://h/i/T">'),
        ('<object data="cid:a@b">', '<object data="https://h/i/T">'),
        ('<a href="cid:a@b">x</a>', '<a href="https://h/i/T">x</a>'),
        ('<svg><image xlink:href="cid:a@b"/></svg>', '<svg><image xlink:href="https://h/i/T"/></svg>'),
        ('<v:fill src="cid:a@b" o:href="cid:a@b"/>', '<v:fill src="https://h/i/T" o:href="https://h/i/T"/>'),
        (
            '<img srcset="cid:a@b 1x, cid:x@b 2x,cid:a@b 3x">',
            '<img srcset="https://h/i/T 1x, cid:x@b 2x,https://h/i/T 3x">',
        ),
        ('<p style="background:url(cid:a@b)">', '<p style="background:url(https://h/i/T)">'),
        ("<p style=background:url(cid:a@b)>", "<p style=background:url(https://h/i/T)>"),
        ("<p style=\"a:url('cid:a@b');b:c\">", "<p style=\"a:url('https://h/i/T');b:c\">"),
        ("<p style='a: URL( \"cid:a@b\" )'>", "<p style='a: URL( \"https://h/i/T\" )'>"),
        ('<p style="a:url(&quot;cid:a@b&quot;)">', '<p style="a:url(&quot;https://h/i/T&quot;)">'),
        ("<p style='a:url(&#39;cid:a@b&#39;)'>", "<p style='a:url(&#39;https://h/i/T&#39;)'>"),
        ("<p style='a:url(&#x27;cid:a@b&#x27;)'>", "<p style='a:url(&#x27;https://h/i/T&#x27;)'>"),
        ('<p style="a:url(cid:a&#64;b)">', '<p style="a:url(https://h/i/T)">'),
        ('<p style="a:url(cid:<a@b>)">', '<p style="a:url(https://h/i/T)">'),
        (
            "<style>p { background: url('cid:a@b') }\r\nq { background: url(CID:a@b) }</style>",
            "<style>p { background: url('https://h/i/T') }\r\nq { background: url(https://h/i/T) }</style>",
        ),
        ("<style>p{a:url(cid:a@b)}", "<style>p{a:url(https://h/i/T)}"),
        (
            '<!--[if gte mso 9]><v:image src="cid:a@b"/><![endif]-->',
            '<!--[if gte mso 9]><v:image src="https://h/i/T"/><![endif]-->',
        ),
        ('<noscript><img src="cid:a@b"></noscript>', '<noscript><img src="https://h/i/T"></noscript>'),
        ('<![if !mso]><img src="cid:a@b"><![endif]>', '<![if !mso]><img src="https://h/i/T"><![endif]>'),
    ],
)
def test_c14_only_the_reference_is_replaced(markup: str, expected: str) -> None:
    assert redirected(markup) == expected


@pytest.mark.parametrize(
    "markup",
    [
        *('<img src="cid:other@b">', '<img src="http://x/cid:a@b">', '<img src="acid:a@b">'),
        *('<p title="cid:a@b">cid:a@b</p>', '<img alt="cid:a@b">', "<title>cid:a@b</title>"),
        *('<img src="cid:', '<img src="cid:a@b', "<textarea>cid:a@b</textarea>", '<img src="c id:a@b">'),
        *('<p style="a:url(acid:a@b)">', "<style>cid:</style>", '</p style="a:url(cid:a@b)">'),
    ],
)
def test_c14_everything_else_is_the_same_object(markup: str) -> None:
    data = markup.encode()
    assert redirect(data, "utf-8", lambda name: URL if name == "a@b" else None) is data


def test_c14_percent_escapes_are_left_to_whoever_knows_the_parts() -> None:
    assert names("<img src='cid:a%40b'><p style='a:url(cid:%3Ca%40b%3E)'>") == ["a%40b", "%3Ca%40b%3E"]


def test_the_first_of_two_attributes_counts() -> None:
    assert redirected("<img src=cid:a@b src=cid:a@b>") == '<img src="https://h/i/T" src=cid:a@b>'


@pytest.mark.parametrize("charset", ["utf-8", "windows-1252", "shift_jis", "gb18030"])
def test_references_are_read_in_the_charset_of_the_text(charset: str) -> None:
    codec = {"windows-1252": "cp1252", "shift_jis": "cp932"}.get(charset, charset)
    word = "日本" if charset in {"shift_jis", "gb18030"} else "año"
    markup = f"{word}<img src='cid:{word}@b'><p style='a:url(cid:{word}@c)'>{word}".encode(codec)
    assert names(markup, charset) == [f"{word}@b", f"{word}@c"]
    after = redirect(markup, charset, lambda _: URL)
    assert after == f"{word}<img src='{URL}'><p style='a:url({URL})'>{word}".encode(codec)


@pytest.mark.parametrize("charset", ["utf-16", "iso-2022-jp", "nonsense"])
def test_in_a_charset_that_is_not_edited_references_cannot_be_known(charset: str) -> None:
    data = b"<img src='cid:a@b'>"
    assert references(data, charset) is None
    assert references(b"<p>\0", "utf-8") is None
    assert redirect(data, charset, lambda _: URL) is data


def test_a_text_without_any_is_known_to_have_none() -> None:
    assert references(b"<p>decided</p>", "utf-8") == []
    assert references(b"", "") == []


def test_too_many_references_are_as_good_as_unknown() -> None:
    assert len(names("<img src=cid:a>" * MAX_REFERENCES)) == MAX_REFERENCES
    assert references(b"<img src=cid:a>" * (MAX_REFERENCES + 1), "") is None


def test_a_reference_longer_than_any_id_is_none() -> None:
    assert names(f"<p style='a:url(cid:{'a' * MAX_NAME})'>") == ["a" * MAX_NAME]
    assert names(f"<p style='a:url(cid:{'a' * MAX_NAME}b)'>") == []
    assert names(f"<p style='a:url(cid:&#{'9' * 5000};)'>") == []


@pytest.mark.parametrize(
    "markup",
    [
        b"cid:" * 250_000,
        b'<p style="' + b"cid:" * 250_000 + b'">',
        b'<p style="' + b"cid:<" * 200_000 + b'">',
        b'<p style="' + b"cid:&#0" * 150_000 + b'">',
        b'<p style="cid:&#' + b"0" * 1_000_000 + b'">',
        b'<p style="cid:' + b"&amp;" * 200_000 + b'">',
        b'<p style="cid:<' + b"a" * 1_000_000 + b'">',
        b"<style>" + b"cid:a " * 170_000,
        b"<style>cid:" * 90_000,
        b"<style><style>cid:a</style>" * 40_000,
        b"<!--cid:a" * 110_000,
        b"<img " + b"src=cid:x " * 100_000 + b">",
        b"<img src=cid:x style=cid:x>" * 37_000,
        b'<img src="cid:' + b"&#x" * 300_000 + b'">',
        b"<noscript>cid:a" * 60_000,
    ],
)
def test_c4_hostile_markup_takes_linear_time(markup: bytes) -> None:
    with at_most(2):
        redirect(markup, "", lambda _: URL)


MARKS = ["<img ", "src=", "style=", "cid:", "CID:a@b", '"', "'", ">", "<style>", "</style>", "<!--", "-->"]


@given(st.lists(st.sampled_from(MARKS) | st.text(max_size=3), max_size=20).map("".join))
def test_any_markup_keeps_what_is_no_reference(markup: str) -> None:
    data = markup.encode("utf-8", "replace")
    found = references(data, "utf-8")
    if found is None:
        return
    after, end = redirect(data, "utf-8", lambda _: URL), 0
    for reference in found:
        assert reference.start >= end
        assert data[end : reference.start] in after
        end = reference.end
    assert after.endswith(data[end:])


def test_references_come_in_the_order_of_the_text() -> None:
    assert names("<img style='a:url(cid:1)' src=cid:2 srcset=cid:3>") == ["1", "2", "3"]
