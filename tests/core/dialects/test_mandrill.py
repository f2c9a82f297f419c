import pytest

from estafeta_core.config.accounts import Defaults
from estafeta_core.dialects.base import UserName
from estafeta_core.dialects.mandrill import MANDRILL
from estafeta_core.options import Addressee, Options
from estafeta_testing.steered import Reader

MESSAGE = Reader("mandrill")
NOTHING = Options(
    open_tracking=True,
    click_tracking=True,
    click_tracking_in="html",
    transactional=True,
    untracked="mc:disable-tracking",
)


@pytest.mark.parametrize("username", ["me@example.com", "anything"])
def test_the_user_name_is_any_and_the_key_alone_tells_who_it_is(username: str) -> None:
    assert MANDRILL.parse_username(username) == UserName(username)
    assert MANDRILL.found_by == "key"
    assert MANDRILL.make_key("acme").startswith("md-")


def test_without_a_header_the_sending_defaults_hold() -> None:
    assert MESSAGE.asked() == NOTHING
    quiet = MESSAGE.asked(defaults=Defaults(open_tracking=False, click_tracking=False))
    assert not quiet.tracked


def test_the_documented_headers_are_read() -> None:
    found = MESSAGE.asked(
        "X-MC-Tags: tag1, tag2,tag3",
        'X-MC-Metadata: {"user_id": "45829", "location_id": "111"}',
        "X-MC-InlineCSS: true",
        "X-MC-BccAddress: records@example.com",
        "X-MC-Subaccount: cust-123",
        "X-MC-IpPool: Main Pool",
        "X-MC-ReturnPathDomain: Mail.Example.com",
        "X-MC-Important: true",
        "X-MC-PreserveRecipients: true",
    )
    assert found.tags == ("tag1", "tag2", "tag3")
    assert found.metadata == {"user_id": "45829", "location_id": "111"}
    assert (found.inline_css, found.archive) == (True, (Addressee("records@example.com"),))
    assert (found.subaccount, found.ip_pool) == ("cust-123", "Main Pool")
    assert (found.return_path_domain, found.notices) == ("mail.example.com", ())


@pytest.mark.parametrize(
    ("value", "opens", "clicks"),
    [
        ("opens, clicks_all", True, "all"),
        ("opens,clicks", True, "all"),
        ("opens", True, ""),
        ("clicks_htmlonly", False, "html"),
        ("clicks_textonly", False, "text"),
        ("OPENS, Clicks_HtmlOnly", True, "html"),
        ("none", False, ""),
        ("", False, ""),
    ],
)
def test_what_is_not_named_is_not_tracked(value: str, opens: bool, clicks: str) -> None:
    found = MESSAGE.asked(f"X-MC-Track: {value}")
    tracked = (found.click_tracking_in or "all") if found.click_tracking else ""
    assert (found.open_tracking, tracked, found.notices) == (opens, clicks, ())


def test_a_word_that_nobody_knows_is_told() -> None:
    (notice,) = MESSAGE.asked("X-MC-Track: opens, everything").notices
    assert notice.startswith("X-MC-Track: 'everything' is none of opens, clicks")


def test_metadata_of_single_recipients_is_left_out_and_told() -> None:
    found = MESSAGE.asked('X-MC-Metadata: {"a": "1"}', 'X-MC-Metadata: {"_rcpt": "x@y.example", "a": "2"}')
    assert found.metadata == {"a": "1"}
    assert found.notices == ("X-MC-Metadata of one recipient (_rcpt) is not supported: it is left out",)


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("X-MC-SendAt: 2016-01-01 12:00:00", "messages are sent at once"),
        ("X-MC-Template: a_template|main", "there are no stored templates"),
        ('X-MC-MergeVars: {"_rcpt": "a@b.example", "fname": "A"}', "nothing is put into texts"),
    ],
)
def test_what_the_recipient_would_notice_is_refused(field: str, reason: str) -> None:
    name = field.partition(":")[0]
    assert MESSAGE.refused(field) == f"550 5.6.0 {name} is not supported: {reason}"


@pytest.mark.parametrize(
    "field",
    [
        "X-MC-Autotext: on",
        "X-MC-AutoHtml: yes",
        "X-MC-GoogleAnalytics: example.com",
        "X-MC-GoogleAnalyticsCampaign: spring",
        "X-MC-TrackingDomain: t.example.com",
        "X-MC-SigningDomain: example.com",
        "X-MC-ViewContentLink: y",
        "X-MC-PreserveRecipients: off",
        "X-MC-Colour: red",
    ],
)
def test_what_only_the_sender_would_miss_is_told(field: str) -> None:
    name = field.partition(":")[0]
    found = MESSAGE.asked(field)
    assert len(found.notices) == 1
    assert name in found.notices[0]


@pytest.mark.parametrize("field", ["X-MC-Autotext: n", "X-MC-SendAt:", "X-MC-ViewContentLink: false"])
def test_what_asks_for_nothing_is_nothing(field: str) -> None:
    assert MESSAGE.asked(field) == NOTHING


@pytest.mark.parametrize(
    "address", ["nobody", "a@b.example, c@d.example", "a@b.example\r\n Bcc: c@d.example", "<a@b.c>"]
)
def test_d9_a_bcc_address_is_exactly_one(address: str) -> None:
    assert MESSAGE.refused(f"X-MC-BccAddress: {address}") == "550 5.6.0 X-MC-BccAddress must hold one address"


@pytest.mark.parametrize("value", ["", "{", "[]", '{"a": 1, "a": 2}', '{"a": 1e999}', '{"a": "\\ud800"}'])
def test_d1_d4_metadata_that_not_everybody_reads_alike_is_refused(value: str) -> None:
    assert MESSAGE.refused(f"X-MC-Metadata: {value}").startswith("550 5.6.0 ")
