import html
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.options import Options
from estafeta_core.tokens import Kind
from estafeta_milter.handlers import merge_tags, track_engagement
from estafeta_milter.message.message import Message
from estafeta_milter.texts.sentences import LANGUAGES
from estafeta_testing.office import LINKS, make_job, make_message

OPTIONS = Options(merge_tags=True, missing_tags="append", tags_footer="ru", to_utf8=True)
ALTERNATIVE = b"multipart/alternative; boundary=x"
MIXED = b"multipart/mixed; boundary=x"
BOTH_TAGS = b"[Unsubscribe] [WebVersion]"
URL = re.compile(rb"https://click\.example\.com/([cuw])/([\w-]+)")
BOTH = [Kind.WEB_VERSION, Kind.LINK_UNSUBSCRIBE]
RUSSIAN = LANGUAGES["ru"]


def merged(body: bytes, kind: bytes, *, append: bool = False) -> Message:
    message = make_message(body=body, kind=kind)
    return merge_tags.apply(message, make_job(options=OPTIONS, append_tags=append))


def contents(message: Message) -> list[bytes]:
    return [message.decoded(part) or b"" for part in message.bodies()]


def kinds(content: bytes) -> list[Kind]:
    """Return what each URL of ours in `content` is, in order."""
    found = [LINKS.read(token.decode()) for _, token in URL.findall(content)]
    assert all(token is not None and token.id == 4711 and not token.shared for token in found)
    return [token.kind for token in found if token is not None]


def parts(*named: tuple[bytes, bytes]) -> bytes:
    lines = [b"--x\r\nContent-Type: " + kind + b"\r\n\r\n" + content for kind, content in named]
    return b"\r\n".join([*lines, b"--x--\r\n"])


def test_d16_d17_tags_of_every_text_become_links_of_the_recipient() -> None:
    body = parts(
        (b"text/plain", b"[WebVersion]\r\n[Unsubscribe]"),
        (b"text/x-amp-html", b'<a href="[WebVersion]">x</a><a href="[Unsubscribe]">x</a>'),
        (b"text/html", '<a href="[WebVersion]">x</a> нажмите <a href="%5BUnsubscribe%5D">здесь</a>'.encode()),
    )
    found = contents(merged(body, ALTERNATIVE))
    assert [kinds(content) for content in found] == [BOTH, BOTH, BOTH]
    assert URL.sub(b"URL", found[2]).decode() == '<a href="URL">x</a> нажмите <a href="URL">здесь</a>'


def test_tags_of_a_second_html_are_replaced_too() -> None:
    body = parts((b"text/html", BOTH_TAGS), (b"text/html", BOTH_TAGS))
    assert [len(kinds(content)) for content in contents(merged(body, MIXED))] == [2, 2]


@pytest.mark.parametrize("encoding", [b"7bit", b"8bit", b"base64", b"quoted-printable"])
def test_d18_a_tag_is_found_in_every_transfer_encoding(encoding: bytes) -> None:
    encoded = {b"base64": b"W1Vuc3Vic2NyaWJlXQ==\r\n", b"quoted-printable": b"[Unsub=\r\nscribe=5D"}
    body = b"--x\r\nContent-Transfer-Encoding: %s\r\n\r\n%s\r\n--x--\r\n" % (
        encoding,
        encoded.get(encoding, b"[Unsubscribe]"),
    )
    (content,) = contents(merged(body, MIXED))
    assert URL.fullmatch(content)


def test_d03_a_text_without_tags_gets_closing_lines_with_both_links() -> None:
    body = parts((b"text/plain; charset=utf-8", b"Hi"), (b"text/html", b"<body>Hi</body>"))
    text, markup = contents(merged(body, ALTERNATIVE, append=True))
    assert [kinds(text), kinds(markup)] == [BOTH, BOTH]
    assert text.decode().split("\r\n")[2::3] == [
        RUSSIAN.web_version.text + ":",
        RUSSIAN.unsubscribe.text + ":",
    ]
    assert markup.isascii()
    shown = html.unescape(re.sub("<[^>]*>", "", markup.decode())).split("\r\n")
    assert [line for line in shown if line] == ["Hi", RUSSIAN.web_version.text, RUSSIAN.unsubscribe.text]
    assert markup.endswith(b"</div>\r\n</body>")


def test_d03_what_is_there_is_not_said_again() -> None:
    body = parts((b"text/plain", b"[WebVersion]"), (b"text/html", b"<body>[Unsubscribe]</body>"))
    text, markup = contents(merged(body, ALTERNATIVE, append=True))
    assert [sorted(kinds(text)), sorted(kinds(markup))] == [[6, 8], [6, 8]]
    assert RUSSIAN.unsubscribe.text in text.decode()
    assert RUSSIAN.web_version.text not in text.decode()


def test_d30_the_message_of_the_net_example_is_plain_text_and_gets_both_links() -> None:
    written = 'Привет! <a href="http://www.devinotele.com">Жлики меня</a>'.encode()
    job = make_job(options=replace(OPTIONS, click_tracking=True), append_tags=True)
    message = make_message(body=written, kind=b"text/plain; charset=utf-8")
    (content,) = contents(merge_tags.apply(message, job))
    assert content.startswith(written)
    assert kinds(content) == BOTH
    (tracked,) = contents(track_engagement.apply(merge_tags.apply(message, job), job))
    assert kinds(tracked) == [Kind.CLICK, *BOTH]


def test_without_the_job_nothing_is_appended() -> None:
    message = make_message(body=b"Hi\r\n")
    assert merge_tags.apply(message, make_job(options=OPTIONS)).rendered().body is message.body


def test_d15_a_text_in_ascii_is_named_utf8_when_it_gets_russian() -> None:
    message = merged(b"Hi\r\n", b"text/plain; charset=us-ascii", append=True).rendered()
    (part,) = message.bodies()
    assert (part.charset, part.transfer_encoding) == ("utf-8", "quoted-printable")
    assert RUSSIAN.unsubscribe.text in (message.decoded(part) or b"").decode()


@pytest.mark.parametrize("charset", ["windows-1251", "koi8-r", "shift_jis", "iso-8859-1"])
def test_closing_lines_are_in_the_charset_of_the_text(charset: str) -> None:
    written = b"\x8f\xea\xa1 " if charset == "shift_jis" else b"\xe9\xea "
    message = merged(written, b"text/plain; charset=" + charset.encode(), append=True).rendered()
    (part,) = message.bodies()
    assert part.charset == charset
    lines = (message.decoded(part) or b"").removeprefix(written).decode(charset).split("\r\n")
    spoken = LANGUAGES["en" if charset == "iso-8859-1" else "ru"]
    assert lines[2::3] == [spoken.web_version.text + ":", spoken.unsubscribe.text + ":"]


def test_a_charset_that_is_not_edited_is_not_relabelled() -> None:
    body = b"\x1b$B$3\x1b(B"  # ASCII bytes that are not ASCII
    assert merged(body, b"text/plain; charset=iso-2022-jp", append=True).rendered().body is body


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (parts((b"text/html", BOTH_TAGS)), b"multipart/signed; boundary=x"),
        (parts((b"text/plain", BOTH_TAGS)), b"multipart/encrypted; boundary=x"),
        (b"-----BEGIN PGP SIGNED MESSAGE-----\r\n" + BOTH_TAGS, b"text/plain"),
        (parts((b"message/rfc822", b"\r\n" + BOTH_TAGS)), MIXED),
        (BOTH_TAGS, b"text/calendar"),
        (parts((b"text/plain; name=a.txt\r\nContent-Disposition: attachment", BOTH_TAGS)), MIXED),
    ],
)
def test_what_may_not_be_rewritten_stays(body: bytes, kind: bytes) -> None:
    assert merged(body, kind, append=True).rendered().body is body


@pytest.mark.parametrize(
    "charset", ["us-ascii", "iso-8859-1", "windows-1251", "koi8-r", "shift_jis", "utf-8"]
)
@given(written=st.binary(max_size=60))
def test_outside_of_what_is_inserted_every_byte_stays(charset: str, written: bytes) -> None:
    written = written.translate(None, b"\0<-")
    for kind in (b"text/plain", b"text/html"):
        message = merged(written, kind + b"; charset=" + charset.encode(), append=True)
        (content,) = contents(message)
        assert content.startswith(written)
        assert kinds(content[len(written) :]) == BOTH
