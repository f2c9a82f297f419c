import hashlib
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message as StdlibMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estafeta_core.options import Options
from estafeta_milter import hosting
from estafeta_milter.handlers import host_images, link_attachments
from estafeta_milter.hosting import MAX_KEPT, NOTHING, Plan, carriers, plan
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Bounds, Part, walk
from estafeta_testing import corpora
from estafeta_testing.cost import at_most
from estafeta_testing.mime import BMP, GIF, JPEG, PNG, WEBP, attached, image, mixed, multipart, part
from estafeta_testing.office import LINKS, make_job

BOTH = Options(link_attachments=True, host_images=True)
PLAIN = part("text/plain; charset=utf-8", "plain text")
PDF = attached(b"%PDF-1", "informe.pdf")


def html(markup: str = "<p>html</p>", charset: str = "utf-8") -> bytes:
    return part(f"text/html; charset={charset}", markup)


def planned(message: Message, options: Options = BOTH) -> Plan:
    return plan(message, options, LINKS, 77)


def leaving(*parts: bytes, options: Options = BOTH, subtype: str = "mixed") -> tuple[list[str], list[str]]:
    """Return the paths of the files and of the images that leave a message of these parts."""
    found = planned(mixed(*parts, subtype=subtype), options)
    return [file.path for file in found.files], [shown.path for shown in found.images]


def test_nothing_is_looked_at_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Message, "structure")
    assert planned(mixed(PLAIN, PDF), Options(to_utf8=True, open_tracking=True)) is NOTHING


def test_t29_a_file_is_reached_by_a_link_that_names_its_bytes() -> None:
    found = planned(mixed(PLAIN, html(), PDF))
    (file,) = found.files
    assert (file.path, file.file_name, found.images) == ("1.3", "informe.pdf", ())
    assert found.contents == (b"%PDF-1",)
    token = LINKS.read(file.url.split("/")[-2])
    assert file.url.startswith("https://click.example.com/f/")
    assert file.url.endswith("/informe.pdf")
    assert token is not None
    assert (token.id, token.shared, token.target) == (77, True, hashlib.sha256(b"%PDF-1").digest())


def test_t31_an_image_that_the_html_shows_is_reached_by_a_link() -> None:
    found = planned(mixed(html('<img src="cid:logo@x">'), image(PNG, "logo@x"), subtype="related"))
    (shown,) = found.images
    token = LINKS.read(shown.url.rpartition("/")[2])
    assert shown.url.startswith("https://click.example.com/i/")
    assert (shown.path, shown.file_name, found.files, found.contents) == ("1.2", "", (), (PNG,))
    assert token is not None
    assert (token.id, token.shared, token.target) == (77, True, hashlib.sha256(PNG).digest())


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="cid:Logo.1@acme.example">',
        '<img src="CID:LOGO.1@ACME.EXAMPLE">',
        "<img src='cid:Logo.1%40acme.example'>",
        '<img src="cid:Logo.1&#64;acme.example">',
        "<img src='cid:<Logo.1@acme.example>'>",
        '<td background="cid:Logo.1@acme.example">',
        '<td style="background: url(cid:Logo.1@acme.example)">',
        '<td style="background: url(&quot;cid:Logo.1%40acme.example&quot;)">',
        "<style>td { background: url('cid:logo.1@acme.example') }</style>",
        '<img srcset="cid:Logo.1@acme.example 2x">',
        '<!--[if mso]><v:fill src="cid:Logo.1@acme.example"/><![endif]-->',
    ],
)
def test_c14_an_image_is_hosted_however_it_is_referred_to(markup: str) -> None:
    files, images = leaving(PLAIN, html(markup), image(PNG, "Logo.1@acme.example"), PDF)
    assert (files, images) == (["1.4"], ["1.3"])


@pytest.mark.parametrize("content", [PNG, JPEG, GIF, WEBP, BMP])
def test_every_verified_type_of_image_is_hosted_whatever_its_part_is_called(content: bytes) -> None:
    odd = part("application/octet-stream", content, "Content-ID: <x>", "Content-Disposition: attachment")
    assert leaving(html('<img src="cid:x">'), odd) == ([], ["1.2"])


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1", b"", b"BM text", b"RIFF"]
)
def test_h4_what_is_shown_and_is_no_image_stays_in_the_message(content: bytes) -> None:
    svg = part("image/png", content, "Content-ID: <x>", "Content-Disposition: attachment; filename=x.png")
    assert leaving(html('<img src="cid:x">'), svg) == ([], [])


def test_c14_an_image_that_no_html_shows_counts_as_an_attachment() -> None:
    assert leaving(html('<img src="cid:a">'), image(PNG, "a"), image(GIF, "b")) == (["1.3"], ["1.2"])
    assert leaving(PLAIN, image(PNG, "a")) == (["1.2"], [])


def test_c14_of_two_images_with_one_content_id_the_first_is_shown_and_the_second_is_a_file() -> None:
    assert leaving(html('<img src="cid:a">'), image(PNG, "a"), image(GIF, "a")) == (["1.3"], ["1.2"])


def test_c14_two_files_of_one_name_are_two_links_and_the_same_bytes_are_kept_once() -> None:
    other = attached(b"%PDF-2", "informe.pdf")
    found = planned(mixed(PLAIN, PDF, other, PDF))
    assert [file.file_name for file in found.files] == ["informe.pdf"] * 3
    assert len({file.url for file in found.files}) == 2
    assert found.contents == (b"%PDF-1", b"%PDF-2")


def test_c14_an_image_shown_twice_is_hosted_once() -> None:
    twice = html('<img src="cid:a"><img src="cid:%61"><p style="background:url(cid:A)">')
    found = planned(mixed(twice, image(PNG, "a")))
    assert [shown.path for shown in found.images] == ["1.2"]


def test_t30_what_the_html_shows_is_no_attachment_though_images_are_not_hosted() -> None:
    parts = (html('<img src="cid:a">'), image(PNG, "a"), PDF)
    assert leaving(*parts, options=Options(link_attachments=True)) == (["1.3"], [])
    assert leaving(*parts, options=Options(host_images=True)) == ([], ["1.2"])


def test_whole_messages_and_files_without_a_name_are_files() -> None:
    whole = part("message/rfc822", "Subject: inner\r\n\r\ntext")
    found = planned(mixed(PLAIN, whole, part("application/pdf", b"%PDF-1")))
    assert [file.file_name for file in found.files] == ["message.eml", "attachment.pdf"]
    assert found.contents == (b"Subject: inner\r\n\r\ntext", b"%PDF-1")


def test_bodies_calendars_and_amp_stay() -> None:
    alternative = multipart(
        "alternative",
        part("text/plain; name=body.txt", "plain"),
        part("text/x-amp-html", "<html amp4email><body>amp</body></html>"),
        part("text/html; name=body.html", "<p>html</p>"),
        part("text/calendar; method=REQUEST; name=invite.ics", "BEGIN:VCALENDAR"),
    )
    assert leaving(alternative, PDF) == (["1.2"], [])


@pytest.mark.parametrize(
    "hidden",
    [
        multipart("signed", html("<p>x</p>"), part("application/pgp-signature", b"x")),
        part("text/html; charset=utf-8; charset=latin1", "<p>two charsets</p>"),
        part("text/html; charset=utf-16", "<p>x</p>"),
        part("text/html", "<p>-----BEGIN PGP MESSAGE-----</p>"),
        part("text/html", "<frameset><frame></frameset>"),
        part("text/html", "<p>\0</p>"),
        part("text/plain; charset=x-unknown", "text"),
        part("text/plain", "=ZZ", "Content-Transfer-Encoding: quoted-printable"),
        part("text", "<p>no type</p>"),
        part("multipart/alternative; boundary=nowhere", "text"),
    ],
)
def test_c14_files_stay_where_a_reader_may_be_shown_a_text_without_their_links(hidden: bytes) -> None:
    """Of an alternative one part is shown, of any other multipart all."""
    assert leaving(multipart("alternative", PLAIN, hidden), PDF)[0] == []
    assert leaving(hidden, PDF)[0] == []
    assert leaving(hidden, PLAIN, PDF)[0] == ["1.3"]
    assert leaving(multipart("alternative", hidden, PLAIN), html(), PDF)[0] == ["1.3"]


def carrying(*parts: bytes) -> list[str]:
    return [part.path for part in carriers(mixed(*parts))]


def test_c14_the_links_stand_in_each_text_that_may_be_the_only_one_shown() -> None:
    related = multipart("related", html('<img src="cid:a">'), image(PNG, "a"))
    assert carrying(PLAIN) == ["1.1"]
    assert carrying(multipart("alternative", PLAIN, related), PDF) == ["1.1.1", "1.1.2.1"]
    assert carrying(multipart("alternative", PLAIN, PLAIN, html()), PLAIN) == ["1.1.1", "1.1.2", "1.1.3"]
    assert carrying(PLAIN, html(), html(), PLAIN) == ["1.1", "1.2"]
    assert carrying(PDF) == carrying(multipart("alternative", PLAIN, html("x", "utf-16"))) == []
    amp = part("text/x-amp-html", "<html amp4email><body>amp</body></html>")
    assert carrying(multipart("alternative", PLAIN, amp, html())) == ["1.1.1", "1.1.2", "1.1.3"]
    assert carriers(Message("", (), mixed().headers, b"text", Bounds(header_count=1))) == ()


def test_files_stay_in_a_message_without_any_text() -> None:
    assert leaving(PDF, attached(b"x", "b.pdf")) == ([], [])


@pytest.mark.parametrize(
    "unknown",
    [
        html("<p>x</p>", "utf-16"),
        html("<img src=cid:z>", "iso-2022-jp"),
        part("text/html; charset=a; charset=b", "<p>x</p>"),
        multipart("alternative", PLAIN, part("text/watch-html", '<img src="cid:a">')),
        part("text/calendar", "ATTACH:CID:a"),
    ],
)
def test_c14_parts_with_an_id_stay_where_a_text_that_may_show_them_cannot_be_read(unknown: bytes) -> None:
    files, images = leaving(html('<img src="cid:a">'), unknown, image(PNG, "a"), image(GIF, "b"))
    assert (files, images) == ([], [])


def test_a_calendar_that_shows_nothing_keeps_no_image_in_the_message() -> None:
    calendar = part("text/calendar", "BEGIN:VCALENDAR")
    assert leaving(html('<img src="cid:a">'), calendar, image(PNG, "a")) == ([], ["1.3"])


def test_html_that_is_itself_a_file_shows_nothing() -> None:
    page = part("text/html", '<img src="cid:a">', "Content-Disposition: attachment; filename=a.html")
    assert leaving(PLAIN, page, image(PNG, "a")) == (["1.2", "1.3"], [])


def test_every_html_of_a_message_shows_images() -> None:
    first, second = html('<img src="cid:a">'), html('<img src="cid:b">')
    assert leaving(first, second, image(PNG, "a"), image(GIF, "b")) == ([], ["1.3", "1.4"])


def test_c14_each_html_shows_the_image_beside_it() -> None:
    parts = [
        multipart("related", html('<img src="cid:a">'), image(PNG, "a")),
        multipart("related", html('<img src="cid:a">'), image(GIF, "a")),
    ]
    assert leaving(*parts) == ([], ["1.1.2", "1.2.2"])


def test_what_may_be_shown_by_its_location_stays() -> None:
    located = part("image/png", PNG, "Content-Location: logo.png")
    assert leaving(html('<img src="logo.png">'), located, subtype="related") == ([], [])


@pytest.mark.parametrize(
    "stays",
    [
        part("application/pdf", "not base64!", "Content-Transfer-Encoding: base64"),
        part("application/pdf", "x", "Content-Transfer-Encoding: x-uuencode"),
        part("application/pdf", "x", "Content-Disposition: attachment", "Content-Disposition: inline"),
        multipart("signed", PLAIN, part("application/pgp-signature", b"x")),
        multipart("report", part("text/plain", "failed"), part("message/delivery-status", "x"), PDF),
    ],
)
def test_c9_what_cannot_be_decoded_is_in_doubt_or_belongs_together_stays(stays: bytes) -> None:
    files, images = leaving(PLAIN, stays)
    assert (files, images) == ([], [])


def test_a_message_in_doubt_or_past_a_bound_stays_whole() -> None:
    message = mixed(PLAIN, PDF)
    doubtful = Message("", (), message.headers, message.body + b"--top\r\n\r\nmore")
    past = Message("", (), message.headers, message.body, Bounds(parts=1))
    single = Message("", (), message.headers[:1], b"text")
    for untouched in (doubtful, past, single):
        assert planned(untouched) in (NOTHING, Plan())


def test_c15_the_name_in_a_link_is_only_a_name() -> None:
    for name in (
        "filename*=utf-8''..%2F..%2Fetc%2Fpasswd",
        'filename="..\\\\..\\\\passwd"',
        'filename="/etc/passwd"',
    ):
        found = planned(mixed(PLAIN, part("x/y", b"x", f"Content-Disposition: attachment; {name}")))
        assert [file.file_name for file in found.files] == ["passwd"]
        assert found.files[0].url.endswith("/passwd")


def test_a_name_outside_ascii_comes_back_from_its_link() -> None:
    written = part(
        "application/pdf", b"x", "Content-Disposition: attachment; filename*=utf-8''a%C3%B1o%20%E6%97%A5.pdf"
    )
    (file,) = planned(mixed(PLAIN, written)).files
    token = LINKS.read(file.url.split("/")[-2])
    assert file.file_name == "año 日.pdf"
    assert file.url.endswith("/a%C3%B1o%20%E6%97%A5.pdf")
    assert token is not None
    assert token.name == "año 日.pdf"


def test_no_more_contents_leave_a_message_than_can_be_made_durable_in_time() -> None:
    shown = "".join(f'<img src="cid:i{number}">' for number in range(MAX_KEPT - 1))
    images = [image(PNG + b"%d" % number, f"i{number}") for number in range(MAX_KEPT - 1)]
    files = [attached(b"%d" % number, "x") for number in (1, 1, 2, 1)]
    found = planned(mixed(html(shown), *images, *files))
    assert (len(found.images), len(found.contents)) == (MAX_KEPT - 1, MAX_KEPT)
    assert [file.path for file in found.files] == [f"1.{MAX_KEPT + n}" for n in (1, 2, 4)]


def test_c2_c4_hostile_messages_are_planned_in_time() -> None:
    ids = "".join(f"<img src=cid:i{n}>" for n in range(9000))
    same = [image(PNG, "i1") for _ in range(990)]
    for message in (
        mixed(*[PDF] * 200_000),
        mixed(html("cid:" * 250_000), *same),
        mixed(html(ids), *same),
        mixed(html(f"<style>{'cid:i1 ' * 140_000}</style>"), *same),
        mixed(*[html('<img src="cid:i1">')] * 500, *same[:490]),
        mixed(PLAIN, *[part("text/html", "x", "Content-Disposition: attachment")] * 990),
    ):
        with at_most(2):
            planned(message)


def test_the_html_of_a_rendering_comes_with_the_charset_it_has_now() -> None:
    message = mixed(PLAIN, html("<p>x</p>", "windows-1251"))
    changed = message.replace_text(message.text_parts()[1], "<p>я</p>".encode(), "utf-8")
    assert hosting.shown(changed) == hosting.Shown("<p>я</p>".encode(), "utf-8")
    assert hosting.shown(mixed(PLAIN)) is None


# Nothing is lost


def carried_out(message: Message, found: Plan) -> Message:
    """Return the message as it leaves."""
    job = make_job(options=BOTH, files=found.files, images=found.images)
    return host_images.apply(link_attachments.apply(message, job), job).rendered()


def leaves(message: Message) -> Iterator[tuple[str, bytes]]:
    """Yield type and bytes of each part as the standard library reads them; messages inside are parts."""
    pending = [message_from_bytes(corpora.whole(message.headers, message.body))]
    while pending:
        read = pending.pop()
        if read.get_content_maintype() == "multipart" and read.is_multipart():
            pending += [inner for inner in read.get_payload() if isinstance(inner, StdlibMessage)]
        else:
            content = read.get_payload(decode=True)
            yield read.get_content_type(), content if isinstance(content, bytes) else b"a message"


LEAVES = [
    PLAIN,
    html("<p>one</p>"),
    html('<img src="cid:a"><img src="cid:B"><p style="background:url(cid:c)">'),
    html("<p>x</p>", "utf-16"),
    part("text/html; charset=x; charset=y", '<img src="cid:a">'),
    image(PNG + b"1", "a"),
    image(PNG + b"2", "b"),
    image(b"<svg/>", "c"),
    image(PNG + b"3", "nowhere"),
    PDF,
    attached(b"other", "informe.pdf"),
    part("text/plain; name=notes.txt", "notes"),
    part("text/plain", "more", "Content-Disposition: attachment"),
    part("text/calendar", "BEGIN:VCALENDAR"),
    part("message/delivery-status", "x: y"),
    part("application/pgp-signature", b"signature"),
    part("application/pdf", "!", "Content-Transfer-Encoding: base64"),
]


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Return a message of multiparts, two deep at most."""
    leaf = st.sampled_from(LEAVES)
    subtypes = st.sampled_from(["mixed", "related", "alternative", "signed", "report"])

    def inner(number: int) -> bytes:
        parts = draw(st.lists(leaf, min_size=1, max_size=4))
        return multipart(draw(subtypes), *parts, boundary=f"inner{number}.")

    count = draw(st.integers(1, 5))
    parts = [inner(number) if draw(st.booleans()) else draw(leaf) for number in range(count)]
    return mixed(*parts, subtype=draw(st.sampled_from(["mixed", "related"])))


@settings(max_examples=400)
@given(message=messages())
def test_c14_every_part_is_in_the_message_or_behind_a_link_in_its_texts(message: Message) -> None:
    found = planned(message)
    final = carried_out(message, found)
    before, after = list(leaves(message)), list(leaves(final))
    assert len(after) == len(before) - len(found.files) - len(found.images)
    texts = len(carriers(message))  # of the message as it came: what is left of it may be read otherwise
    assert all(sum(file.url.encode() in content for _, content in after) == texts for file in found.files)
    assert texts or not found.files
    whole = b"".join(final.decoded(body) or b"" for body in final.bodies())
    assert all(shown.url.encode() in whole for shown in found.images)
    bodies = {"text/plain", "text/html"}  # they are changed, and counted above
    gone = {content for kind, content in before if kind not in bodies} - {content for _, content in after}
    assert gone <= set(found.contents)


@pytest.mark.parametrize("path", corpora.parameters(corpora.messages()))
def test_b3_every_message_of_the_corpora_is_planned_and_carried_out(path: Path) -> None:
    headers, body = corpora.received(path.read_bytes())
    message = Message("a@example.com", ("b@example.com",), headers, body)
    found = planned(message)
    final = carried_out(message, found)
    texts = [final.decoded(part) or b"" for part in carriers(final)]
    assert all(file.url.encode() in text for file in found.files for text in texts)
    assert bool(texts) or not found.files
    structure = message.structure
    if isinstance(structure, Part) and not any(part.doubt for part in walk(structure)):
        before, after = list(leaves(message)), list(leaves(final))
        assert len(after) == len(before) - len(found.files) - len(found.images)
