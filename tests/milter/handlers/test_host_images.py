import pytest

from estafeta_core.options import Options
from estafeta_milter import hosting
from estafeta_milter.handlers import host_images
from estafeta_milter.message.message import Message
from estafeta_testing.mime import GIF, JPEG, PNG, image, mixed, multipart, part
from estafeta_testing.office import LINKS, make_job

OPTIONS = Options(host_images=True)


def hosted(message: Message) -> Message:
    """Return the message with its images from the web, IMG1, IMG2... for their URLs."""
    plan = hosting.plan(message, OPTIONS, LINKS, 77)
    job = make_job(options=OPTIONS, images=plan.images)
    final = host_images.apply(message, job).rendered()
    body = final.body
    for number, shown in enumerate(plan.images, 1):
        body = body.replace(shown.url.encode(), b"IMG%d" % number)
    return Message(final.sender, final.recipients, final.headers, body)


def markup(text: str, *images: bytes) -> str:
    """Return the HTML of a message with these images as it leaves."""
    final = hosted(mixed(part("text/html", text), *images, subtype="related"))
    (html,) = final.text_parts()
    return (final.decoded(html) or b"").decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<p><img src="cid:a@b" alt="cid:a@b"></p>', '<p><img src="IMG1" alt="cid:a@b"></p>'),
        ("<IMG SRC=CID:A%40B>", '<IMG SRC="IMG1">'),
        ("<td background='cid:a@b'>", "<td background='IMG1'>"),
        ('<p style="a:url(&quot;cid:a@b&quot;)">', '<p style="a:url(&quot;IMG1&quot;)">'),
        ("<style>p{a:url(cid:a@b)}</style>", "<style>p{a:url(IMG1)}</style>"),
        ('<img srcset="cid:a@b 1x, cid:c@d 2x">', '<img srcset="IMG1 1x, IMG2 2x">'),
        ('<!--[if mso]><v:fill src="cid:a@b"/><![endif]-->', '<!--[if mso]><v:fill src="IMG1"/><![endif]-->'),
        ('<img src="cid:a@b"><img src="cid:x@y">', '<img src="IMG1"><img src="cid:x@y">'),
    ],
)
def test_c14_each_reference_becomes_the_images_url(text: str, expected: str) -> None:
    assert markup(text, image(PNG, "a@b"), image(GIF, "c@d")) == expected


def test_t31_the_parts_are_gone_and_nothing_else_is() -> None:
    before = mixed(
        multipart(
            "alternative",
            part("text/plain", "cid:a@b"),
            multipart("related", part("text/html", '<img src="cid:a@b">'), image(PNG, "a@b")),
        ),
        image(JPEG, "z@b"),
    )
    after = hosted(before)
    gone = (
        before.body.index(b"\r\n--", before.body.index(b'"cid:a@b"')),
        before.body.index(PNG_ENCODED) + len(PNG_ENCODED),
    )
    assert after.body == (before.body[: gone[0]] + before.body[gone[1] :]).replace(b'"cid:a@b"', b'"IMG1"')
    assert after.headers == before.headers


PNG_ENCODED = image(PNG, "a").partition(b"\r\n\r\n")[2]


def test_c14_with_one_id_twice_the_first_is_shown_and_the_other_stays() -> None:
    after = hosted(mixed(part("text/html", '<img src="cid:a">'), image(PNG, "a"), image(GIF, "a")))
    assert b'<img src="IMG1">' in after.body
    assert after.body.count(b"Content-ID: <a>") == 1
    assert image(GIF, "a").partition(b"\r\n\r\n")[2] in after.body


def test_what_is_no_image_keeps_its_reference_and_its_part() -> None:
    before = mixed(
        part("text/html", '<img src="cid:a"><img src="cid:b">'), image(b"<svg/>", "a"), image(PNG, "b")
    )
    after = hosted(before)
    assert b'<img src="cid:a"><img src="IMG1">' in after.body
    assert b"Content-ID: <a>" in after.body
    assert b"Content-ID: <b>" not in after.body


def test_every_html_of_a_message_is_changed() -> None:
    first, second = part("text/html", "<img src=cid:a>"), part("text/html", "<img src=cid:b><img src=cid:a>")
    after = hosted(mixed(first, image(PNG, "a"), second, image(GIF, "b")))
    assert b'<img src="IMG1">\r\n' in after.body
    assert b'<img src="IMG2"><img src="IMG1">' in after.body


@pytest.mark.parametrize("charset", ["windows-1251", "shift_jis"])
def test_other_bytes_stay_in_every_charset(charset: str) -> None:
    word = ("Привет" if charset == "windows-1251" else "表示").encode(charset)
    html = part(f"text/html; charset={charset}", word + b"<img src=cid:a>" + word)
    after = hosted(mixed(html, image(PNG, "a")))
    (body,) = after.text_parts()
    assert after.decoded(body) is not None
    assert word in (after.decoded(body) or b"")
