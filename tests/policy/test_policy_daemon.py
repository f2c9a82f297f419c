import asyncio
import io
import socket
import time
from pathlib import Path

import msgspec
import pytest

from estafeta_core import logs, secrets
from estafeta_core.config.accounts import Account, Limits
from estafeta_core.config.accounts import Credential as Settings
from estafeta_core.config.load import Snapshot
from estafeta_core.config.schema import Config, Listener
from estafeta_core.directory import Directory
from estafeta_core.tickets import Ticket, Tickets
from estafeta_policy.journal import Journal
from estafeta_policy.judge import Judge
from estafeta_policy.policy_daemon import Policy

SNAPSHOT = Snapshot(
    Config(
        hostname="mx.example.com",
        base_url="https://click.example.com",
        bounce_domain="bounce.example.com",
        signing_keys=(Path("link.key"),),
        listeners={"submission": Listener(dialects=("sparkpost",), port=587)},
    ),
    Directory(
        [
            Account(
                account="acme",
                dialect="sparkpost",
                credentials={"main": Settings(key=secrets.hash_key("k" * 48))},
            )
        ]
    ),
)
REQUEST = (
    b"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.1\nclient_port=4000\n"
    b"sender=news@acme.example\nrecipient=r@example.net\nsasl_username=acme/main\n"
    b"instance=1.0\nqueue_id=\npolicy_context=submission\n\n"
)
DUNNO = b"action=DUNNO\n\n"
DEFER = b"action=DEFER_IF_PERMIT 4.3.0 Internal error, try again later\n\n"


def converse(data: bytes, snapshot: Snapshot | None = SNAPSHOT) -> tuple[bytes, str]:
    """Send `data`, then end of file; return the replies and what was journalled."""

    async def run() -> tuple[bytes, str]:
        written = io.StringIO()
        policy = Policy(asyncio.get_running_loop(), Journal(logs.Text("test"), written))
        if snapshot is not None:
            policy.take(snapshot)
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        await asyncio.get_running_loop().create_connection(policy.connection, sock=ours)
        reader, writer = await asyncio.open_connection(sock=theirs)
        writer.write(data)
        writer.write_eof()
        replies = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await asyncio.sleep(0.1)  # longer than a journal line waits
        assert policy.idle.is_set()
        policy.close()
        return replies, written.getvalue()

    return asyncio.run(run())


def test_a_request_gets_its_reply_and_passing_is_not_worth_a_line() -> None:
    assert converse(REQUEST) == (DUNNO, "")


def test_requests_that_came_together_are_answered_in_their_order() -> None:
    refused = REQUEST.replace(b"sasl_username=acme/main", b"sasl_username=")
    replies, _ = converse(REQUEST + refused + REQUEST)
    assert replies == DUNNO + b"action=530 5.7.0 Authentication required\n\n" + DUNNO


def test_a_refusal_has_its_line_and_nothing_in_it_can_forge_another() -> None:
    data = REQUEST.replace(b"recipient=r@example.net", b"recipient=r\x1b[2J\xff@example.net\r")
    replies, lines = converse(data.replace(b"sender=news@acme.example", b"sender=news@@acme.example"))
    assert replies == b"action=553 5.1.7 Bad sender address syntax\n\n"
    assert lines.count("\n") == 1
    assert "1.0: refused: 553 5.1.7 Bad sender address syntax; acme/main[192.0.2.1] at submission" in lines
    assert "to=<r\\x1b[2J\\udcff@example.net\\r>" in lines


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"context=submission", b"context=nowhere"), (b"request=smtpd_access_policy", b"request=other")],
)
def test_what_cannot_be_decided_is_deferred(old: bytes, new: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert converse(REQUEST.replace(old, new))[0] == DEFER
    assert "deferred" in caplog.text


def test_without_accounts_everything_is_deferred() -> None:
    assert converse(REQUEST, None)[0] == DEFER


def test_a_bug_defers_one_recipient_and_is_logged_with_its_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Judge, "decide", broken)
    assert converse(REQUEST * 2)[0] == DEFER * 2
    assert "1.0: decision failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_peer_that_breaks_the_grammar_loses_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    assert converse(REQUEST + b"garbage\n\n")[0] == b""
    assert "connection closed" in caplog.text


def test_a_ticket_goes_before_the_message_signed_with_the_first_key(tmp_path: Path) -> None:
    key = tmp_path / "link.key"
    key.write_bytes(b"k" * 32)
    config = msgspec.structs.replace(
        SNAPSHOT.config,
        signing_keys=(key,),
        listeners={"submission": Listener(dialects=("sparkpost",), port=587, receipt=True)},
    )
    replies, _ = converse(REQUEST * 2, Snapshot(config, SNAPSHOT.directory))
    first, second = replies.split(b"\n\n", 1)
    name, _, value = first.removeprefix(b"action=PREPEND ").partition(b": ")
    assert name == b"X-Estafeta-Ticket"
    now = int(time.time())
    ticket = Tickets([b"k" * 32]).read(value, now)
    assert ticket is not None
    assert ticket == Ticket(ticket.time, "acme/main", "submission", "192.0.2.1", secured=False)
    assert abs(ticket.time - now) < 60
    assert second == DUNNO


def test_a_whole_message_that_is_refused_is_journalled_by_how_many_recipients_it_has() -> None:
    limited = Settings(key=secrets.hash_key("k" * 48), limits=Limits(per_minute=5))
    acme = Account(account="acme", dialect="sparkpost", credentials={"main": limited})
    asked = (
        b"request=smtpd_access_policy\nprotocol_state=END-OF-MESSAGE\nqueue_id=4Xq\nsasl_username=acme/main\n"
        b"policy_context=submission\nrecipient_count=6\nrecipients_counted=1\nsender=news@acme.example\n\n"
    )
    replies, journal = converse(asked, Snapshot(SNAPSHOT.config, Directory([acme])))
    assert replies.startswith(b"action=550 5.5.3 Too many recipients: 6 in one message")
    assert "4Xq: refused: 550 5.5.3 " in journal
    assert journal.endswith("from=<news@acme.example> nrcpt=6\n")
