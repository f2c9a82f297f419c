from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_postfix.capture.session import LINE_LIMIT, Message, Session

TRANSACTION = b"EHLO a\r\nMAIL FROM:<s@example.org> SIZE=10\r\nRCPT TO:<r@example.com>\r\nDATA\r\n"


def talk(wire: bytes, sizes: int | None = None) -> tuple[list[str], list[Message]]:
    """Feed `wire` in pieces of `sizes` bytes; return the codes of the replies and what was kept."""
    kept: list[Message] = []
    session = Session(kept.append)
    step = sizes or len(wire)
    replies = b"".join(session.feed(wire[start : start + step]) for start in range(0, len(wire), step))
    last_lines = [line for line in replies.decode().split("\r\n") if line[3:4] == " "]
    return [line[:3] for line in last_lines], kept


@pytest.mark.parametrize("size", [1, 2, 3, 7, None])
def test_messages_survive_any_split_of_the_stream(size: int | None) -> None:
    wire = (
        TRANSACTION
        + b"Subject: x\r\n\r\n..dot\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\nQUIT\r\nNOOP\r\n"
    )
    codes, kept = talk(wire, size)
    assert codes == ["250", "250", "250", "354", "250", "250", "250", "354", "250", "221"]
    assert kept == [
        Message(b"s@example.org", (b"r@example.com",), b"Subject: x\r\n\r\n.dot\r\n", helo=b"a"),
        Message(b"", (b"a@b",), b"", helo=b"a"),
    ]


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        (b"bounce@example.com", "550"),
        (b"Bounce-7@example.com", "550"),
        (b"defer@example.com", "451"),
        (b"deferred.x@example.com", "451"),
        (b"notbounce@example.com", "250"),
        (b'"odd >, address"@example.com', "250"),
    ],
)
def test_the_local_part_decides_the_answer(recipient: bytes, code: str) -> None:
    codes, _ = talk(b"MAIL FROM:<s@example.org>\r\nRCPT TO:<" + recipient + b">\r\n")
    assert codes == ["250", code]


def test_a_message_with_several_recipients_is_kept_with_those_that_were_taken() -> None:
    wire = (
        b"MAIL FROM:<s@example.org>\r\nRCPT TO:<a@example.com>\r\nRCPT TO:<bounce@example.com>\r\n"
        b"RCPT TO:<b@example.com>\r\nDATA\r\nx\r\n.\r\n"
    )
    _, kept = talk(wire)
    assert kept[0].recipients == (b"a@example.com", b"b@example.com")


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"])
def test_only_crlf_dot_crlf_ends_a_message(end: bytes) -> None:
    content = b"x" + end + b"MAIL FROM:<evil@example.org>\r\n"
    codes, kept = talk(TRANSACTION + content + b".\r\n")
    assert codes == ["250", "250", "250", "354", "250"]
    assert len(kept) == 1
    assert b"MAIL FROM:<evil@example.org>" in kept[0].content


@pytest.mark.parametrize(
    ("wire", "codes"),
    [
        (b"RCPT TO:<a@b>\r\n", ["503"]),
        (b"DATA\r\n", ["503"]),
        (b"MAIL FROM:<a@b>\r\nRSET\r\nRCPT TO:<a@b>\r\n", ["250", "250", "503"]),
        (b"MAIL FROM a\r\nWHAT\r\n\r\n", ["500", "500", "500"]),
        (b"HELO a\r\nNOOP\r\n", ["250", "250"]),
    ],
)
def test_commands_out_of_order_are_refused(wire: bytes, codes: list[str]) -> None:
    assert talk(wire)[0] == codes


def test_a_line_without_end_is_cut_off() -> None:
    session = Session(lambda _message: None)
    session.feed(b"x" * LINE_LIMIT)
    assert not session.closed
    assert session.feed(b"x").startswith(b"500 ")
    assert session.closed


def test_what_cannot_be_kept_is_not_accepted() -> None:
    def refuse(_message: Message) -> None:
        raise OSError

    session = Session(refuse)
    assert session.feed(TRANSACTION + b"x\r\n.\r\n").split(b"\r\n")[-2].startswith(b"451 ")


@given(
    lines=st.lists(
        st.binary(max_size=20).filter(lambda line: b"\r" not in line and b"\n" not in line), max_size=8
    ),
    cuts=st.lists(st.integers(0, 300), max_size=6),
)
def test_every_message_comes_out_as_its_sender_stuffed_it(lines: list[bytes], cuts: list[int]) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    wire = TRANSACTION + stuffed + b".\r\n"
    kept: list[Message] = []
    session = Session(kept.append)
    for start, end in pairwise(sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})):
        session.feed(wire[start:end])
    assert [message.content for message in kept] == [content]


def test_a_message_says_who_brought_it_from_where() -> None:
    kept: list[Message] = []
    session = Session(kept.append, "127.0.0.2")
    session.feed(b"EHLO first\r\nHELO  second.example \r\n" + TRANSACTION.partition(b"\r\n")[2] + b".\r\n")
    assert [(message.peer, message.helo) for message in kept] == [("127.0.0.2", b"second.example")]
