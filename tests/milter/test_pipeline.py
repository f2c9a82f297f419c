import pytest

from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_milter.pipeline import PIPELINE, render
from estafeta_testing.office import FROM, HTML, make_job, make_message

ASKS_FOR_ALL = make_job(
    options=Options(open_tracking=True, click_tracking=True),
    list_unsubscribe=True,
    return_path_domain="bounce.example.com",
)


def test_the_table_reads_as_the_manual_says() -> None:
    names = [step.handler.__module__.rpartition(".")[2] for step in PIPELINE]
    assert names == [
        "drop_control_headers",
        "track_engagement",
        "list_unsubscribe",
        "x_msfbl",
        "envelope_sender",
    ]


def test_a_job_that_asks_for_nothing_gets_what_every_message_gets() -> None:
    message = make_message(body=HTML, kind=b"text/html", campaign_id="x")
    final = render(message, make_job())
    assert [header.name for header in final.headers] == ["From", "Subject", "Content-Type", "X-MSFBL"]
    assert final.body is message.body
    assert final.sender == message.sender


def test_a_job_that_asks_for_all_gets_it_in_order() -> None:
    message = make_message(body=HTML, kind=b"text/html", campaign_id="x")
    final = render(message, ASKS_FOR_ALL)
    assert [header.name for header in final.headers[3:]] == [
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "X-MSFBL",
    ]
    assert final.body.count(b"https://click.example.com/") == 3
    assert final.sender.endswith("@bounce.example.com")


@pytest.mark.parametrize(
    "body", [b"", b"x", b"\x00\xff\r\n\n\r", b"<a href='https://shop.example/" + b"\xff" * 3000]
)
@pytest.mark.parametrize(
    "kind", [b"text/html", b"text/plain; charset=utf-8", b"\xff", b"multipart/mixed; boundary=x"]
)
def test_b3_no_content_raises(body: bytes, kind: bytes) -> None:
    headers = (FROM, Header("Content-Type", kind), Header("Subject", b"\xff\x00\n \xfe"), Header("X", b""))
    final = render(make_message(headers=headers, body=body), ASKS_FOR_ALL)
    assert final.headers[2] is headers[2]
