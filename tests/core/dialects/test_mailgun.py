from typing import Any

import pytest

from estafeta_core.config.accounts import Defaults
from estafeta_core.dialects.base import UserName
from estafeta_core.dialects.mailgun import MAILGUN
from estafeta_core.options import Options
from estafeta_testing.steered import Reader

MESSAGE = Reader("mailgun")
NOTHING = Options(transactional=True, untracked="disable-tracking=true")


@pytest.mark.parametrize(
    ("username", "taken"),
    [
        ("postmaster@mg.example.com", True),
        ("api.user@example.com", True),
        ("postmaster", False),
        ("@example.com", False),
        ("postmaster@", False),
        ("a b@example.com", False),
        ("x\t@example.com", False),
        ("", False),
    ],
)
def test_a_login_is_an_address_of_the_domain(username: str, taken: bool) -> None:
    assert MAILGUN.parse_username(username) == (UserName(username) if taken else None)


def test_without_a_header_nothing_is_asked_for() -> None:
    assert MESSAGE.asked() == NOTHING


def test_the_documented_options_are_read() -> None:
    found = MESSAGE.asked(
        "X-Mailgun-Tag: September newsletter",
        "X-Mailgun-Tag: newsletters",
        "X-Mailgun-Campaign-Id: c1",
        'X-Mailgun-Variables: {"first_name": "John", "last_name": "Smith"}',
        'X-Mailgun-Variables: {"my_message_id": 123}',
        "X-Mailgun-Sending-Ip-Pool: bulk",
        "X-Mailgun-Track-Pixel-Location-Top: yes",
        "X-Mailgun-Dkim: yes",
        "X-Mailgun-Suppress-Headers: all",
    )
    assert found.tags == ("September newsletter", "newsletters")
    assert found.campaign_id == "c1"
    assert found.metadata == {"first_name": "John", "last_name": "Smith", "my_message_id": 123}
    assert (found.ip_pool, found.initial_open_pixel, found.notices) == ("bulk", True, ())


@pytest.mark.parametrize(
    ("fields", "opens", "clicks"),
    [
        (("X-Mailgun-Track: yes",), True, "all"),
        (("X-Mailgun-Track: True",), True, "all"),
        (("X-Mailgun-Track: no",), False, ""),
        (("X-Mailgun-Track-Opens: yes",), True, ""),
        (("X-Mailgun-Track-Clicks: yes",), False, "all"),
        (("X-Mailgun-Track-Clicks: htmlonly",), False, "html"),
        (("X-Mailgun-Track: no", "X-Mailgun-Track-Clicks: htmlonly"), False, "html"),
        (("X-Mailgun-Track: yes", "X-Mailgun-Track-Clicks: no"), True, ""),
        (("X-Mailgun-Track: yes", "X-Mailgun-Track-Opens: no"), False, "all"),
        (("x-mailgun-track : YES",), True, "all"),
    ],
)
def test_what_is_tracked(fields: tuple[str, ...], opens: bool, clicks: str) -> None:
    found = MESSAGE.asked(*fields)
    tracked = (found.click_tracking_in or "all") if found.click_tracking else ""
    assert (found.open_tracking, tracked, found.notices) == (opens, clicks, ())


def test_the_account_holds_where_the_message_says_nothing() -> None:
    defaults = Defaults(open_tracking=True, click_tracking=True, transactional=False)
    found = MESSAGE.asked("X-Mailgun-Track-Clicks: no", defaults=defaults)
    assert (found.open_tracking, found.click_tracking, found.transactional) == (True, False, False)


@pytest.mark.parametrize(("value", "test"), [("yes", True), ("true", True), ("no", False), ("", False)])
def test_a_message_can_be_a_test(value: str, test: bool) -> None:
    assert MESSAGE.asked(f"X-Mailgun-Drop-Message: {value}").test is test


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("X-Mailgun-Deliver-By: Fri, 14 Oct 2011 12:00:00 +0000", "messages are sent at once"),
        ("X-Mailgun-Time-Zone-Localize: 10:00AM", "messages are sent at once"),
        ("X-Mailgun-Template-Name: welcome-email", "there are no stored templates"),
        ('X-Mailgun-Recipient-Variables: {"a@b.example": {"first": "A"}}', "nothing is put into texts"),
        ("X-Mailgun-Recipient-Variables: {}", "nothing is put into texts"),
        ("X-Mailgun-Require-TLS: yes", "a message cannot be kept from leaving in the clear"),
    ],
)
def test_what_the_recipient_would_notice_is_refused(field: str, reason: str) -> None:
    name = field.partition(":")[0]
    assert MESSAGE.refused(field) == f"550 5.6.0 {name} is not supported: {reason}"


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (
            "X-Mailgun-Sending-Ip: 192.0.2.1",
            "X-Mailgun-Sending-Ip is not supported: an address is chosen by its pool",
        ),
        ("X-Mailgun-Dkim: no", "X-Mailgun-Dkim: no is not supported: the keys of the domain sign"),
        ("X-Mailgun-Colour: red", "'X-Mailgun-Colour' is not known here"),
        ("X-Mailgun-Track: maybe", "X-Mailgun-Track: 'maybe' is none of "),
    ],
)
def test_what_only_the_sender_would_miss_is_told(field: str, said: str) -> None:
    found = MESSAGE.asked(field)
    assert any(notice.startswith(said) for notice in found.notices), found.notices


@pytest.mark.parametrize(
    "field", ["X-Mailgun-Require-TLS: no", "X-Mailgun-Deliver-By:", "X-Mailgun-Sending-Ip:"]
)
def test_what_asks_for_nothing_is_nothing(field: str) -> None:
    assert MESSAGE.asked(field) == NOTHING


@pytest.mark.parametrize(
    "value", ["", "{", "[1]", '"a"', "null", '{"a": 1, "a": 2}', '{"a": NaN}', "{" * 30_000]
)
def test_d1_d2_d3_variables_that_not_everybody_reads_alike_are_refused(value: str) -> None:
    assert MESSAGE.refused(f"X-Mailgun-Variables: {value}").startswith("550 5.6.0 ")


def test_an_address_that_is_none_is_refused_in_mailguns_words() -> None:
    account: Any = None
    assert str(MAILGUN.recipient_refused("x", account)) == "553 5.1.3 Cannot parse to address"
