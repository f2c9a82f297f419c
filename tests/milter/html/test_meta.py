import pytest

from estafeta_milter.html.meta import declare
from estafeta_testing.cost import at_most


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<meta charset="windows-1251">', '<meta charset="utf-8">'),
        ("<META CharSet = koi8-r>", '<META CharSet = "utf-8">'),
        ("<meta charset=''>", "<meta charset=''>"),
        (
            '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">',
            '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">',
        ),
        (
            "<meta content=' text/html;CHARSET = \"x y\" ;a' http-equiv=CONTENT-TYPE>",
            "<meta content=' text/html;CHARSET = \"utf-8 y\" ;a' http-equiv=CONTENT-TYPE>",
        ),
        (
            '<meta http-equiv="content-type" content="text/html;\r\n\tcharset=ISO-8859-1">',
            '<meta http-equiv="content-type" content="text/html;\r\n\tcharset=utf-8">',
        ),
        (
            "<meta http-equiv=content-type content=text/html;charset=&quot;x&quot;>",
            "<meta http-equiv=content-type content=text/html;charset=&quot;utf-8&quot;>",
        ),
        ("<p><meta charset=a><meta charset=b>", '<p><meta charset="utf-8"><meta charset="utf-8">'),
    ],
)
def test_d15_only_the_label_is_replaced(markup: str, expected: str) -> None:
    assert declare(markup.encode(), "utf-8").decode() == expected


@pytest.mark.parametrize(
    "markup",
    [
        "",
        "<p charset=x>metadata</p>",
        '<meta name="description" content="charset=x">',
        '<meta http-equiv="refresh" content="1; charset=x">',
        '<meta http-equiv="content-type" content="text/html">',
        "<meta http-equiv=content-type>",
        "<!-- <meta charset=x> -->",
        "<script><meta charset=x></script>",
        "<meta charset=x",
        "</meta charset=x>",
    ],
)
def test_what_names_no_charset_is_the_same_object(markup: str) -> None:
    data = markup.encode()
    assert declare(data, "utf-8") is data


@pytest.mark.parametrize(
    "markup",
    [
        b"<meta charset=x>" * 60_000,
        b"<meta http-equiv=content-type content='" + b"charset" * 140_000 + b"'>",
        b"<meta http-equiv=content-type content='charset" + b" " * 1_000_000 + b"'>",
        b"<meta http-equiv=content-type content='" + b"charset " * 125_000 + b"'>",
        b"<meta " + b"charset " * 125_000 + b">",
    ],
)
def test_c4_hostile_markup_takes_linear_time(markup: bytes) -> None:
    with at_most(2):
        declare(markup, "utf-8")
