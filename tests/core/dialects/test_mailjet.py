import pytest

from estafeta_core.config.accounts import Defaults
from estafeta_core.options import Options
from estafeta_testing.steered import Reader

MESSAGE = Reader("mailjet")
NOTHING = Options(open_tracking=True, click_tracking=True, transactional=True)


def test_without_a_header_opens_and_clicks_are_tracked() -> None:
    assert MESSAGE.asked() == NOTHING


def test_the_documented_headers_are_read() -> None:
    found = MESSAGE.asked(
        "X-Mailjet-Campaign: SpringCampaign_2014",
        "X-Mailjet-TrackOpen: 0",
        "X-Mailjet-TrackClick: 0",
        "X-MJ-CustomID: PassengerEticket1234",
        'X-MJ-EventPayload: {"type": "tour_report"}',
        "X-Mailjet-Prio: 3",
    )
    assert found == Options(
        transactional=True,
        campaign_id="SpringCampaign_2014",
        metadata={"CustomID": "PassengerEticket1234", "Payload": '{"type": "tour_report"}'},
    )


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize(("value", "tracked"), [("0", False), ("1", True), ("false", False), ("true", True)])
def test_a_message_beats_the_account(default: bool, value: str, tracked: bool) -> None:
    fields = (f"X-Mailjet-TrackOpen: {value}", f"X-Mailjet-TrackClick: {value}")
    found = MESSAGE.asked(*fields, defaults=Defaults(open_tracking=default, click_tracking=default))
    assert (found.open_tracking, found.click_tracking) == (tracked, tracked)


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("X-MJ-TemplateID: 12345", "there are no stored templates"),
        ("X-MJ-TemplateLanguage: True", "nothing is put into texts"),
        ("X-MJ-TemplateLanguage: 1", "nothing is put into texts"),
        ("X-Mailjet-DeduplicateCampaign: y", "who has had a campaign is not looked up"),
    ],
)
def test_what_the_recipient_would_notice_is_refused(field: str, reason: str) -> None:
    name = field.partition(":")[0]
    assert MESSAGE.refused(field) == f"550 5.6.0 {name} is not supported: {reason}"


@pytest.mark.parametrize(
    "field",
    [
        "X-MJ-TemplateLanguage: false",
        'X-MJ-Vars: {"a": 1}',
        "X-Mailjet-DeduplicateCampaign: 0",
        "X-MJ-CustomID:",
    ],
)
def test_what_asks_for_nothing_is_nothing(field: str) -> None:
    assert MESSAGE.asked(field) == NOTHING


@pytest.mark.parametrize("name", ["X-Mailjet-Colour", "X-MJ-Colour"])
def test_an_unknown_header_of_either_name_is_told(name: str) -> None:
    assert MESSAGE.asked(f"{name}: red").notices == (f"{name!r} is not known here",)


@pytest.mark.parametrize(("length", "taken"), [(255, True), (256, False)])
def test_a_campaign_has_255_characters(length: int, taken: bool) -> None:
    field = f"X-Mailjet-Campaign: {'x' * length}"
    if taken:
        assert MESSAGE.asked(field).campaign_id == "x" * length
    else:
        assert MESSAGE.refused(field) == "550 5.6.0 X-Mailjet-Campaign is limited to 255 characters"


def test_d6_a_payload_that_postfix_may_have_cut_is_refused() -> None:
    said = MESSAGE.refused(f"X-MJ-EventPayload: {'x' * 59_000}")
    assert said == "550 5.6.0 X-MJ-EventPayload is too long: headers are cut at 60000 bytes"
