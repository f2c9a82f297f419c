import base64
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_policy.wire import ProtocolError
from estafeta_policy.wire.dovecot_auth import MAX_LINE, MAX_OPEN, Attempt, Server, escape, unescape

HELLO = b"VERSION\t1\t0\nCPID\t4711\n"
PLAIN = base64.b64encode(b"\0user\0secret").decode()


def server(offered: frozenset[str] = frozenset({"PLAIN", "LOGIN"})) -> Server:
    return Server(1, 2, "cafe", lambda _service, mechanism: mechanism in offered)


def ready() -> Server:
    answering = server()
    answering.feed(HELLO)
    answering.data_to_send()
    return answering


def auth(request: int, mechanism: str = "PLAIN", resp: str | None = PLAIN, more: str = "") -> bytes:
    """An AUTH line in Postfix's own order of fields."""
    line = f"AUTH\t{request}\t{mechanism}\tservice=submission\tnologin\tlip=127.0.0.1\trip=192.0.2.1{more}"
    return (line if resp is None else f"{line}\tresp={resp}").encode() + b"\n"


def cont(request: int, text: str | bytes) -> bytes:
    data = base64.b64encode(text.encode() if isinstance(text, str) else text)
    return b"CONT\t%d\t%s\n" % (request, data)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def test_the_handshake_has_every_line_postfix_waits_for_and_done_last() -> None:
    assert server().data_to_send() == (
        b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\n"
        b"SPID\t1\nCUID\t2\nCOOKIE\tcafe\nDONE\n"
    )


def test_an_attempt_carries_what_postfix_says_of_the_session() -> None:
    (attempt,) = ready().feed(auth(1, more="\tsecured"))
    assert (attempt.id, attempt.mechanism, attempt.service) == (1, "PLAIN", "submission")
    assert (attempt.client_address, attempt.secured) == ("192.0.2.1", True)
    assert (attempt.credentials.username, attempt.credentials.secret) == ("user", "secret")
    (plain,) = ready().feed(auth(1))
    assert not plain.secured


def test_the_mechanism_may_come_in_any_case() -> None:
    assert ready().feed(auth(1, "pLain"))[0].mechanism == "PLAIN"


CONVERSATION = (
    HELLO
    + auth(1)
    + auth(2, "LOGIN", None)
    + cont(2, "user")
    + cont(2, "secret")
    + auth(3, "LOGIN", base64.b64encode(b"user").decode())
    + cont(3, "secret")
    + auth(4, "PLAIN", None, "\tsecured")
    + cont(4, "\0user\0secret")
    + auth(5, resp="!")
    + auth(6, "CRAM-MD5", None)
    + b"CANCEL\t77\n"
    + cont(78, "late")
)


def converse(data: bytes, size: int) -> tuple[list[Attempt], bytes]:
    answering = server()
    attempts = [attempt for piece in pieces(data, size) for attempt in answering.feed(piece)]
    return attempts, answering.data_to_send()


@pytest.mark.parametrize("size", [1, 2, 7, 64, len(CONVERSATION)])
def test_a_conversation_survives_any_split_of_the_stream(size: int) -> None:
    attempts, output = converse(CONVERSATION, size)
    assert [attempt.id for attempt in attempts] == [1, 2, 3, 4]
    assert {attempt.credentials.secret for attempt in attempts} == {"secret"}
    assert output.split(b"DONE\n")[1] == (
        b"CONT\t2\tVXNlcm5hbWU6\n"
        b"CONT\t2\tUGFzc3dvcmQ6\n"
        b"CONT\t3\tUGFzc3dvcmQ6\n"
        b"CONT\t4\t\n"
        b"FAIL\t5\treason=Invalid base64 data\n"
        b"FAIL\t6\treason=Invalid authentication mechanism\n"
        b"FAIL\t78\treason=Authentication request timed out\n"
    )


@given(st.lists(st.integers(1, len(CONVERSATION)), max_size=12))
def test_the_values_do_not_depend_on_where_the_stream_is_cut(cuts: list[int]) -> None:
    answering = server()
    attempts = []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(CONVERSATION)], strict=True):
        attempts += answering.feed(CONVERSATION[start:end])
    whole, output = converse(CONVERSATION, len(CONVERSATION))
    assert attempts == whole
    assert answering.data_to_send() == output


def test_trailing_data_waits_for_its_line_end() -> None:
    answering = ready()
    assert len(answering.feed(auth(1) + auth(2)[:-1])) == 1
    assert [attempt.id for attempt in answering.feed(b"\n")] == [2]


def test_ok_names_the_identity() -> None:
    answering = ready()
    (attempt,) = answering.feed(auth(1))
    answering.accept(attempt, "acme/main/123")
    assert answering.data_to_send() == b"OK\t1\tuser=acme/main/123\n"


def test_ok_without_an_identity_is_our_mistake() -> None:
    answering = ready()
    (attempt,) = answering.feed(auth(1))
    with pytest.raises(ValueError, match="user"):
        answering.accept(attempt, "")


def test_fail_gives_reason_and_user_when_there_are_any() -> None:
    answering = ready()
    first, second = answering.feed(auth(1) + auth(2))
    answering.refuse(first, "Credential suspended", "prod")
    answering.refuse(second)
    assert answering.data_to_send() == b"FAIL\t1\tuser=prod\treason=Credential suspended\nFAIL\t2\n"


def test_a_request_gets_one_answer_and_no_second() -> None:
    answering = ready()
    (attempt,) = answering.feed(auth(1))
    answering.refuse(attempt)
    answering.accept(attempt, "acme/main")
    answering.refuse(attempt)
    assert answering.data_to_send() == b"FAIL\t1\n"


def test_a_cancelled_request_gets_no_answer_even_when_its_id_is_used_again() -> None:
    answering = ready()
    (cancelled,) = answering.feed(auth(1))
    (again,) = answering.feed(b"CANCEL\t1\n" + auth(1))
    answering.accept(cancelled, "acme/main")
    assert answering.data_to_send() == b""
    answering.refuse(again)
    assert answering.data_to_send() == b"FAIL\t1\n"


def test_an_id_may_be_used_again_once_it_is_answered() -> None:
    answering = ready()
    for _ in range(3):
        (attempt,) = answering.feed(auth(9))
        answering.refuse(attempt)
    assert answering.data_to_send() == b"FAIL\t9\n" * 3


def test_a_mechanism_the_listener_does_not_take_fails_before_any_prompt() -> None:
    answering = server(frozenset({"LOGIN"}))
    answering.feed(HELLO)
    answering.data_to_send()
    assert answering.feed(auth(1)) == []
    assert answering.data_to_send() == b"FAIL\t1\treason=Invalid authentication mechanism\n"


@pytest.mark.parametrize(
    "data",
    [
        b"VERSION\t2\t0\n",
        b"VERSION\t1\n",
        b"CPID\t1\n",
        b"\n",
        b"GET / HTTP/1.1\r\n",
        b"VERSION\t1\t0\nAUTH\t1\tPLAIN\n",
        b"VERSION\t1\t0\nCPID\tx\n",
        HELLO + b"AUTH\n",
        HELLO + b"AUTH\t\n",
        HELLO + b"AUTH\t1\n",
        HELLO + b"AUTH\tx\tPLAIN\n",
        HELLO + b"AUTH\t-1\tPLAIN\n",
        HELLO + b"AUTH\t4294967296\tPLAIN\n",
        HELLO + b"AUTH\t99999999999999999999\tPLAIN\n",
        HELLO + "AUTH\t\u0661\tPLAIN\n".encode(),
        HELLO + b"HELO\tx\n",
        HELLO + b"\n",
        HELLO + HELLO,
        HELLO + auth(1) + auth(1),
        HELLO + auth(1) + cont(1, "x"),
        HELLO + auth(1, "LOGIN", None) + auth(1, "LOGIN", None),
        HELLO + b"\xff\xfe\t1\n",
        HELLO + b"AUTH\t1\tPLAIN\tresp=" + b"A" * MAX_LINE + b"\n",
        b"A" * 1_000_000,
    ],
)
@pytest.mark.parametrize("size", [1, 1000, 2_000_000])
def test_what_breaks_the_grammar_is_the_peers_error(data: bytes, size: int) -> None:
    answering = server()
    fed = 0
    with pytest.raises(ProtocolError):  # noqa: PT012 - which piece breaks it depends on the size
        for piece in pieces(data, size):
            fed += len(piece)
            answering.feed(piece)
    assert fed <= MAX_LINE + len(HELLO) + max(size, 100)


def test_a_line_of_the_longest_permitted_length_is_read() -> None:
    line = auth(1)[:-1]
    padded = line + b"\tx=" + b"y" * (MAX_LINE - len(line) - 3) + b"\n"
    assert len(ready().feed(padded)) == 1


def test_requests_left_open_give_way_to_new_ones_and_are_told_so() -> None:
    answering = ready()
    for request in range(1, 10_001):
        answering.feed(auth(request, "LOGIN", None))
    lines = answering.data_to_send().decode().splitlines()
    failed = [line.split("\t")[1] for line in lines if line.startswith("FAIL")]
    assert failed == [str(request) for request in range(1, 10_001 - MAX_OPEN)]
    assert sum(line.startswith("CONT") for line in lines) == 10_000


def test_more_attempts_at_a_time_than_any_smtpd_makes_are_an_error() -> None:
    answering = ready()
    answering.feed(b"".join(auth(request) for request in range(MAX_OPEN)))
    with pytest.raises(ProtocolError):
        answering.feed(auth(MAX_OPEN))


def test_of_a_parameter_given_twice_the_first_holds() -> None:
    (attempt,) = ready().feed(auth(1, more="\trip=203.0.113.9\tservice=other"))
    assert (attempt.client_address, attempt.service) == ("192.0.2.1", "submission")


@given(st.text())
def test_escaping_is_undone_by_unescaping(text: str) -> None:
    field = escape(text)
    assert not set(field) & set("\t\n\r\0")
    assert unescape(field) == text


def test_a_lone_surrogate_never_reaches_the_wire() -> None:
    assert escape("a\udcffb") == "a?b"


def test_unescaping_drops_an_escape_before_any_other_character() -> None:
    assert unescape("a\x01xb\x01\x01t\x010") == "axb\x01t\0"


@given(st.text(min_size=1), st.text(), st.text())
def test_user_data_never_ends_a_field_or_a_line(user: str, reason: str, failed: str) -> None:
    answering = ready()
    first, second = answering.feed(auth(1) + auth(2))
    answering.accept(first, user)
    answering.refuse(second, reason, failed)
    ok, fail, rest = answering.data_to_send().split(b"\n")
    assert rest == b""
    assert len(ok.split(b"\t")) == 3
    assert len(fail.split(b"\t")) == 2 + bool(reason) + bool(failed)
    assert not re.search(rb"[\0\r]", ok + fail)


@given(st.binary(max_size=300))
def test_garbage_gives_values_or_a_protocol_error_and_nothing_else(garbage: bytes) -> None:
    answering = ready()
    try:
        answering.feed(garbage)
    except ProtocolError:
        return
    for line in answering.data_to_send().split(b"\n")[:-1]:
        assert re.fullmatch(rb"(CONT|FAIL)\t[0-9]+(\t[^\t]*)?", line)
