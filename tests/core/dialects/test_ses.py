import pytest

from estafeta_core.config.accounts import Account
from estafeta_core.dialects.base import UserName
from estafeta_core.dialects.ses import SES
from estafeta_core.options import Options
from estafeta_testing.steered import Reader

MESSAGE = Reader("ses")
NOTHING = Options(transactional=True, untracked="ses:no-track")
ACCOUNT = Account(account="acme", dialect="ses")


@pytest.mark.parametrize(
    ("username", "taken"),
    [
        ("AKIAIOSFODNN7EXAMPLE", True),
        ("akiaiosfodnn7example", False),
        ("AKIA EXAMPLE", False),
        ("me@example.com", False),
        ("", False),
    ],
)
def test_a_user_name_is_an_access_key_id(username: str, taken: bool) -> None:
    assert SES.parse_username(username) == (UserName(username) if taken else None)


def test_without_a_header_nothing_is_asked_for() -> None:
    assert MESSAGE.asked() == NOTHING


def test_the_documented_example_is_read() -> None:
    found = MESSAGE.asked(
        "X-SES-MESSAGE-TAGS: tagName1=tagValue1, tagName2=tagValue2",
        "X-SES-CONFIGURATION-SET: myConfigurationSet",
        "X-SES-SOURCE-ARN: arn:aws:ses:us-west-2:123456789012:identity/example.com",
    )
    assert found == Options(
        transactional=True,
        untracked="ses:no-track",
        metadata={
            "tagName1": "tagValue1",
            "tagName2": "tagValue2",
            "ses:configuration-set": "myConfigurationSet",
        },
    )


@pytest.mark.parametrize("tag", ["lonely", "=value", "name="])
def test_a_tag_has_a_name_and_a_value(tag: str) -> None:
    found = MESSAGE.asked(f"X-SES-MESSAGE-TAGS: a=1, {tag}")
    assert found.metadata == {"a": "1"}
    assert found.notices == (f"X-SES-MESSAGE-TAGS: {tag!r} is not of the form name=value",)


def test_list_management_adds_list_unsubscribe() -> None:
    found = MESSAGE.asked("X-SES-LIST-MANAGEMENT-OPTIONS: contactListName; topic=topic")
    assert found == Options(transactional=False, untracked="ses:no-track")


def test_replies_are_sess_own() -> None:
    assert SES.login_refused == "Authentication Credentials Invalid"
    assert str(SES.too_large(1, ACCOUNT)) == "552 Message is too long."
    assert str(SES.sender_refused("a@b.example", ACCOUNT)) == (
        "554 Message rejected: Email address is not verified."
        " The following identities failed the check: a@b.example"
    )
    assert SES.sender_fields(ACCOUNT) == {"mail from", "from", "sender"}
