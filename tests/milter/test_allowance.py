"""The question to the policy daemon and what may go wrong with it; tests/integration asks the real daemon."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from estafeta_core import sockets
from estafeta_core.headers import Header
from estafeta_core.refusal import Refusal
from estafeta_milter import allowance
from estafeta_milter.allowance import ANSWER_BYTES, Allowance
from estafeta_testing.office import FROM, Office, make_message

UNCOUNTED = "451 4.3.5 Recipients cannot be counted now, try again later"
LIMITS = "limits: {per_minute: 100}\n"
DUNNO = b"action=DUNNO\n\n"
BCC = ["one@example.net", "two@example.net", "Alice@example.net"]

Answer = Callable[[socket.socket], None]


@pytest.fixture
def limited(office: Office) -> Office:
    """Decisions on an account that has a limit."""
    office.site.account(more=LIMITS)
    assert office.live.reload() is None
    return office


@contextlib.contextmanager
def daemon(folder: Path, answer: Answer) -> Iterator[list[bytes]]:
    """Stand in for the policy daemon: note each request and let `answer` do what it likes with it."""
    requests: list[bytes] = []
    path = sockets.policy(folder / "run")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    requests.append(connection.recv(65536))
                    answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield requests
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)
    path.unlink()


def says(*pieces: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.01)

    return answer


def test_recipients_of_lists_are_counted_before_the_message_is_taken(limited: Office) -> None:
    message = make_message("alice@example.net", "bob@example.net", bcc=BCC, archive=["kept@example.net"])
    with daemon(limited.site.folder, says(DUNNO)) as requests:
        assert isinstance(limited.send(message), list)
    (request,) = requests
    assert request == (
        b"request=smtpd_access_policy\nprotocol_state=END-OF-MESSAGE\nqueue_id=4Xq\nsasl_username=acme/main\n"
        b"policy_context=submission\nrecipient_count=5\nrecipients_counted=2\nsender=app@acme.example\n\n"
    )


def test_the_words_of_a_limit_are_those_at_rcpt_and_nothing_is_recorded(limited: Office) -> None:
    refusal = b"action=451 4.7.1 Per-minute rate limit exceeded. Retry after 7 seconds.\n\n"
    with daemon(limited.site.folder, says(refusal[:9], refusal[9:30], refusal[30:])):
        outcome = limited.send(make_message(bcc=BCC))
    assert outcome == Refusal(451, "4.7.1", "Per-minute rate limit exceeded. Retry after 7 seconds.")
    assert limited.store.find("4Xq") is None


def test_what_is_refused_for_good_is_refused_for_good(limited: Office) -> None:
    with daemon(limited.site.folder, says(b"action=550 5.5.3 Too many recipients: 3 in one message\n\n")):
        assert str(limited.send(make_message(bcc=BCC))).startswith("550 5.5.3 Too many")


@pytest.mark.parametrize(
    ("name", "entries"), [("cc", []), ("cc", ["ALICE@example.net"]), ("bcc", ["gone@example.net"])]
)
def test_nothing_is_asked_where_lists_add_nobody_who_is_sent_to(
    limited: Office, name: str, entries: list[str]
) -> None:
    limited.suppress("gone@example.net")
    api = Header("X-MSYS-API", json.dumps({name: entries}).encode())
    assert isinstance(limited.send(make_message("alice@example.net", headers=(FROM, api))), list)


def test_nothing_is_asked_where_no_limit_is_configured(office: Office) -> None:
    assert isinstance(office.send(make_message(bcc=BCC)), list)


@pytest.mark.parametrize(
    ("main", "more"),
    [(", limits: {per_day: 5}", ""), ("", LIMITS), ("", "domain_limits: {per_hour: 9}\n")],
    ids=["credential", "account", "domain"],
)
def test_while_the_daemon_is_away_a_message_that_any_limit_applies_to_is_refused_for_now(
    office: Office, main: str, more: str
) -> None:
    office.site.account(main=main, more=more)
    assert office.live.reload() is None
    assert str(office.send(make_message(bcc=BCC))) == UNCOUNTED
    assert office.store.find("4Xq") is None
    assert isinstance(office.send(make_message()), list), "without lists, Postfix has asked at RCPT"


@pytest.mark.parametrize(
    "answer",
    [
        says(),
        says(b"action=DUNNO\n"),
        says(b"action=DEFER_IF_PERMIT 4.3.0 Internal error, try again later\n\n"),
        says(b"action=OK\n\n"),
        says(b"action=\n\n"),
        says(b"DUNNO\n\n"),
        says(b"action=250 2.0.0 Ok\n\n"),
        says(b"action=451 without a status\n\n"),
        says(b"\xff\xfe\n\n"),
        says(b"x" * (ANSWER_BYTES + 1)),
    ],
)
def test_what_is_no_answer_is_a_refusal_for_now(limited: Office, answer: Answer) -> None:
    with daemon(limited.site.folder, answer):
        assert str(limited.send(make_message(bcc=BCC))) == UNCOUNTED
    assert limited.store.find("4Xq") is None


def test_a_daemon_that_never_answers_or_drop_by_drop_is_waited_for_no_longer_than_the_client_waits(
    limited: Office,
) -> None:
    assert allowance.PATIENCE + limited.live.current.config.store_timeout < 60
    envelope = limited.envelope()
    path = sockets.policy(limited.site.folder / "run")

    def slowly(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)

    for answer in (lambda _: time.sleep(4), slowly):
        with daemon(limited.site.folder, answer):
            started = time.monotonic()
            refusal = Allowance(path, 0.3).take(envelope, "4Xq", total=2, counted=1)
            assert str(refusal) == UNCOUNTED
            assert time.monotonic() - started < 3


def test_no_sender_can_write_an_attribute(limited: Office) -> None:
    envelope = replace(limited.envelope(), sender="a\nrecipient_count=1\n\nb@acme.example")
    path = sockets.policy(limited.site.folder / "run")
    with daemon(limited.site.folder, says(DUNNO)) as requests:
        assert Allowance(path).take(envelope, "4Xq", total=9, counted=1) is None
    assert requests[0].count(b"\n\n") == 1
    assert requests[0].endswith(b"\nsender=a?recipient_count=1??b@acme.example\n\n")
