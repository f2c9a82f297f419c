from pathlib import Path

from estafeta_postfix.demo.delivered import Delivered, of_message

COPY = (
    b"Return-Path: <b+x@bounce.example>\r\nDelivered-To: a@example.com\r\n"
    b"Received: from [127.0.0.1] (unknown [127.0.0.1])\r\n"
    b"\tby mx.example (Postfix) with ESMTPS id 4jQueueId\r\n\tfor <a@example.com>; now\r\n"
    b"Content-Type: multipart/alternative; boundary=x\r\n\r\n"
    b"--x\r\n\r\ntext\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--x--\r\n"
)


def test_a_copy_shows_its_texts_and_whose_it_is() -> None:
    copy = Delivered(COPY)
    assert (copy.text.strip(), copy.html.strip()) == ("text", "<p>html")
    assert copy.recipient == "a@example.com"


def test_the_copies_of_a_message_are_found_by_its_queue_id(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1").write_bytes(COPY)
    (tmp_path / "new" / "2").write_bytes(COPY.replace(b"4jQueueId", b"4jOther"))
    (tmp_path / "new" / "3").write_bytes(b"To: " + b"(" * 5000 + b"\r\n\r\n")
    assert [copy.raw for copy in of_message(tmp_path, "4jQueueId")] == [COPY]
