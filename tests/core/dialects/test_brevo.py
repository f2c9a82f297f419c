import pytest

from estafeta_core.config.accounts import Defaults
from estafeta_core.dialects.base import UserName
from estafeta_core.dialects.brevo import BREVO
from estafeta_core.options import Options
from estafeta_testing.steered import Reader

MESSAGE = Reader("brevo")
NOTHING = Options(open_tracking=True, click_tracking=True, transactional=True)


@pytest.mark.parametrize(("username", "taken"), [("me@example.com", True), ("me", False), ("", False)])
def test_a_login_is_an_address(username: str, taken: bool) -> None:
    assert BREVO.parse_username(username) == (UserName(username) if taken else None)


def test_a_key_begins_like_brevos() -> None:
    assert BREVO.make_key("acme").startswith("xsmtpsib-")


def test_opens_and_clicks_are_tracked_unless_the_account_says_otherwise() -> None:
    assert MESSAGE.asked() == NOTHING
    assert not MESSAGE.asked(defaults=Defaults(open_tracking=False, click_tracking=False)).tracked


def test_the_documented_headers_are_read() -> None:
    custom = "custom_header_1:custom_value_1|custom_header_2:custom_value_2"
    found = MESSAGE.asked("X-Mailin-Tag: myFirstTransactional", f"X-Mailin-Custom: {custom}")
    assert found.tags == ("myFirstTransactional",)
    assert found.metadata == {"X-Mailin-custom": custom}
    assert found.notices == ()


def test_what_is_not_done_is_told() -> None:
    found = MESSAGE.asked("X-Mailin-IP: 192.0.2.1", "X-Mailin-Colour: red")
    assert set(found.notices) == {
        "X-Mailin-IP is not supported: an address is chosen by its pool",
        "'X-Mailin-Colour' is not known here",
    }
