import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.headers import Header
from estafeta_core.identity import Identity
from estafeta_core.links import Feedback
from estafeta_milter.handlers import x_msfbl
from estafeta_testing.office import FROM, LINKS, make_job, make_message


def value(rcpt_to: str | None = "alice@example.net", subaccount: str | None = None) -> bytes:
    job = make_job(rcpt_to=rcpt_to, identity=Identity("acme", "main", subaccount), customer_id="77")
    return x_msfbl.apply(make_message(), job).headers[-1].value


def test_a_complaint_that_quotes_it_leads_back_to_the_message() -> None:
    assert LINKS.read_msfbl(value().decode()) == Feedback("77", "0", 4711, "alice@example.net")
    assert LINKS.read_msfbl(value(None, "123").decode()) == Feedback("77", "123", 4711, "")


def test_one_that_the_client_wrote_says_nothing() -> None:
    message = make_message(headers=(FROM, Header("x-msfbl ", b"forged"), Header("X-MSFBL", b"forged")))
    fields = x_msfbl.apply(message, make_job()).headers
    assert [header.name for header in fields] == ["From", "X-MSFBL"]
    assert b"forged" not in fields[-1].value


@given(st.text(max_size=320))
def test_lines_stay_short_and_ascii_whoever_the_recipient_is(rcpt_to: str) -> None:
    lines = value(rcpt_to).split(b"\n\t")
    assert max(len(line) for line in lines) <= 76
    assert all(line.isascii() and line for line in lines)


@pytest.mark.parametrize("rcpt_to", ["a\udcff@example.net", "ä@example.net"])
def test_an_address_outside_ascii_comes_back_whole(rcpt_to: str) -> None:
    feedback = LINKS.read_msfbl(value(rcpt_to).decode())
    assert feedback is not None
    assert feedback.rcpt_to == rcpt_to
