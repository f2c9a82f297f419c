import pytest

from estafeta_core.config.accounts import Defaults
from estafeta_core.dialects.base import UserName
from estafeta_core.dialects.postmark import POSTMARK
from estafeta_core.options import Options
from estafeta_testing.steered import Reader

MESSAGE = Reader("postmark")
NOTHING = Options(transactional=True, untracked="data-pm-no-track")


def test_the_token_is_the_user_name_too_and_the_password_alone_tells_who_it_is() -> None:
    token = POSTMARK.make_key("acme")
    assert POSTMARK.parse_username(token) == UserName(token)
    assert POSTMARK.found_by == "key"
    assert POSTMARK.username_secret


def test_without_a_header_nothing_is_asked_for() -> None:
    assert MESSAGE.asked() == NOTHING


def test_the_documented_headers_are_read() -> None:
    found = MESSAGE.asked(
        "X-PM-Tag: welcome-email",
        "X-PM-TrackOpens: true",
        "X-PM-TrackLinks: HtmlOnly",
        "X-PM-Metadata-color: blue",
        "X-PM-Metadata-client-id: 12345",
        "X-PM-Message-Stream: outbound",
        "X-PM-KeepID: true",
    )
    assert found == Options(
        transactional=True,
        untracked="data-pm-no-track",
        tags=("welcome-email",),
        metadata={"color": "blue", "client-id": "12345"},
        open_tracking=True,
        click_tracking=True,
        click_tracking_in="html",
    )


@pytest.mark.parametrize(
    ("value", "clicks"),
    [("None", ""), ("HtmlAndText", "all"), ("HtmlOnly", "html"), ("TextOnly", "text"), ("htmlonly", "html")],
)
def test_in_which_texts_links_are_tracked(value: str, clicks: str) -> None:
    found = MESSAGE.asked(f"X-PM-TrackLinks: {value}", defaults=Defaults(click_tracking=True))
    assert ((found.click_tracking_in or "all") if found.click_tracking else "") == clicks
    assert found.notices == ()


def test_a_value_that_nobody_knows_is_told_and_the_default_holds() -> None:
    found = MESSAGE.asked("X-PM-TrackLinks: Everything", "X-PM-TrackOpens: perhaps")
    assert (found.click_tracking, found.open_tracking, len(found.notices)) == (False, False, 2)


@pytest.mark.parametrize(
    ("stream", "default", "transactional", "told"),
    [
        ("outbound", True, True, False),
        ("outbound", False, True, False),
        ("broadcast", True, False, False),
        ("my-own", True, True, True),
        ("my-own", False, False, True),
        ("", True, True, False),
    ],
)
def test_a_stream_says_whether_mail_is_transactional(
    stream: str, default: bool, transactional: bool, told: bool
) -> None:
    found = MESSAGE.asked(f"X-PM-Message-Stream: {stream}", defaults=Defaults(transactional=default))
    assert (found.transactional, bool(found.notices)) == (transactional, told)


def test_an_unknown_header_is_told() -> None:
    assert MESSAGE.asked("X-PM-Colour: red").notices == ("'X-PM-Colour' is not known here",)


def test_of_two_tags_the_first_one_counts() -> None:
    found = MESSAGE.asked("X-PM-Tag: a", "X-PM-Tag: b")
    assert (found.tags, found.notices) == (("a",), ("X-PM-Tag is given 2 times; the first one counts",))


def test_text_outside_ascii_is_read() -> None:
    found = MESSAGE.asked("X-PM-Tag: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "X-PM-Metadata-n: \u00c1")
    assert (found.tags, found.metadata) == (("Gr\u00fc\u00dfe",), {"n": "\u00c1"})
