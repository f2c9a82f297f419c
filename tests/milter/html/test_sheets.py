import css_inline
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estafeta_milter.html.sheets import MATCH, Page, cost
from estafeta_testing.cost import at_most

COUNTS = {"p": 20, ".a": 5, "#i": 1, "td": 50}
PAGE = Page(elements=100, depth=10, declarations=0, candidates=lambda key: COUNTS[key])


def styled(sheet: str) -> int:
    """Return for how many elements of `PAGE` the one declaration of `sheet`, `x:y`, counts."""
    return cost([sheet], PAGE).bytes // len("x: y;")


@pytest.mark.parametrize(
    ("sheet", "elements"),
    [
        ("p{x:y}", 20),
        ("P{x:y}", 20),
        (".a{x:y}", 5),
        ("p.a{x:y}", 5),
        ("td#i.a:hover{x:y}", 1),
        ("td p{x:y}", 20),
        ("td>p{x:y}", 20),
        ("p, .a{x:y}", 25),
        ("td:nth-child( 2n+1 ){x:y}", 50),
        ("*{x:y}", 100),
        ("td *{x:y}", 100),
        ("[a~='p']{x:y}", 100),
        (":not(p){x:y}", 100),
        (":is(p, .a){x:y}", 100),
        (r".sm\:a{x:y}", 100),
        (".é{x:y}", 100),
        ("/* p */td/* { */{x:y}", 50),
        ("<!-- p{x:y} -->", 20),
        ("@media all{p{x:y}td{x:y}} .a{x:y}", 5),
        ("@font-face{x:y} @page :first{x:y} @-moz-keyframes a{from{x:y}} #i{x:y}", 1),
        ("@import 'x'; #i{x:y}", 1),
    ],
)
def test_a_rule_counts_for_the_elements_that_its_last_part_can_match(sheet: str, elements: int) -> None:
    assert styled(sheet) == elements


@pytest.mark.parametrize(
    "sheet",
    [
        "p{content:'}#i{'; x:y}",
        'p{content:"/*"; x:y}#i{a:"*/"}',
        r"p{content:'\'}#i{'; x:y}",
        r"p\{#i{x:y}",
        "p{a:url(x/*);x:y}#i{a:b*/}",
        "p{a:url(x{);x:y}#i{a:b}",
        "p{a:'\n;x:y}",
    ],
)
def test_a_sheet_that_may_read_otherwise_counts_for_all_elements(sheet: str) -> None:
    assert cost([sheet], PAGE).bytes >= 100 * len(sheet)


def test_what_stands_in_a_block_counts_for_the_selectors_around_it() -> None:
    assert styled("td{#i{x:y}") >= 50
    assert styled("td{@media all{x:y}}") >= 50
    assert styled("@layer q{td{x:y}}") >= 50


def test_a_selector_costs_what_it_is_compared_with() -> None:
    assert cost(["p.a{}"], PAGE).nanoseconds < cost(["td p.a{}"], PAGE).nanoseconds
    assert cost(["td p.a{}"], PAGE).nanoseconds < cost(["td ~ p.a{}"], PAGE).nanoseconds
    assert cost(["p{}"] * 1000, PAGE).nanoseconds >= 1000 * 20 * MATCH


def test_a_declaration_costs_more_the_more_properties_there_are() -> None:
    one = cost(["p{" + "a:b;" * 100 + "}"], PAGE).nanoseconds
    many = cost(["p{" + "".join(f"a{n}:b;" for n in range(100)) + "}"], PAGE).nanoseconds
    assert many > 3 * one


PARTS = st.sampled_from(
    [
        *(
            "p",
            ".a",
            "#i",
            "td",
            "*",
            "p.a",
            " ",
            ">",
            "~",
            ",",
            ":hover",
            ":not(p)",
            "&",
            "[",
            "]",
            "(",
            ")",
        ),
        *("{", "}", "{x:y}", "{a:b;c:d}", ";", "color:red", "e:'f'", "url("),
        *("/*", "*/", "'", '"', "\\", "<!--", "\n"),
        *("@media all{", "@layer q{", "@x", "@font-face{"),
    ]
)
BODY = "<div><p>1<p class=a>2<p id=i>3<table><tr><td>4<td><p class='a b'>5</table></div>"


@settings(max_examples=1500)
@given(st.lists(PARTS, max_size=14).map("".join))
def test_no_sheet_makes_more_than_said(sheet: str) -> None:
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False)
    plain, found = inliner.inline(BODY), inliner.inline(f"<style>{sheet}</style>{BODY}")
    elements = plain.count("<") - plain.count("</")
    counts = {"p": 5, ".a": 2, "#i": 1, "td": 2, ".b": 1}
    page = Page(elements, elements, 0, lambda key: counts.get(key, 0))
    assert len(found) - len(plain) <= cost([sheet], page).bytes + elements * len(' style=""')


@pytest.mark.parametrize(
    "unit",
    ["{", "}", ";", ",", "a", "(", "url(", "/*", "/**/", "'", "\\", "@media{", "p{", "p ", ">", ":", "'a'"],
)
def test_time_is_linear_in_the_sheet(unit: str) -> None:
    with at_most(2):
        cost([unit * (64 * 1024 // len(unit))], PAGE)
