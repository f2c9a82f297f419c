import re
from pathlib import Path
from typing import Any

import pytest

from estafeta_core.config.accounts import Defaults
from estafeta_core.dialects import DIALECTS
from estafeta_core.dialects.steered import Steered
from estafeta_testing.steered import Reader

MANUAL = (Path(__file__).parents[3] / "docs" / "dialects.md").read_text()
STEERED = sorted(name for name, dialect in DIALECTS.items() if isinstance(dialect, Steered))


def test_seven_providers_are_of_this_kind() -> None:
    assert STEERED == ["brevo", "mailgun", "mailjet", "mandrill", "postmark", "sendgrid", "ses"]


@pytest.mark.parametrize("name", STEERED)
def test_tags_and_metadata_of_frameworks_are_understood(name: str) -> None:
    found = Reader(name).asked("X-Tag: password-reset", "X-Metadata-User-ID: 12345")
    assert (found.tags, found.metadata) == (("password-reset",), {"User-ID": "12345"})


@pytest.mark.parametrize("name", STEERED)
def test_the_accounts_defaults_hold(name: str) -> None:
    defaults = Defaults(
        open_tracking=False,
        click_tracking=False,
        initial_open_pixel=True,
        transactional=False,
        return_path="keep",
    )
    found = Reader(name).asked(defaults=defaults)
    assert (found.tracked, found.initial_open_pixel) == (False, True)
    assert (found.transactional, found.return_path) == (False, "keep")
    assert Reader(name).asked(defaults=Defaults(open_tracking=True, click_tracking=True)).tracked


@pytest.mark.parametrize("name", STEERED)
def test_no_header_is_in_two_lists_and_each_begins_like_the_provider(name: str) -> None:
    dialect = DIALECTS[name]
    assert isinstance(dialect, Steered)
    lists = (dialect.read_headers, dialect.refused_headers, dialect.left_out_headers, dialect.idle_headers)
    every = [header.lower() for each in lists for header in each]
    assert len(every) == len(set(every)) == len(dialect.control_headers)
    begins = dialect.control_prefixes or ("x-smtpapi",)
    assert all(header.startswith(begins) for header in every)


@pytest.mark.parametrize("name", STEERED)
def test_the_manual_says_what_becomes_of_every_header(name: str) -> None:
    dialect = DIALECTS[name]
    assert isinstance(dialect, Steered)
    lists = (dialect.read_headers, dialect.refused_headers, dialect.left_out_headers, dialect.idle_headers)
    assert [header for each in lists for header in each if f"`{header}`" not in MANUAL] == []


def test_the_dialect_of_the_manual_is_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = re.findall(r"^```python\n(.*?)^```$", MANUAL, re.DOTALL | re.MULTILINE)
    file: dict[str, Any] = {}
    exec(text, file)
    monkeypatch.setitem(DIALECTS, "example", file["EXAMPLE"])
    message = Reader("example")
    found = message.asked("X-Example-Tag: a", "X-Tag: b", "X-Example-Track: yes", "X-Example-Footer: x")
    assert (found.tags, found.open_tracking, found.click_tracking) == (("a", "b"), True, True)
    assert found.notices == ("X-Example-Footer is not supported: texts stay as they are",)
    said = "550 5.6.0 X-Example-Send-At is not supported: messages are sent at once"
    assert message.refused("X-Example-Send-At: tomorrow") == said


def test_more_than_ten_tags_are_told() -> None:
    found = Reader("mailgun").asked(*(f"X-Mailgun-Tag: {number % 11}" for number in range(22)), "X-Tag: 0")
    assert found.tags == tuple(str(number) for number in range(10))
    assert found.notices == ("of 11 tags the first 10 count",)


def test_the_providers_own_metadata_beats_a_frameworks() -> None:
    found = Reader("postmark").asked("X-Metadata-a: 1", "X-PM-Metadata-a: 2", "X-Metadata-b: 3")
    assert found.metadata == {"a": "2", "b": "3"}
