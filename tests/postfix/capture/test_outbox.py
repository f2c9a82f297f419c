from pathlib import Path

from estafeta_postfix.capture.outbox import PEERS, Outbox
from estafeta_postfix.capture.session import Message


def test_each_recipient_has_a_file_that_begins_with_the_envelope(tmp_path: Path) -> None:
    Outbox(tmp_path / "out").keep(
        Message(b"s@example.org", (b"a@example.com", b"b@example.com"), b"raw \xff\r\n")
    )
    files = sorted((tmp_path / "out" / "new").iterdir())
    assert [path.read_bytes() for path in files] == [
        b"Return-Path: <s@example.org>\r\nDelivered-To: a@example.com\r\nraw \xff\r\n",
        b"Return-Path: <s@example.org>\r\nDelivered-To: b@example.com\r\nraw \xff\r\n",
    ]
    assert list((tmp_path / "out" / "tmp").iterdir()) == []


def test_names_sort_by_arrival(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for number in range(500):
        outbox.keep(Message(b"", (b"a@example.com",), str(number).encode()))
    contents = [path.read_bytes().rpartition(b"\n")[2] for path in sorted((tmp_path / "new").iterdir())]
    assert contents == [str(number).encode() for number in range(500)]


def test_each_file_has_a_line_with_its_peer(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.keep(Message(b"", (b"a@example.com", b"b@example.com"), b"", helo=b"mx \xff", peer="127.0.0.2"))
    outbox.keep(Message(b"", (b"c@example.com",), b"", helo=b"other", peer="::1"))
    names = sorted(path.name.encode() for path in (tmp_path / "new").iterdir())
    peers = (b"127.0.0.2 mx \xff", b"127.0.0.2 mx \xff", b"::1 other")
    expected = [name + b" " + peer for name, peer in zip(names, peers, strict=True)]
    assert (tmp_path / PEERS).read_bytes().splitlines() == expected
