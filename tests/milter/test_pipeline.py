import re

import pytest

from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.tokens import Kind
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message
from estafeta_milter.pipeline import FOR_ALL, FOR_EACH, PIPELINE, transform
from estafeta_testing.office import FROM, HTML, LINKS, make_job, make_message

ASKS_FOR_ALL = make_job(
    options=Options(
        open_tracking=True,
        initial_open_pixel=True,
        click_tracking=True,
        first_recipient_only=True,
        to_utf8=True,
        head="es",
        foot="en",
        social=(("x", "https://x.example/acme"),),
        merge_tags=True,
        tags_footer="ru",
    ),
    list_unsubscribe=True,
    return_path_domain="bounce.example.com",
    append_tags=True,
)


def kinds(content: bytes) -> list[Kind]:
    """Return what each URL of ours in `content` is, in order."""
    found = re.findall(rb"https://click\.example\.com/[couw]/([\w-]+)", content)
    return [token.kind for token in map(LINKS.read, map(bytes.decode, found)) if token]


def transformed(message: Message, job: Job) -> Message:
    return transform(message, job).rendered()


def test_the_table_reads_as_the_manual_says() -> None:
    names = [step.handler.__module__.rpartition(".")[2] for step in PIPELINE]
    assert names == [
        "drop_control_headers",
        "link_attachments",
        "host_images",
        "to_utf8",
        "inline_css",
        "cc_header",
        "first_recipient",
        "head_and_foot",
        "merge_tags",
        "track_engagement",
        "bcc_header",
        "list_unsubscribe",
        "x_msfbl",
        "envelope_sender",
        "pool_header",
        "dkim_signature",
    ]
    assert (*FOR_ALL, *FOR_EACH) == PIPELINE


def test_a_job_that_asks_for_nothing_gets_what_every_message_gets() -> None:
    message = make_message(body=HTML, kind=b"text/html", campaign_id="x")
    final = transformed(message, make_job())
    assert [header.name for header in final.headers] == ["From", "Subject", "Content-Type", "X-MSFBL"]
    assert final.body is message.body
    assert final.sender == message.sender


def test_a_job_that_asks_for_all_gets_it_in_order() -> None:
    message = make_message(
        body=HTML, headers=(FROM, Header("To", b"a@b.example, alice@example.net")), kind=b"text/html"
    )
    changed = transform(message, ASKS_FOR_ALL)
    final = changed.rendered()
    assert [header.name for header in final.headers[3:]] == [
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "X-MSFBL",
    ]
    assert final.headers[1] == Header("To", b"alice@example.net")
    assert final.sender.endswith("@bounce.example.com")
    (part,) = changed.text_parts()
    assert kinds(changed.decoded(part) or b"") == [
        Kind.INITIAL_OPEN,
        Kind.WEB_VERSION,
        Kind.CLICK,  # the message's own
        Kind.CLICK,  # the profile
        Kind.LINK_UNSUBSCRIBE,
        Kind.WEB_VERSION,
        Kind.LINK_UNSUBSCRIBE,
        Kind.OPEN,
    ]


@pytest.mark.parametrize(
    "body", [b"", b"x", b"\x00\xff\r\n\n\r", b"<a href='https://shop.example/" + b"\xff" * 3000]
)
@pytest.mark.parametrize(
    "kind", [b"text/html", b"text/plain; charset=utf-8", b"\xff", b"multipart/mixed; boundary=x"]
)
def test_b3_no_content_raises(body: bytes, kind: bytes) -> None:
    headers = (FROM, Header("Content-Type", kind), Header("Subject", b"\xff\x00\n \xfe"), Header("X", b""))
    final = transformed(make_message(headers=headers, body=body), ASKS_FOR_ALL)
    assert final.headers[2] is headers[2]
