from collections.abc import Callable
from email import message_from_bytes, policy

import pytest

from estafeta_milter.handlers import inline_css
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Unscannable
from estafeta_testing import corpora
from estafeta_testing.mime import attached, mixed, multipart, part
from estafeta_testing.office import make_job, make_message

SHEET = "<style>p{color:red}</style>"
STYLED = f'{SHEET}<p style="color: red;">x'


def made(message: Message) -> Message:
    return inline_css.apply(message, make_job()).rendered()


def texts(message: Message) -> list[str]:
    raw = message_from_bytes(corpora.whole(message.headers, message.body), policy=policy.default)
    return [part.get_content().strip() for part in raw.walk() if part.get_content_maintype() == "text"]


def test_s37_every_html_body_that_readers_show_is_inlined_and_files_are_not() -> None:
    page = f"{SHEET}<p>x"
    message = mixed(
        multipart(
            "alternative",
            part("text/plain; charset=utf-8", page),
            part("text/x-amp-html; charset=utf-8", page),
            part("text/html; charset=utf-8", page),
        ),
        part("text/html; charset=utf-8", page),
        attached(page.encode(), "page.html", "text/html"),
    )
    found = texts(made(message))
    assert found[:4] == [page, page, STYLED, STYLED]  # S57: the second is AMP
    assert found[4] == page


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda page: mixed(
            part("text/html", page), part("application/pgp-signature", "x"), subtype='signed; protocol="x"'
        ),
        lambda page: mixed(part("text/html", page), part("application/pkcs7-signature", "x")),
        lambda page: mixed(part("message/rfc822", f"Content-Type: text/html\r\n\r\n{page}")),
        lambda page: mixed(part("text/html", f"-----BEGIN PGP MESSAGE-----\r\n{page}")),
    ],
)
def test_what_is_signed_encrypted_or_another_message_leaves_as_it_came(
    wrapped: Callable[[str], Message],
) -> None:
    message = wrapped(f"{SHEET}<p>x")
    assert made(message) is message
    assert inline_css.refused(message) == ()


def test_without_a_style_sheet_the_message_is_the_same_object() -> None:
    message = mixed(part("text/html; charset=x-unknown", "<p style=a:b>"), part("text/plain", SHEET))
    assert made(message) is message
    assert inline_css.refused(message) == ()


def test_it_may_run_again_and_changes_nothing_more() -> None:
    once = made(mixed(part("text/html; charset=utf-8", f"{SHEET}<p>x")))
    assert texts(once) == [STYLED]
    assert made(once).body is once.body


def test_a_text_past_a_bound_stays_and_its_sender_is_told_once() -> None:
    deep = SHEET + "<div>" * 12_000
    message = mixed(
        part("text/html; charset=utf-8", deep),
        part("text/html; charset=utf-8", deep),
        part("text/html; charset=utf-16", f"{SHEET}<p>x"),
        part("text/html; charset=utf-8", f"{SHEET}<p>x"),
    )
    assert texts(made(message))[-1] == STYLED
    assert made(message).body.count(b"style=") == 1
    assert inline_css.refused(message) == (
        (
            "The style sheets of a text/html are not inlined: its elements are nested too deeply, "
            "or too many of them overlap"
        ),
        "The style sheets of a text/html are not inlined: its charset cannot be edited",
    )


def test_a_hundred_bodies_share_the_bounds() -> None:
    page = SHEET + "<p>" + "x" * 50_000
    message = mixed(*(part("text/html; charset=utf-8", page) for _ in range(100)))
    assert sum("<p style=" in text for text in texts(made(message))) == 20
    assert len(inline_css.refused(message)) == 1


def test_a_message_without_structure_is_left_alone() -> None:
    parts = b"--b\r\n" * 2_000
    message = make_message(kind=b"multipart/mixed; boundary=b", body=parts + f"\r\n{SHEET}<p>".encode())
    assert isinstance(message.structure, Unscannable)
    assert made(message) is message
