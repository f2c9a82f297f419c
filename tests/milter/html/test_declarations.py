import css_inline
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_milter.html.declarations import is_sound
from estafeta_testing.cost import at_most

INLINER = css_inline.CSSInliner()

SOUND = [
    "",
    " ; ;",
    "color:red",
    "Color : RED !important ; margin:0;",
    "--own:1px;-webkit-box-flex:1;_height:1%",
    "font-family:'Times New Roman', \"Arial\", sans-serif",
    "background:url(data:image/png;base64,AA==) no-repeat",
    "width:calc(100% - 10px)",
    "filter:alpha(src='a;b')",
]
UNSOUND = [
    "border=0",
    "*zoom:1",
    "color",
    ":red",
    "{a:b}",
    "a:b;{{style}}",
    "[[colour]]",
    "@media print",
    "a:b/*;*/",
    "a:'b",
    "a:(b",
    r"a:\"b",
]


@pytest.mark.parametrize("style", SOUND)
def test_declarations_are_sound(style: str) -> None:
    assert is_sound(style)


@pytest.mark.parametrize("style", UNSOUND)
def test_whatever_else_is_found_in_mail_is_not(style: str) -> None:
    assert not is_sound(style)


PIECES = st.sampled_from(
    [*"a:; !(){}[]'\"\\/*@#=0-_<>&,%.\n", "--", "/*", "*/", "url(", "!important", "\u00e9"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_what_is_sound_never_makes_css_inline_give_up(style: str) -> None:
    if is_sound(style):
        value = style.replace("&", "&amp;").replace('"', "&quot;")
        assert 'style="' in INLINER.inline(f'<style>p{{q:r}}</style><p style="{value}">')


@pytest.mark.parametrize(
    "unit", ["a:b;", "a:(x)", "a:'x'", "!", " ", "a", "a: ", "a:!  ", "a:/", "a:((", "a:'", "-"]
)
def test_no_attribute_takes_long(unit: str) -> None:
    with at_most(1):
        for end in ("", "{", "*"):
            is_sound(unit * (200_000 // len(unit)) + end)
