"""What is known of a tree before it is built, beside the tree that css-inline's parser (html5ever) builds."""

import time

import css_inline
import pytest
import turbohtml
from hypothesis import given, settings
from hypothesis import strategies as st

from estafeta_milter.html.nesting import nesting

VOID = frozenset(
    {"area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen"}
    | {"link", "meta", "param", "source", "track", "wbr"}
)
RAW = ["iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"]
NAMES = [
    *("html", "head", "body", "div", "p", "span", "address", "section", "pre", "center", "h1", "h2"),
    *("a", "b", "i", "font", "em", "big", "strong", "u", "nobr", "code"),
    *("table", "tbody", "thead", "tr", "td", "th", "caption", "colgroup", "col"),
    *("li", "ul", "ol", "dd", "dt", "dl", "button", "form", "object", "marquee", "ruby", "rt", "rp"),
    *("br", "hr", "img", "input", "image", "label", "frame", "o:p", "custom"),
    *RAW,
]
PARSER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, keep_link_tags=True)


def built(markup: str) -> tuple[int, int]:
    """Return depth and number of elements of the tree that the parser builds, from what it writes of it."""
    written = PARSER.inline("<style>none{a:b}</style>" + markup)
    depth = deepest = number = 0
    for token in turbohtml.tokenize(written):
        if token.type is turbohtml.TokenType.START_TAG:
            number += 1
            deepest = max(deepest, depth + 1)
            depth += token.tag not in VOID
        elif token.type is turbohtml.TokenType.END_TAG:
            depth -= 1
    return deepest, number - 1


def assert_within(markup: str) -> None:
    found = nesting(markup.encode())
    assert found is not None
    depth, number = built(markup)
    assert depth <= found.depth
    assert number <= found.elements


ATTRIBUTES = st.sampled_from(["", "", " x=1", " x=2", "/", ' a=">"', " a='</p>'"])


@st.composite
def soups(draw: st.DrawFn, *, well_nested: bool) -> str:
    """Return tags of few names, which so meet each other often, and the same again and again."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=7))
    pieces: list[str] = []
    opened: list[str] = []
    for step in draw(st.lists(st.integers(0, 9), max_size=40)):
        name = draw(st.sampled_from(names))
        if step < 5:
            pieces.append(f"<{name}{draw(ATTRIBUTES)}>" + (f"</{name}>" if name in RAW else ""))
            opened += [] if name in VOID or name in RAW else [name]
        elif step < 8 and (opened or not well_nested):
            pieces.append(f"</{opened.pop() if well_nested else name}>")
        else:
            pieces.append(
                draw(st.sampled_from(["x", " ", "<!--[if mso]><div><![endif]-->", "<![if !mso]>", "<>"]))
            )
    pieces += [f"</{name}>" for name in reversed(opened)] if well_nested else []
    return "".join(pieces) * draw(st.integers(1, 5))


@settings(max_examples=400)
@given(soups(well_nested=False))
def test_no_tree_of_overlapping_tags_is_deeper_or_larger_than_said(markup: str) -> None:
    assert_within(markup)


@settings(max_examples=400)
@given(soups(well_nested=True))
def test_no_tree_of_nested_tags_is_deeper_or_larger_than_said(markup: str) -> None:
    assert_within(markup)


HOSTILE = {
    "open elements": "<div>",
    "open formatting elements": "<b>",
    "formatting elements that differ": "<font size={n}>",
    "formatting elements across paragraphs": "<font size={n}><p>",
    "three of the same": "<b><b><b><b></b></b></b>",
    "adoption": "<b><p></b>",
    "adoption of many": "<b><i><u><p></b></i></u>",
    "adoption inside of a table": "<b><table><tr><td></b>",
    "links in links": "<a href=x><div>",
    "links out of a table": "<table><a href={n}><tr><td><a>",
    "tables in rows": "<table><tr><td>",
    "tables without rows": "<table><td>",
    "tables in tables": "<table><table>",
    "moved out of a table": "<table><div>",
    "moved out of a table and closed": "<table><b></table>",
    "a form that is not closed": "<form><object></form></object></form>",
    "forms in forms": "<form><div><form></div></form>",
    "headings that close each other": "<h3><b><h1><h2></h2></h1></b></h3>",
    "items that close each other": "<ul><li><b><li></li></b></li>",
    "buttons that close each other": "<button><b><div><button></button></div></b></button>",
    "paragraphs across objects": "<p><object><p></p></object></p>",
    "an end that is one element lower": "<div><span></div></span><p><object></div></object>",
    "lone ends of paragraphs": "</p><div>",
    "voids": "<br><hr><img><input>",
    "self-closing": "<div/>",
    "tags in attributes": "<div a='</div>'><div b=\"</div>\">",
    "tags in comments": "<div><!-- </div> --><div><!--></div><!-->",
    "tags in raw texts": "<div><title></div></title><textarea></div></textarea><xmp></div></xmp>",
    "markers": "<object><b><td></object>",
    "a body again": "<div><body></body></html><html>",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_tree_is_not_deeper_or_larger_than_said(unit: str) -> None:
    assert_within("".join(unit.format(n=n) for n in range(120)))


@pytest.mark.parametrize(
    "unit", ["<svg><p>", "<math><mi>", "<select><option>", "<template>", "<noscript><p>"]
)
def test_where_tokens_do_not_tell_nothing_is_said(unit: str) -> None:
    assert nesting(f"<p>{unit}</p>".encode()) is None
    assert nesting(b"<frameset><frame></frameset>") is None


def test_depth_of_a_usual_page_is_nearly_that_of_its_tree() -> None:
    cell = "<td><p><a href=x><b>x</b><img></a><br><span>x</span></p></td>"
    page = "<table><tbody>" + f"<tr>{cell}{cell}</tr>" * 500 + "</tbody></table>"
    found = nesting(page.encode())
    assert found is not None
    assert built(page)[0] <= found.depth <= built(page)[0] + 4
    assert found.copies == {}


def test_where_tags_overlap_all_elements_count_for_the_depth() -> None:
    found = nesting(b"<b><p>x</b></p>" * 100)
    assert found is not None
    assert found.depth == 3 + 200 + 100  # a lone </p> makes an element
    assert set(found.copies) == {"b"}


def test_style_sheets_are_found_by_their_places() -> None:
    first = b"<!-- <style>a</style> --><style>\r\np{}<!-- --></style>"
    markup = first + b"<p><STYLE type=x>q</STYLE><title><style></title>"
    found = nesting(markup)
    assert found is not None
    assert [markup[start:end] for start, end in found.sheets] == [b"\r\np{}<!-- -->", b"q"]


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_time_is_linear(unit: str) -> None:
    def taken(times: int) -> float:
        markup = "".join(unit.format(n=n) for n in range(times)).encode()
        start = time.process_time()
        nesting(markup)
        return time.process_time() - start

    taken(100)
    assert taken(8_000) < 10 * taken(2_000) + 0.2
