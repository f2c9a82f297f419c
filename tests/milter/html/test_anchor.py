import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_milter.html.anchor import web_url
from estafeta_testing.cost import at_most


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("http://example.com", "http://example.com"),
        (" \n HTTPS://Example.com/a b\t\r\n", "HTTPS://Example.com/a b"),
        ("http://exa\nmple.com/\t?x", "http://example.com/?x"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("http://user:pw@example.com:80?q", "http://user:pw@example.com:80?q"),
        ("http://example.com/%41;a=b?c=%C3%A9&d#e#f", "http://example.com/%41;a=b?c=%C3%A9&d#e#f"),
        ("http://example.com/{{id}}?a[]=1", "http://example.com/{{id}}?a[]=1"),
        ("http://пример.рф/é?é", "http://пример.рф/é?é"),
    ],
)
def test_c12_web_links_keep_every_sign(value: str, url: str) -> None:
    assert web_url(value, "utf-8") == url


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "#top",
            "/path",
            "example.com",
            "//example.com/",
            "http:/x",
            "http:x",
            "http://",
            "http:///x",
            "https://?x",
        ),
        *(
            "mailto:a@b",
            "tel:+1",
            "cid:x@y",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://x/",
            "xhttp://x/",
        ),
        *("[Unsubscribe]", "{{link}}", "%%link%%", "*|LINK|*", "<%= link %>", "${link}"),
        *(
            "http://[Unsubscribe]",
            "http://{{link}}",
            "http://%%link%%/",
            "http://*|LINK|*",
            "http://${link}/x",
        ),
        *("http://example.com/\x01x", "http://exa mple.com/"),
    ],
)
def test_c12_everything_else_is_no_link(value: str) -> None:
    assert web_url(value, "utf-8") is None


def test_a_query_is_sent_in_the_charset_of_the_text() -> None:
    assert web_url("http://x/é?é=€&ж#é", "cp1252") == "http://x/é?%E9=%80&%26%231078%3B#é"
    assert web_url("http://x/?日", "cp932") == "http://x/?%93%FA"


@given(st.text())
def test_no_text_raises(value: str) -> None:
    web_url("http://x" + value, "cp1252")


def test_a_long_text_takes_linear_time() -> None:
    with at_most(1):
        web_url("http://" + "x" * 1_000_000, "utf-8")
        web_url(" " * 1_000_000 + "http://", "utf-8")
