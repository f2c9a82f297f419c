import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.refusal import Refusal
from estafeta_milter.reply import LINE_LIMIT, reply


@given(st.sampled_from(["5.6.0", ""]), st.text(max_size=3000))
def test_b4_any_text_becomes_one_line_that_libmilter_takes(status: str, text: str) -> None:
    code, found, line = reply(Refusal(550, status, text))
    assert (code, found or "") in (("550", status), ("550", "5.0.0"))
    assert re.fullmatch(r"[\x20-\x7e]*", line)
    assert not re.search(r"(?<!%)%(%%)*(?!%)", line)
    assert len(f"{code} {found} {line}\r\n") <= 512


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


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(530, "", "Authentication required"),
        Refusal(554, "", "Transaction failed: Must authenticate before sending mail"),
    ],
)
def test_a_refusal_without_enhanced_status_has_none_on_the_wire(refusal: Refusal) -> None:
    assert reply(refusal) == (str(refusal.code), None, refusal.text)


@pytest.mark.parametrize(("code", "status"), [(554, "5.0.0"), (451, "4.0.0")])
def test_a_digit_at_the_beginning_of_the_text_is_not_taken_for_a_status(code: int, status: str) -> None:
    assert reply(Refusal(code, "", "100% of it")) == (str(code), status, "100%% of it")


def test_a_text_of_percent_signs_is_cut_before_it_is_doubled() -> None:
    line = reply(Refusal(550, "5.6.0", "%" * 2000))[2]
    assert len(line) <= LINE_LIMIT
    assert len(line) % 2 == 0
