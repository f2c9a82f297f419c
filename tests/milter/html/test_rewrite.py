import re
from pathlib import Path

import pytest
import turbohtml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from estafeta_milter.html.anchor import MAX_LINKS, Anchor
from estafeta_milter.html.rewrite import holds, insert, track
from estafeta_milter.message.message import Message
from estafeta_testing import corpora
from estafeta_testing.cost import at_most

TOP, BOTTOM = '<img src="http://t/top">', '<img src="http://t/bottom">'


def links(markup: bytes, charset: str = "utf-8") -> tuple[bytes, list[Anchor]]:
    seen: list[Anchor] = []

    def target(anchor: Anchor) -> str:
        seen.append(anchor)
        return f"http://t/{len(seen)}"

    return track(markup, charset, target), seen


def pixels(markup: str) -> str:
    return track(markup.encode(), "utf-8", None, "[T]", "[B]").decode()


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<a href="http://x/">', '<a href="http://t/1">'),
        ("<A HREF = 'HTTP://x/' id=1>", "<A HREF = 'http://t/1' id=1>"),
        ("<a href=http://x/>y</a>", '<a href="http://t/1">y</a>'),
        ('<area href="https://x/"/>', '<area href="http://t/1"/>'),
        ('<a href=" http://\r\nx/\t">', '<a href="http://t/1">'),
        ("<a href='http://1/'><a href='http://2/'>", "<a href='http://t/1'><a href='http://t/2'>"),
        ('<a href="http://x/"href="http://y/">', '<a href="http://t/1"href="http://y/">'),
    ],
)
def test_c12_only_the_value_is_replaced(markup: str, expected: str) -> None:
    assert links(markup.encode())[0].decode() == expected


@pytest.mark.parametrize(
    "markup",
    [
        *(
            "<a>",
            "<a href>",
            '<a href="">',
            '<a href="#x">',
            '<a href="mailto:a@b">',
            '<a href="[Unsubscribe]">',
        ),
        *(
            '<img src="http://x/">',
            '<link href="http://x/">',
            '<base href="http://x/">',
            '<abbr href="http://x/">',
        ),
        *('<!-- <a href="http://x/"> -->', '<!--[if mso]><a href="http://x/"></a><![endif]-->'),
        *('<script><a href="http://x/"></script>', '<style><a href="http://x/"></style>'),
        *('<textarea><a href="http://x/"></textarea>', '<title><a href="http://x/"></title>'),
        *('<a href="http://x/', '<a href="http://x/"', "<a href=http://x/ ", '</a href="http://x/">'),
        *('<a data-msys-clicktrack="0" href="http://x/">', '<a data-href="http://x/">'),
    ],
)
def test_c12_everything_else_is_the_same_object(markup: str) -> None:
    data = markup.encode()
    assert links(data)[0] is data


def test_c12_the_url_is_what_a_browser_opens() -> None:
    markup = '<a href="http://x/?a=1&amp;b=2&copy=3&#x26;c&notit;&#47;%41;#f">'
    assert links(markup.encode())[1] == [Anchor("http://x/?a=1&b=2&copy=3&c&notit;/%41;#f", "", False)]


def test_sparkposts_attributes_are_read() -> None:
    markup = '<a data-msys-linkname="caf&eacute; ñ" href="http://x/" data-msys-unsubscribe="1">'
    assert links(markup.encode())[1] == [Anchor("http://x/", "café ñ", True)]
    assert links(b'<a data-msys-unsubscribe="0" data-msys-linkname href="http://x/">')[1] == [
        Anchor("http://x/", "", False)
    ]


def test_a_link_without_an_answer_stays() -> None:
    data = b'<a href="http://x/"><a href="http://y/">'
    assert track(data, "utf-8", lambda _: None) is data
    answer = track(data, "utf-8", lambda anchor: "http://t/?a&b" if "y" in anchor.url else None)
    assert answer == b'<a href="http://x/"><a href="http://t/?a&amp;b">'


@pytest.mark.parametrize(
    "charset", ["utf-8", "iso-8859-1", "windows-1251", "shift_jis", "gb18030", "big5", "euc-kr"]
)
def test_c11_other_bytes_stay_in_every_charset(charset: str) -> None:
    word = {
        "windows-1251": "Привет",
        "shift_jis": "表示ソ",
        "gb18030": "你好𠀀",
        "big5": "功許蓋",
        "euc-kr": "안녕",
    }
    around = word.get(charset, "é").encode("cp949" if charset == "euc-kr" else charset)
    data = around + b"<p title='" + around + b"'><a href='http://x/'>" + around + b"</a>" + around
    assert links(data, charset)[0] == data.replace(b"http://x/", b"http://t/1")


@pytest.mark.parametrize(
    "charset", ["iso-2022-jp", "utf-16", "utf-7", "hz-gb-2312", "unicode_escape", "nonsense"]
)
def test_c6_other_charsets_leave_the_markup_alone(charset: str) -> None:
    data = b'<a href="http://x/">'
    assert track(data, charset, lambda _: "http://t/", TOP, BOTTOM) is data


def test_c6_utf_16_under_a_wrong_label_is_left_alone() -> None:
    data = '<body><a href="http://x/">'.encode("utf-16")
    assert track(data, "utf-8", lambda _: "http://t/", TOP, BOTTOM) is data


def test_a_link_that_is_not_in_the_charset_is_left_alone() -> None:
    data = b'<a href="http://x/\xff"><a href="http://y/">'
    assert links(data)[0] == data.replace(b"http://y/", b"http://t/1")


@pytest.mark.parametrize("padding", [0, 300_000])
def test_a_markup_that_was_read_before_gets_each_time_what_is_answered(padding: int) -> None:
    markup = b'<body><a href="http://a.example/caf\xe9?\xe9">x</a>' + b"x" * padding
    for charset, seen in (("iso-8859-1", "?%E9"), ("utf-8", None), ("windows-1251", "?%E9")):
        for answer in ("https://one.example/", "https://two.example/"):
            urls: list[str] = []

            def target(anchor: Anchor, urls: list[str] = urls, answer: str = answer) -> str:
                urls.append(anchor.url)
                return answer

            done = track(markup, charset, target, top=f"<i>{answer}</i>")
            assert done.startswith(b"<body><i>" + answer.encode())
            assert [url[-4:] for url in urls] == ([] if seen is None else [seen])
            assert (b'href="' + answer.encode() in done) is (seen is not None)


def test_an_answer_must_be_ascii() -> None:
    with pytest.raises(UnicodeEncodeError):
        track(b'<a href="http://x/">', "utf-8", lambda _: "http://é/")


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (
            "<html><head></head><body class=x>text</body></html>",
            "<html><head></head><body class=x>[T]text[B]</body></html>",
        ),
        ("<html><head></head>text</html>", "<html><head></head>[T]text[B]</html>"),
        ("<!doctype html><html lang=x>text", "<!doctype html><html lang=x>[T]text[B]"),
        (" <!DOCTYPE html PUBLIC 'x'>text", " <!DOCTYPE html PUBLIC 'x'>[T]text[B]"),
        ("text", "[T]text[B]"),
        ("", "[T][B]"),
        ("\ufefftext", "\ufeff[T]text[B]"),
        ("\ufeff<html><body>x</body></html>", "\ufeff<html><body>[T]x[B]</body></html>"),
        ("<BODY>a</BODY>b</body>c", "<BODY>[T]a</BODY>b[B]</body>c"),
        ("<body>a<body>b", "<body>[T]a<body>b[B]"),
        ("</body><body>a", "</body><body>[T][B]a"),
        ("<!-- <body> --><body>a<!-- </body> -->", "<!-- <body> --><body>[T]a<!-- </body> -->[B]"),
        ("<!--[if mso]><body><![endif]--><body>a", "<!--[if mso]><body><![endif]--><body>[T]a[B]"),
        ("<head><script>'<body>'</script></head>a", "<head><script>'<body>'</script></head>[T]a[B]"),
        ("<body><textarea></body></textarea>", "<body>[T]<textarea></body></textarea>[B]"),
        ("<body>a<!-- open", "<body>[T][B]a<!-- open"),
        ("<body>a<script>open", "<body>[T][B]a<script>open"),
        ("<body>a<a href='open", "<body>[T][B]a<a href='open"),
        ("<body>a<a href=open ", "<body>[T][B]a<a href=open "),
        ("<body>a</p ", "<body>[T][B]a</p "),
        ("<body>a<", "<body>[T]a<[B]"),
    ],
)
def test_pixels_stand_where_the_body_begins_and_ends(markup: str, expected: str) -> None:
    assert pixels(markup) == expected


def test_a_frameset_has_no_body_to_put_pixels_in() -> None:
    assert pixels("<html><frameset><frame></frameset></html>") == "<html><frameset><frame></frameset></html>"


def test_no_pixels_and_no_links_are_the_same_object() -> None:
    data = b"<body>x</body>"
    assert track(data, "utf-8", None) is data


def test_links_and_pixels_come_in_one_pass() -> None:
    data = b"<body><a href=http://x/></body>"
    both = track(data, "utf-8", lambda _: "http://t/", TOP, BOTTOM)
    assert both == b"<body>" + TOP.encode() + b'<a href="http://t/">' + BOTTOM.encode() + b"</body>"


# Invariants: taking the edits out again gives back the input, whatever it is.

PIECES = [
    *(
        "<!--",
        "-->",
        "<!--[if mso]>",
        "<![endif]-->",
        "<body>",
        "</body>",
        "<head>",
        "</head>",
        "<html>",
        "</html>",
    ),
    *(
        "<p>",
        "<script>",
        "</script>",
        "<!doctype html>",
        "<a ",
        "href=",
        '"',
        "'",
        ">",
        "<a",
        "http://",
        "é",
        "\r\n",
    ),
    *(
        "<a href='http://x/'>",
        "<a href=http://y/>",
        '<a href="http://z/?a&amp;b">',
        "\r",
        "\n",
        " ",
        "=",
        "/",
        "<",
    ),
    *(
        "&amp;",
        "<textarea>",
        "</textarea>",
        "<svg>",
        "<![CDATA[",
        "]]>",
        "<title>",
        "</title>",
        "<plaintext>",
    ),
    *("<template>", "\ufeff", "x"),
]
MARKUPS = st.lists(st.sampled_from(PIECES), max_size=30).map(
    lambda pieces: "".join(pieces).encode()
) | st.binary(max_size=99)


@settings(max_examples=1000)
@given(markup=MARKUPS)
@example(markup=b"<a href=http://x/")
@example(markup=b"<a href=http://x/><a href=http://y/ ><a href='http://z/'>")
def test_c12_bytes_outside_the_edits_never_change(markup: bytes) -> None:
    urls: list[str] = []

    def target(anchor: Anchor) -> str:
        urls.append(anchor.url)
        return "@LINK@"

    edited = track(markup, "utf-8", target, "@TOP@", "@BOTTOM@")
    around = edited.replace(b"@TOP@", b"", 1).replace(b"@BOTTOM@", b"", 1).split(b"@LINK@")
    assert len(around) == len(urls) + 1
    # A value that had no quotes got them; any other byte around a link is the input's own.
    pattern = rb"(?s:.*?)".join(re.escape(piece) for piece in around)
    pattern = pattern.replace(b'"(?s:', b'"?(?s:').replace(b'.*?)"', b'.*?)"?')
    assert re.fullmatch(pattern, markup)


@settings(max_examples=500)
@given(markup=MARKUPS)
def test_an_edited_markup_reads_as_the_same_tags(markup: bytes) -> None:
    edited = track(markup, "utf-8", lambda _: "http://t/", '<img src="t">', '<img src="b">')
    before, after = tags(markup), tags(edited)
    assert [tag for tag in after if tag != ("img", ())] == before
    assert len(after) in {len(before), len(before) + 2}


def tags(markup: bytes) -> list[tuple[str, tuple[str, ...]]]:
    """Return name and attribute names of every start tag."""
    tokens = turbohtml.tokenize(markup.decode("latin-1").replace("\0", "?"))
    starts = [token for token in tokens if token.type is turbohtml.TokenType.START_TAG and token.tag]
    return [
        (token.tag or "", tuple(name for name, _ in token.attrs or [] if name != "src")) for token in starts
    ]


@given(markup=st.text().map(lambda text: text.encode("utf-8", "ignore")))
def test_no_markup_raises(markup: bytes) -> None:
    for charset in ("utf-8", "us-ascii", "shift_jis"):
        track(markup, charset, lambda _: "http://t/", TOP, BOTTOM)


# Time

HOSTILE = {
    "unclosed-a": "<a ",
    "unclosed-href": '<a href="',
    "bang": "<![",
    "cdata": "<svg><![CDATA[",
    "comment": "<!--",
    "comment-ends": "--!>",
    "nest-div": "<div>",
    "nest-formatting": "<font size=1><p>",
    "nest-table": "<b><table>",
    "links": '<a href="http://x/?a=1&amp;b=2">x</a>',
    "bare-links": "<a href=http://x/>",
    "href-in-one-tag": '<a href="http://x/" ',
    "attrs": "a=1 ",
    "entities": "&amp;",
    "lt": "<",
    "quotes": "<a '\"",
    "body": "<body></body>",
    "textarea": "<textarea>",
    "script": "<script></",
    "doctype": "<!doctype ",
    "spaces": "<a                    ",
}


def tracked_in_time(markup: bytes) -> None:
    with at_most(2):
        track(markup, "utf-8", lambda _: "http://t/", TOP, BOTTOM)


@pytest.mark.parametrize("before", ["", "<a ", '<a href="http://x/?'], ids=["text", "tag", "value"])
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_c4_hostile_markup_takes_linear_time(name: str, before: str) -> None:
    unit = HOSTILE[name]
    tracked_in_time((before + unit * (500_000 // len(unit))).encode())


def test_c4_formatting_that_a_tree_builder_repeats_takes_linear_time() -> None:
    tracked_in_time("".join(f"<font size={n}><p>" for n in range(25_000)).encode())


def test_c12_twenty_thousand_links_are_all_rewritten() -> None:
    data = b"".join(b'<a href="http://x/%d">' % n for n in range(20_000))
    rewritten, seen = links(data)
    assert len(seen) == 20_000
    assert seen[-1].url == "http://x/19999"
    assert rewritten.endswith(b'<a href="http://t/20000">')


# The corpora


@pytest.mark.parametrize("path", corpora.parameters(corpora.templates()))
def test_c12_templates_keep_every_byte_but_their_links(path: Path) -> None:
    data = path.read_bytes()
    originals: list[bytes] = []

    def target(anchor: Anchor) -> str:
        originals.append(anchor.url.replace("&", "&amp;").encode())
        return f"http://t/{len(originals) - 1}."

    edited = track(data, "utf-8", target, TOP, BOTTOM)
    undone = edited.replace(TOP.encode(), b"", 1).replace(BOTTOM.encode(), b"", 1)
    for number, original in enumerate(originals):
        undone = undone.replace(b"http://t/%d." % number, original, 1)
    assert undone == data
    tree = turbohtml.parse(data.decode())
    found = [
        element.attrs["href"] for element in tree.iter_elements(("a", "area")) if "href" in element.attrs
    ]
    assert len(originals) == sum(
        1 for url in found if isinstance(url, str) and re.match("https?://[^{]", url)
    )


@pytest.mark.parametrize("path", corpora.parameters(corpora.messages()))
def test_c12_the_html_of_every_message_is_tracked_in_time(path: Path) -> None:
    headers, body = corpora.received(path.read_bytes())
    message = Message("", (), headers, body)
    for part in message.text_parts():
        text = message.decoded(part)
        if part.content_type == "text/html" and text is not None:
            tracked_in_time(text)
            edited = track(text, part.charset, lambda _: "http://t/", TOP, BOTTOM)
            again = message.replace_text(part, edited).rendered()
            assert again.decoded(again.text_parts()[message.text_parts().index(part)]) == edited


def test_of_a_flood_of_links_only_the_first_are_led_through_us() -> None:
    link = b'<a href="http://x.test/">x</a>\n'
    edited, seen = links(link * (MAX_LINKS + 2))
    assert len(seen) == MAX_LINKS
    assert edited.endswith(link * 2)
    assert edited.count(link) == 2


# Inserting


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<html><body>x</body></html>", "<html><body>[2][1]x(1)(2)</body></html>"),
        ("x", "[2][1]x(1)(2)"),
        ("", "[2][1](1)(2)"),
        ("<!doctype html><p>x</p></html>", "<!doctype html>[2][1]<p>x</p>(1)(2)</html>"),
    ],
)
def test_what_is_inserted_later_stands_outside_of_the_earlier(markup: str, expected: str) -> None:
    once = insert(markup.encode(), "utf-8", "[1]", "(1)")
    assert insert(once, "utf-8", "[2]", "(2)").decode() == expected


def test_nothing_is_inserted_where_nothing_is_asked_for() -> None:
    data = b"<body>x</body>"
    assert insert(data, "utf-8") is data
    assert insert(data, "utf-8", bottom="(1)") == b"<body>x(1)</body>"


@pytest.mark.parametrize(
    ("markup", "charset", "expected"),
    [
        (b"<p>x</p>", "utf-8", True),
        (b"", "", True),
        (b"<p>x</p>", "utf-16", False),
        (b"<p>x</p>", "nonsense", False),
        (b"<p>\0x</p>", "utf-8", False),
        (b"<frameset><frame></frameset>", "utf-8", False),
    ],
)
def test_c6_it_is_known_beforehand_whether_something_can_be_inserted(
    markup: bytes, charset: str, *, expected: bool
) -> None:
    assert holds(markup, charset) is expected
    assert (insert(markup, charset, "[1]", "(1)") is not markup) is expected


@pytest.mark.parametrize(
    ("untracked", "tag", "stays"),
    [
        ("data-x", '<a data-x href="http://x/">', True),
        ("data-x", '<a DATA-X="1" href="http://x/">', True),
        ("data-x", '<a data-xy href="http://x/">', False),
        ("x=off", '<a x=off href="http://x/">', True),
        ("x=off", '<a href="http://x/" x="OFF">', True),
        ("x=off", '<a x=on href="http://x/">', False),
        ("x=off", '<a x href="http://x/">', False),
        ("x=off", '<a title="x=off" href="http://x/">', False),
        ("x:y", '<a x:y href="http://x/">', True),
        ("", '<a data-x href="http://x/">', False),
        ("data-x", '<a data-msys-clicktrack="0" href="http://x/">', True),
    ],
)
def test_a_link_stays_as_it_is_by_an_attribute(untracked: str, tag: str, stays: bool) -> None:
    edited = track(tag.encode(), "utf-8", lambda _: "http://t/", untracked=untracked)
    assert (edited == tag.encode()) is stays
