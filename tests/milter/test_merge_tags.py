import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_milter.merge_tags import UNSUBSCRIBE, WEB_VERSION, missing, replaced, seen, takes_lines
from estafeta_milter.message.message import Message
from estafeta_testing.office import make_message

URLS = {UNSUBSCRIBE: "https://c.example/u/T", WEB_VERSION: "https://c.example/w/T"}
CHARSETS = [
    "us-ascii",
    "iso-8859-1",
    "windows-1251",
    "koi8-r",
    "shift_jis",
    "big5",
    "gb2312",
    "euc-kr",
    "utf-8",
]
ALTERNATIVE = b"multipart/alternative; boundary=x"


def message(html: bytes | None = None, text: bytes | None = None) -> Message:
    """Return a message with these bodies."""
    named = [(b"text/plain", text), (b"text/html", html)]
    parts = [b"--x\r\nContent-Type: " + kind + b"\r\n\r\n" + body for kind, body in named if body is not None]
    return make_message(body=b"\r\n".join([*parts, b"--x--\r\n"]), kind=ALTERNATIVE)


@pytest.mark.parametrize(
    ("written", "left"),
    [
        (b"[Unsubscribe]", b"https://c.example/u/T"),
        (b"[WebVersion]", b"https://c.example/w/T"),
        (b"[UNSUBSCRIBE] [webversion]", b"https://c.example/u/T https://c.example/w/T"),
        (b'<a href="[Unsubscribe]">', b'<a href="https://c.example/u/T">'),
        (b"<a href='[Unsubscribe]'>", b"<a href='https://c.example/u/T'>"),
        (b"<a href=[Unsubscribe]>", b"<a href=https://c.example/u/T>"),
        (b"<a href=%5BUnsubscribe%5D>", b"<a href=https://c.example/u/T>"),
        (b"<a href=%5bunsubscribe%5d>", b"<a href=https://c.example/u/T>"),
        (b"<a href=http://[Unsubscribe]>", b"<a href=https://c.example/u/T>"),
        (b'<a href="HTTPS://%5BWebVersion%5D/">', b'<a href="https://c.example/w/T">'),
        (
            b"<!--[if mso]><a href=[Unsubscribe]><![endif]-->",
            b"<!--[if mso]><a href=https://c.example/u/T><![endif]-->",
        ),
        (b"[Unsubscribe]/", b"https://c.example/u/T/"),
        (b"([Unsubscribe]).", b"(https://c.example/u/T)."),
        (b"[[Unsubscribe]]", b"[https://c.example/u/T]"),
    ],
)
def test_d16_d17_d18_a_tag_becomes_its_address(written: bytes, left: bytes) -> None:
    assert replaced(written, "utf-8", URLS) == left


@pytest.mark.parametrize(
    "written",
    [
        b"[Unsubscribe",
        b"Unsubscribe]",
        b"[ Unsubscribe ]",
        b"[Unsubscribed]",
        b"{{Unsubscribe}}",
        "[Un\u017fubscribe]".encode(),
        b"",
    ],
)
def test_what_is_no_tag_stays(written: bytes) -> None:
    assert replaced(written, "utf-8", URLS) is written


@pytest.mark.parametrize("charset", CHARSETS)
@given(before=st.binary(max_size=30), after=st.binary(max_size=30))
def test_every_byte_around_a_tag_stays(charset: str, before: bytes, after: bytes) -> None:
    before, after = before.translate(None, b"[/"), after.translate(None, b"[%/")
    written = before + b" [Unsubscribe] " + after
    expected = before + b" https://c.example/u/T " + after
    assert replaced(written, charset, URLS) in (
        [expected] if charset not in ("shift_jis", "big5", "gb2312", "euc-kr") else [expected, written]
    )


@pytest.mark.parametrize("charset", CHARSETS)
def test_d18_a_tag_is_found_in_every_charset(charset: str) -> None:
    assert replaced(b"x [Unsubscribe] x", charset, URLS) == b"x https://c.example/u/T x"


def test_a_bracket_that_is_half_of_a_character_stays() -> None:
    written = "ー[Unsubscribe] ゼUnsubscribe]".encode("cp932")
    assert written.count(b"[Unsubscribe]") == 2  # the second byte of ゼ is that of a bracket
    assert replaced(written, "shift_jis", URLS) == "ーhttps://c.example/u/T ゼUnsubscribe]".encode("cp932")


@pytest.mark.parametrize("charset", ["iso-2022-jp", "utf-16", "utf-7", "nonsense"])
def test_a_charset_that_is_not_edited_leaves_the_text(charset: str) -> None:
    written = b"[Unsubscribe]"
    assert replaced(written, charset, URLS) is written


@pytest.mark.parametrize(
    ("html", "text", "lacks"),
    [
        (b"<a href='[Unsubscribe]'>a</a> [WebVersion]", None, ()),
        (b"<a href='[Unsubscribe]'>a</a>", None, ("[WebVersion]",)),
        (None, b"[webversion]", ("[Unsubscribe]",)),
        (None, b"Hi", ("[Unsubscribe]", "[WebVersion]")),
        (b"Hi", b"[Unsubscribe] [WebVersion]", ("[Unsubscribe]", "[WebVersion]")),
        (b"[Unsubscribe] [WebVersion]", b"Hi", ()),
        (b"<!-- [Unsubscribe] --> [WebVersion]", None, ("[Unsubscribe]",)),
        (b"<style>[Unsubscribe]</style><script>[WebVersion]", None, ("[Unsubscribe]", "[WebVersion]")),
        (b"<title>[Unsubscribe]</title>[WebVersion]", None, ("[Unsubscribe]",)),
        (b"<!--[if !mso]><!--> [Unsubscribe] [WebVersion] <!--<![endif]-->", None, ()),
        (b"[Unsub<!-- -->scribe] [WebVersion]", None, ("[Unsubscribe]",)),
        (b"<scripture>[Unsubscribe] [WebVersion]</scripture>", None, ()),
    ],
)
def test_d03_a_tag_is_missing_where_the_reader_does_not_find_it(
    html: bytes | None, text: bytes | None, lacks: tuple[str, ...]
) -> None:
    assert missing(message(html, text)) == lacks


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"--x\r\n\r\n[Unsubscribe] [WebVersion]\r\n--x--\r\n", b"multipart/signed; boundary=x"),
        (
            b"--x\r\nContent-Disposition: attachment\r\n\r\n[Unsubscribe] [WebVersion]\r\n--x--\r\n",
            b"multipart/mixed; boundary=x",
        ),
        (b"[Unsubscribe] [WebVersion]", b"text/calendar"),
        (b"[Unsubscribe] [WebVersion]", b"text/plain; charset=nonsense"),
    ],
)
def test_d03_what_is_not_replaced_does_not_count(body: bytes, kind: bytes) -> None:
    assert missing(make_message(body=body, kind=kind)) == ("[Unsubscribe]", "[WebVersion]")


@pytest.mark.parametrize("codec", ["utf-16", "iso-2022-jp"])
def test_a_text_that_will_be_made_utf8_is_read_as_that(codec: str) -> None:
    body = "こんにちは [Unsubscribe] [WebVersion]".encode(codec)
    assert missing(make_message(body=body, kind=b"text/plain; charset=" + codec.encode())) == ()


@pytest.mark.parametrize(
    ("kind", "body", "takes"),
    [
        (b"text/plain", b"Hi", True),
        (b"text/html", b"<p>Hi</p>", True),
        (b"text/html", b"<frameset></frameset>", False),
        (b"text/html", b"<p>Hi\0</p>", False),
        (b"text/html; charset=utf-16", "<p>Hi</p>".encode("utf-16"), True),  # it becomes UTF-8
        (b"text/plain; charset=iso-2022-jp", b"Hi", True),
        (b"text/plain; charset=utf-8", b"\xff", True),
        (b"text/plain; charset=nonsense", b"Hi", False),
        (b"text/html; charset=nonsense", b"<p>Hi</p>", False),
        (b"text/x-amp-html", b"<p>Hi</p>", False),
        (b"text/calendar", b"Hi", False),
    ],
)
def test_d03_lines_are_put_under_a_text_that_can_be_edited(kind: bytes, body: bytes, takes: bool) -> None:
    assert takes_lines(make_message(body=body, kind=kind)) is takes


def test_d03_where_there_is_html_it_is_what_has_to_take_the_lines() -> None:
    assert takes_lines(message(b"<p>Hi</p>", b"Hi"))
    assert not takes_lines(message(b"<frameset></frameset>", b"Hi"))


@given(
    st.text(alphabet="[]%5BDUnsubscribeWebVersion<!-/sript>http: \u00e9", max_size=200),
    st.sampled_from(CHARSETS),
)
def test_what_is_seen_in_a_plain_text_is_what_is_replaced(text: str, charset: str) -> None:
    content = text.encode("utf-8")
    part = make_message(body=b"", kind=b"text/plain; charset=" + charset.encode()).text_parts()[0]
    changed = replaced(content, charset, {UNSUBSCRIBE: "\x01", WEB_VERSION: "\x02"})
    assert (b"\x01" in changed, b"\x02" in changed) == (
        UNSUBSCRIBE in seen(content, part),
        WEB_VERSION in seen(content, part),
    )


@pytest.mark.parametrize(
    "piece", [b"<!--", b"<script", b"[", b"http://", b"%5B", b"<title></title ", b"[Unsubscribe"]
)
def test_c4_hostile_repetition_takes_linear_time(piece: bytes) -> None:
    # Half a megabyte: with the square of the length this would take minutes, and the test has a time limit.
    content = piece * (500_000 // len(piece))
    html = make_message(body=content, kind=b"text/html")
    assert missing(html) == ("[Unsubscribe]", "[WebVersion]")
    assert replaced(content, "utf-8", URLS) is content
