import pytest

from estafeta_core.headers import Header
from estafeta_milter.added import as_sent
from estafeta_testing.office import make_message

FROM = Header("From", b"remitente@dominio.example")
DATE = Header("Date", b"Fri, 20 Nov 2026 12:00:00 +0000 (UTC)")
MESSAGE_ID = Header("Message-Id", b"<20261120120000.4Xq@mx.example.com>")
SUBJECT = Header("Subject", b"Hola")


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ((FROM, DATE, MESSAGE_ID), ()),
        ((FROM, DATE, Header("Message-Id", b"<4Xq@mx.example.com>")), ()),  # enable_long_queue_ids
        ((SUBJECT, FROM, DATE, MESSAGE_ID), (SUBJECT,)),
        ((Header("From", b"Ana <remitente@dominio.example>"),), None),
        ((Header("From", b"otra@dominio.example"),), None),
        ((Header("Message-ID", b"<1@client.example>"),), None),
        ((Header("Message-ID", b"<20261120120000.4Xr@mx.example.com>"),), None),
    ],
)
def test_only_what_postfix_writes_is_taken_for_added(
    headers: tuple[Header, ...], sent: tuple[Header, ...] | None
) -> None:
    message = make_message(headers=headers, sender="remitente@dominio.example")
    assert as_sent(message, "4Xq").headers == (headers if sent is None else sent)
