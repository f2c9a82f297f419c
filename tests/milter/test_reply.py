import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.refusal import Refusal
from estafeta_milter.reply import LINE_LIMIT, reply


@given(st.text(max_size=3000))
def test_b4_any_text_becomes_one_line_that_libmilter_takes(text: str) -> None:
    code, status, line = reply(Refusal(550, "5.6.0", text))
    assert (code, status) == ("550", "5.6.0")
    assert re.fullmatch(r"[\x20-\x7e]*", line)
    assert not re.search(r"(?<!%)%(%%)*(?!%)", line)
    assert len(f"{code} {status} {line}\r\n") <= 512


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Unconfigured Sending Domain <a.example>", "Unconfigured Sending Domain <a.example>"),
        ("100%", "100%%"),
        ("%s%n", "%%s%%n"),
        ("a\r\n250 2.0.0 Ok: queued as FAKE", "a 250 2.0.0 Ok: queued as FAKE"),
        ("a\x1b[31mb\x00c", "a [31mb c"),
        ("año", "a?o"),
        ("x" * 2000, "x" * LINE_LIMIT),
    ],
)
def test_b5_text_from_users_cannot_break_the_reply(text: str, line: str) -> None:
    assert reply(Refusal(550, "5.6.0", text))[2] == line


def test_a_text_of_percent_signs_is_cut_before_it_is_doubled() -> None:
    line = reply(Refusal(550, "5.6.0", "%" * 2000))[2]
    assert len(line) <= LINE_LIMIT
    assert len(line) % 2 == 0
