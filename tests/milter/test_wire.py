import contextlib
import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.headers import Header
from estafeta_core.refusal import Refusal
from estafeta_milter import edits, wire
from estafeta_milter.wire import Conversation, Handover, ProtocolError
from estafeta_testing.milter_client import ACTIONS, PROTOCOL, Packet, Queued


def packet(command: str, data: bytes = b"") -> bytes:
    return struct.pack(">I", 1 + len(data)) + command.encode() + data


def options(version: int = 6, actions: int = ACTIONS, protocol: int = PROTOCOL) -> bytes:
    return packet("O", struct.pack(">III", version, actions, protocol))


MESSAGE = (
    packet("M", b"<b+t@bounce.example.com>\0SIZE=100\0"),
    packet("D", b"Rx\0y\0"),
    packet("R", b"<jos\xc3\xa9@example.net>\0"),
    packet("L", b"Subject\0one\n two\0"),
    packet("L", b"X-Raw\0\xff\0"),
    packet("B", b"body\r\n"),
    packet("B", b"\0more"),
    packet("D", b"Ei\x004Xcopy\0"),
    packet("E"),
)
WHOLE = Handover(
    "b+t@bounce.example.com",
    ["jos\u00e9@example.net"],
    [Header("Subject", b"one\n two"), Header("X-Raw", b"\xff")],
    [b"body\r\n", b"\0more"],
    "4Xcopy",
)


def fed(stream: bytes, size: int) -> tuple[Conversation, list[Handover | bytes]]:
    """Feed a stream in pieces of `size` bytes."""
    talk = Conversation()
    found: list[Handover | bytes] = []
    for start in range(0, len(stream), size):
        found += talk.feed(stream[start : start + size])
    return talk, found


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_messages_survive_any_split_of_the_stream(size: int) -> None:
    stream = options() + b"".join(MESSAGE) * 2 + packet("Q")
    talk, (answer, *messages) = fed(stream, size)
    assert messages == [WHOLE, WHOLE]
    assert talk.closed
    assert isinstance(answer, bytes)
    assert answer[:5] == b"\0\0\0\x0dO"
    assert struct.unpack(">III", answer[5:]) == (6, wire.ACTIONS, wire.PROTOCOL)


def test_a_message_given_up_leaves_nothing_for_the_next() -> None:
    for cut in range(1, len(MESSAGE)):
        talk, found = fed(options() + b"".join(MESSAGE[:cut]) + packet("A") + b"".join(MESSAGE), 4096)
        assert found[1:] == [WHOLE]
        assert not talk.in_hand


def test_a_message_is_in_hand_from_mail_to_its_end() -> None:
    talk, _ = fed(options(), 4096)
    assert not talk.in_hand
    for each in MESSAGE[:-1]:
        assert list(talk.feed(each)) == []
        assert talk.in_hand
    assert list(talk.feed(MESSAGE[-1])) == [WHOLE]
    assert not talk.in_hand


FIRST, REST = MESSAGE[0], b"".join(MESSAGE[1:])


@pytest.mark.parametrize(
    "stream",
    [
        b"".join(MESSAGE),
        options() + options(),
        options() + REST,
        options() + FIRST + FIRST,
        options() + packet("L", b"Subject\0early\0"),
        options() + packet("B", b"early"),
        options() + packet("E"),
        options() + packet("C", b"host\0"),
        options() + packet("?"),
        options() + b"\0\0\0\0",
        options() + b"\x7f\0\0\0L",
        packet("O", b"short"),
        options(version=2),
        options(actions=ACTIONS & ~0x40),
        options(protocol=PROTOCOL & ~0x8000),
    ],
)
def test_what_cannot_stand_there_ends_the_connection(stream: bytes) -> None:
    for size in (1, len(stream)):
        with pytest.raises(ProtocolError):
            fed(stream, size)


@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_bytes_raise_anything_else(noise: bytes, size: int) -> None:
    for stream in (noise, options() + noise, options() + FIRST + noise):
        with contextlib.suppress(ProtocolError):
            fed(stream, size)


def packets(data: bytes) -> Iterable[Packet]:
    """Take an answer apart."""
    while data:
        (length,) = struct.unpack(">I", data[:4])
        yield Packet(chr(data[4]), data[5 : 4 + length])
        data = data[4 + length :]


@pytest.mark.parametrize("body", [b"", b"new\r\n", b"x" * 200_000])
def test_edits_do_in_the_queue_what_they_say(body: bytes) -> None:
    queued = Queued("a@b.example", ["c@d.example"], [("X", b"1"), ("X", b"2"), ("Y", b"3")], b"old")
    answer = wire.answer(
        [
            edits.ChangeSender("jos\u00e9@b.example"),
            edits.DeleteRecipient("c@d.example"),
            edits.AddRecipient("e@f.example"),
            edits.ChangeHeader("Y", 1, "4"),
            edits.DeleteHeader("X", 2),
            edits.AddHeader("Z", "5\n 6"),
            edits.ReplaceBody(body),
        ]
    )
    *changes, end = packets(answer)
    assert end == Packet("a", b"")
    assert max(len(change.data) for change in changes) <= wire.CHUNK
    queued.edit(changes)
    assert (queued.sender, queued.recipients) == ("jos\u00e9@b.example", ["e@f.example"])
    assert queued.headers == [("X", b"1"), ("Y", b"4"), ("Z", b"5\n 6")]
    assert queued.body == body


def test_a_refusal_is_a_reply_of_its_own() -> None:
    answer = wire.answer(Refusal(451, "4.7.1", "100% no"))
    assert list(packets(answer)) == [Packet("y", b"451 4.7.1 100%% no\0")]
