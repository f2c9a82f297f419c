import pytest

from estafeta_milter.dkim.lines import broken


def as_smtp(line: bytes, limit: int = 998) -> bytes:
    """What smtp_text_out() of Postfix does with one line, step by step."""
    sent, left = b"", limit
    while len(line) >= left:
        sent, line, left = sent + line[:left] + b"\r\n", line[left:], limit
        if not line:
            return sent
        sent, left = sent + b" ", left - 1
    return sent + line + b"\r\n"


@pytest.mark.parametrize("length", [0, 1, 997, 998, 999, 1995, 1996, 2048, 2992, 2993, 5000, 100_000])
def test_a_line_is_broken_where_smtp_breaks_it(length: int) -> None:
    line = bytes(33 + at % 90 for at in range(length))
    body = b"a\r\n" + line + b"\r\nb\r\n"
    assert broken(body) == b"a\r\n" + as_smtp(line) + b"b\r\n"


def test_a_body_of_short_lines_is_the_same_object() -> None:
    body = b"x" * 998 + b"\r\n" + b"y" * 998
    assert broken(body) is body


def test_the_last_line_needs_no_line_end() -> None:
    assert broken(b"x" * 999) == b"x" * 998 + b"\r\n x"
