from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_milter.html.anchor import MAX_LINKS, Anchor
from estafeta_milter.message.message import Message
from estafeta_milter.text_links import rewrite_links
from estafeta_testing import corpora
from estafeta_testing.cost import at_most


def links(text: str, charset: str = "utf-8") -> tuple[str, list[Anchor]]:
    seen: list[Anchor] = []

    def target(anchor: Anchor) -> str:
        seen.append(anchor)
        return f"@{len(seen)}"

    return rewrite_links(text.encode(charset), charset, target).decode(charset), seen


@pytest.mark.parametrize(
    ("text", "expected", "urls"),
    [
        ("http://x.com/", "@1", ["http://x.com/"]),
        ("See HTTPS://x.com/a.", "See @1.", ["HTTPS://x.com/a"]),
        ("(see http://x.com/a_(b)).", "(see @1).", ["http://x.com/a_(b)"]),
        ("<http://x.com/?a[]=1&b>", "<@1>", ["http://x.com/?a[]=1&b"]),
        ("\"http://x.com\", 'http://y.com'!", "\"@1\", '@2'!", ["http://x.com", "http://y.com"]),
        ("[http://x.com/] {http://y.com/}", "[@1] {@2}", ["http://x.com/", "http://y.com/"]),
        ("http://x.com/?u=http://y.com/", "@1", ["http://x.com/?u=http://y.com/"]),
        ("http://x.com/a;b=c%20d?e=f,g#h:i!", "@1!", ["http://x.com/a;b=c%20d?e=f,g#h:i"]),
        (
            "> http://x.com/a\r\n  http://y.com/b\r\n",
            "> @1\r\n  @2\r\n",
            ["http://x.com/a", "http://y.com/b"],
        ),
        ("詳細はhttp://x.com/。次", "詳細は@1。次", ["http://x.com/"]),
        ("«http://x.com/»\u00a0“http://y.com/”", "«@1»\u00a0“@2”", ["http://x.com/", "http://y.com/"]),
    ],
)
def test_links_are_found_as_mail_clients_find_them(text: str, expected: str, urls: list[str]) -> None:
    rewritten, seen = links(text)
    assert rewritten == expected
    assert [anchor.url for anchor in seen] == urls


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "http://",
            "http:// x",
            "http://...",
            "xhttp://x.com/",
            "www.x.com",
            "mailto:a@b.com",
            "ftp://x.com/",
        ),
        *(
            "[Unsubscribe]",
            "http://[Unsubscribe]",
            "http://{{link}}",
            "http://%%link%%/",
            "http://x.com/café",
        ),
        *("http://пример.рф/", "http://x.com/日本"),
    ],
)
def test_everything_else_stays(text: str) -> None:
    data = text.encode()
    assert rewrite_links(data, "utf-8", lambda _: "@") is data


@pytest.mark.parametrize(
    ("text", "expected", "seen"),
    [
        ('http://x.com/[[data-msys-unsubscribe="1"]].', "@1.", [Anchor("http://x.com/", "", True)]),
        ('http://x.com/[[data-msys-linkname="a b"]]', "@1", [Anchor("http://x.com/", "a b", False)]),
        ('http://x.com/[[data-msys-clicktrack="0"]] y', "http://x.com/ y", []),
        (
            '<http://x.com/[[data-msys-linkname="é"]][[data-msys-unsubscribe="1"]]>',
            "<@1>",
            [Anchor("http://x.com/", "é", True)],
        ),
        (
            'http://x.com/ [[data-msys-unsubscribe="1"]]',
            '@1 [[data-msys-unsubscribe="1"]]',
            [Anchor("http://x.com/", "", False)],
        ),
        ('[[data-msys-unsubscribe="1"]]', '[[data-msys-unsubscribe="1"]]', []),
        ("http://x.com/[[other]]", "@1[[other]]", [Anchor("http://x.com/", "", False)]),
    ],
)
def test_a_marker_behind_a_link_leaves_the_text(text: str, expected: str, seen: list[Anchor]) -> None:
    assert links(text) == (expected, seen)


def test_a_marker_goes_even_when_the_link_stays() -> None:
    text = b'http://x.com/[[data-msys-unsubscribe="1"]]'
    assert rewrite_links(text, "utf-8", lambda _: None) == b"http://x.com/"


@pytest.mark.parametrize(
    ("charset", "word"),
    [("shift_jis", "表ソ"), ("gb18030", "你好𠀀"), ("big5", "功許"), ("iso-8859-1", "é"), ("koi8-r", "Ж")],
)
def test_other_bytes_stay_in_every_charset(charset: str, word: str) -> None:
    data = f"{word} http://x.com/ {word}\r\n".encode(charset)
    assert rewrite_links(data, charset, lambda _: "http://t/") == data.replace(b"http://x.com/", b"http://t/")


@pytest.mark.parametrize("charset", ["", "us-ascii", "utf-8", "iso-8859-1"])
def test_a_wrongly_declared_text_keeps_its_bytes(charset: str) -> None:
    data = b"caf\xe9\x81 http://x.com/ \xff"
    assert rewrite_links(data, charset, lambda _: "@") == b"caf\xe9\x81 @ \xff"


@pytest.mark.parametrize(
    ("charset", "data"),
    [
        ("iso-2022-jp", b"http://x.com/"),
        ("utf-16", "http://x.com/".encode("utf-16")),
        ("unicode_escape", b"http://x.com/"),
        ("shift_jis", b"\x81 http://x.com/"),
    ],
)
def test_c6_a_text_that_cannot_be_read_is_left_alone(charset: str, data: bytes) -> None:
    assert rewrite_links(data, charset, lambda _: "@") is data


def test_an_answer_must_be_ascii() -> None:
    with pytest.raises(UnicodeEncodeError):
        rewrite_links(b"http://x.com/", "utf-8", lambda _: "é")


PIECES = [
    "http://",
    "https://x.com/",
    "(",
    ")",
    "]",
    "[[",
    '[[data-msys-clicktrack="0"]]',
    ".",
    ",",
    " ",
    "é",
    "\r\n",
    "a",
    "<",
    '"',
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text())
def test_what_is_answered_with_itself_changes_nothing_but_markers(text: str) -> None:
    data = text.encode("utf-8", "ignore")
    same = rewrite_links(data, "utf-8", lambda anchor: anchor.url)
    marker = b'[[data-msys-clicktrack="0"]]'
    assert same.replace(marker, b"") == data.replace(marker, b"")


@given(st.binary(), st.sampled_from(["", "utf-8", "shift_jis", "gb18030", "iso-8859-1", "big5"]))
def test_no_text_raises(data: bytes, charset: str) -> None:
    rewrite_links(data, charset, lambda _: "@")


@pytest.mark.parametrize(
    "unit",
    [
        "http://",
        "http://x.com/ ",
        "http://x.com/)",
        ")",
        "(",
        ".",
        "[[",
        '[[data-msys-linkname="',
        "x",
        "h",
        " ",
    ],
)
@pytest.mark.parametrize("before", ["", "http://x.com/", "http://x.com/[["])
def test_hostile_text_takes_linear_time(unit: str, before: str) -> None:
    data = (before + unit * (500_000 // len(unit))).encode()
    with at_most(2):
        rewrite_links(data, "utf-8", lambda _: "@")


@pytest.mark.parametrize("path", corpora.parameters(corpora.messages()))
def test_the_text_of_every_message_is_rewritten_link_by_link(path: Path) -> None:
    headers, body = corpora.received(path.read_bytes())
    message = Message("", (), headers, body)
    for part in message.text_parts():
        text = message.decoded(part)
        if part.content_type == "text/plain" and text is not None:
            originals: list[bytes] = []

            def target(anchor: Anchor, seen: list[bytes] = originals) -> str:
                seen.append(anchor.url.encode("ascii"))
                return "@LINK@"

            edited = rewrite_links(text, part.charset, target)
            pieces = edited.split(b"@LINK@")
            originals.append(b"")
            assert b"".join(piece + url for piece, url in zip(pieces, originals, strict=True)) == text


def test_of_a_flood_of_links_only_the_first_are_led_through_us() -> None:
    edited, seen = links("http://x.test/ " * (MAX_LINKS + 2))
    assert len(seen) == MAX_LINKS
    assert edited.endswith(f"@{MAX_LINKS} http://x.test/ http://x.test/ ")
