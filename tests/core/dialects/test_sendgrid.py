import json
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.config.accounts import Account, Defaults
from estafeta_core.dialects.base import UserName
from estafeta_core.dialects.sendgrid import SENDGRID
from estafeta_core.options import Addressee, Options
from estafeta_core.refusal import Refusal
from estafeta_testing.steered import Reader

MESSAGE = Reader("sendgrid")
NOTHING = Options(
    open_tracking=True,
    click_tracking=True,
    click_tracking_in="html",
    transactional=True,
    untracked="clicktracking=off",
)


def asked(header: dict[str, Any] | str, defaults: Defaults | None = None) -> Options:
    return MESSAGE.asked(_line(header), defaults=defaults)


def refused(header: dict[str, Any] | str) -> str:
    return MESSAGE.refused(_line(header))


def _line(header: dict[str, Any] | str) -> str:
    return f"X-SMTPAPI: {header if isinstance(header, str) else json.dumps(header)}"


def setting(name: str, **settings: Any) -> dict[str, Any]:
    return {"filters": {name: {"settings": settings}}}


def tracked(options: Options) -> tuple[bool, str]:
    return options.open_tracking, (options.click_tracking_in or "all") if options.click_tracking else ""


@pytest.mark.parametrize(
    ("username", "taken"), [("apikey", True), ("APIKEY", False), ("apikey ", False), ("", False)]
)
def test_the_user_name_is_always_apikey(username: str, taken: bool) -> None:
    assert SENDGRID.parse_username(username) == (UserName(username) if taken else None)
    assert SENDGRID.found_by == "key"
    assert SENDGRID.make_key("acme").startswith("SG.")


def test_without_a_header_opens_and_clicks_in_html_are_tracked() -> None:
    assert MESSAGE.asked() == NOTHING
    assert asked("{}") == NOTHING
    assert tracked(MESSAGE.asked(defaults=Defaults(open_tracking=False, click_tracking=False))) == (False, "")


def test_categories_and_unique_arguments_of_the_documentation() -> None:
    assert asked({"category": "Example Category"}).tags == ("Example Category",)
    assert asked({"category": ["dogs", "animals", "pets", "mammals"]}).tags == (
        "dogs",
        "animals",
        "pets",
        "mammals",
    )
    arguments = {"customerAccountNumber": "55555", "activationAttempt": "1", "New Argument 1": "New Value 1"}
    assert asked({"unique_args": arguments}).metadata == arguments


def test_an_ip_pool_is_chosen() -> None:
    assert asked({"ip_pool": "testPool"}).ip_pool == "testPool"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (setting("clicktrack", enable=0), (True, "")),
        (setting("clicktrack", enable=0, enable_text=1), (True, "")),
        (setting("clicktrack", enable=1), (True, "html")),
        (setting("clicktrack", enable="1", enable_text=True), (True, "all")),
        (setting("opentrack", enable=0), (False, "html")),
        (setting("opentrack", enable=False), (False, "html")),
        (setting("opentrack"), (True, "html")),
    ],
)
def test_what_is_tracked(header: dict[str, Any], expected: tuple[bool, str]) -> None:
    assert tracked(asked(header)) == expected


@pytest.mark.parametrize(
    "header",
    [{"asm_group_id": 1}, {"asm": {"group_id": 123}}, setting("subscriptiontrack", enable=1)],
)
def test_a_group_that_can_be_left_makes_mail_that_can(header: dict[str, Any]) -> None:
    found = asked(header)
    assert (found.transactional, found.notices) == (False, ())


def test_bypassing_lists_is_asked_for_and_a_bcc_gets_a_copy() -> None:
    assert asked(setting("bypass_list_management", enable=1)).skip_suppression
    found = asked(setting("bcc", enable=1, email="example@example.com"))
    assert found.bcc == (Addressee("example@example.com"),)
    assert asked(setting("bcc", enable=0, email="no address")).bcc == ()


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"to": ["ben@example.com", "joe@example.com"]}, "name the recipients by RCPT TO"),
        ({"sub": {"-name-": ["Ben", "Joe"]}}, "nothing is put into texts"),
        ({"section": {"-a-": "b"}}, "nothing is put into texts"),
        ({"send_at": 1409348513}, "messages are sent at once"),
        ({"send_each_at": [1409348513, 1409348514]}, "messages are sent at once"),
    ],
)
def test_what_the_recipient_would_notice_is_refused(header: dict[str, Any], reason: str) -> None:
    (name,) = header
    assert refused(header) == f"550 5.6.0 X-SMTPAPI '{name}' is not supported: {reason}"


def test_a_stored_template_is_refused() -> None:
    for name in ("template", "templates"):
        header = setting(name, enable=1, template_id="5997fcf6-2b9f-484d-acd5-7e9a99f0dc1f")
        assert (
            refused(header)
            == "550 5.6.0 X-SMTPAPI 'templates' is not supported: there are no stored templates"
        )


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"colour": 1}, "X-SMTPAPI: 'colour' is not known here"),
        (
            setting("footer", **{"enable": 1, "text/plain": "Bye"}),
            "X-SMTPAPI: the filter 'footer' is not supported",
        ),
        (setting("ganalytics", enable=1), "X-SMTPAPI: the filter 'ganalytics' is not supported"),
        (
            setting("opentrack", enable=2),
            "X-SMTPAPI 'opentrack': enable is neither 1 nor 0; the default holds",
        ),
        (
            setting("opentrack", enable=1, replace="%opentrack%"),
            "X-SMTPAPI 'opentrack': replace is not supported: the pixel stands at the end",
        ),
        (
            setting("subscriptiontrack", **{"enable": 1, "text/html": "<% here %>"}),
            "X-SMTPAPI 'subscriptiontrack': texts get no link; List-Unsubscribe is added",
        ),
        ({"category": [str(number) for number in range(11)]}, "of 11 categories the first 10 count"),
    ],
)
def test_what_only_the_sender_would_miss_is_told(header: dict[str, Any], said: str) -> None:
    assert asked(header).notices == (said,)


@pytest.mark.parametrize(
    "header",
    [
        {"to": []},
        {"sub": {}},
        {"send_at": None},
        {"batch_id": "x"},
        setting("footer", enable=0),
        {"filters": {}},
    ],
)
def test_what_asks_for_nothing_is_nothing(header: dict[str, Any]) -> None:
    assert asked(header) == NOTHING


def test_of_several_headers_the_first_one_counts() -> None:
    found = MESSAGE.asked('X-SMTPAPI: {"category": "a"}', 'X-SMTPAPI: {"category": "b"}')
    assert (found.tags, found.notices) == (("a",), ("X-SMTPAPI is given 2 times; the first one counts",))


@pytest.mark.parametrize("size", [10_000, 10_001])
def test_unique_arguments_have_10000_bytes(size: int) -> None:
    header = {"unique_args": {"a": "x" * (size - 1)}}
    if size <= 10_000:
        assert asked(header).metadata == header["unique_args"]
    else:
        assert refused(header) == "550 5.6.0 X-SMTPAPI 'unique_args' is limited to 10000 bytes"


@pytest.mark.parametrize(
    "header",
    [
        {"category": 1},
        {"category": {"a": 1}},
        {"category": ["a", None]},
        {"unique_args": "a=b"},
        {"unique_args": ["a"]},
        {"ip_pool": 1},
        {"filters": []},
        {"filters": {"clicktrack": 1}},
        {"filters": {"clicktrack": {"settings": "off"}}},
        setting("bcc", enable=1),
        setting("bcc", enable=1, email="a@b.example\r\nBcc: c@d.example"),
    ],
)
def test_d7_d9_values_of_another_type_are_refused(header: dict[str, Any]) -> None:
    assert refused(header).startswith("550 5.6.0 X-SMTPAPI '")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{",
        "null",
        "[]",
        "{'category': 'a'}",
        '{"category": "a",}',
        '{"category": "a", "category": "b"}',
        '{"unique_args": {"a": "1", "a": "2"}}',
        '{"filters": {"opentrack": {"settings": {"enable": 1, "enable": 0}}}}',
        '{"unique_args": {"a": NaN}}',
        '{"unique_args": {"a": 1e999}}',
        '{"unique_args": {"a": 123456789012345678901234567890}}',
        '{"unique_args": {"a": "\\ud800"}}',
        '{"unique_args": ' * 20_000,
    ],
)
def test_d1_d2_d3_d4_a_header_that_not_everybody_reads_alike_is_refused(value: str) -> None:
    assert refused(value).startswith("550 5.6.0 ")


def test_d5_d8_folds_and_encoded_words_are_read() -> None:
    assert asked('{"category":\r\n "my\n\tcategory"}').tags == ("my category",)
    assert asked('{"category": "=?utf-8?Q?Gr=C3=BC=22=C3=9Fe?="}').tags == ('Gr\u00fc"\u00dfe',)
    whole = "=?utf-8?B?eyJjYXRlZ29yeSI6ICJhIn0=?="
    assert asked(whole).tags == ("a",)


def test_a_header_folded_and_encoded_by_emailmessage_is_read() -> None:
    arguments = {"\u540d\u524d": "\u30c6\u30b9\u30c8 " * 20, "x": "a b " * 40}
    message = EmailMessage(policy=policy.SMTP)
    message["X-SMTPAPI"] = json.dumps({"unique_args": arguments}, ensure_ascii=False)
    line = message.as_bytes().removesuffix(b"\r\n\r\n")
    assert b"\r\n" in line
    assert MESSAGE.asked(line).metadata == arguments


def test_d6_a_header_that_postfix_may_have_cut_says_so() -> None:
    whole = json.dumps({"unique_args": {str(number): "x" * 50 for number in range(1500)}})
    assert refused(whole[:59_000]).endswith("headers are cut at 60000 bytes")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["filters", "settings", "enable", "category", "to", "bcc", "clicktrack", "email"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(_JSON)
def test_whatever_is_asked_is_answered(value: Any) -> None:
    assert isinstance(MESSAGE.read(f"X-SMTPAPI: {json.dumps(value)}"), Options | Refusal)


def test_replies_are_sendgrids_own() -> None:
    account = Account(account="acme", dialect="sendgrid")
    assert str(SENDGRID.authentication_required) == "550 5.7.1 Unauthenticated senders not allowed"
    assert str(SENDGRID.sender_refused("a@b.example", account)).startswith(
        "550 The from address does not match a verified Sender Identity."
    )
