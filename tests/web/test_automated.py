"""Who is a person, by what names itself and by haste."""

import pytest

from estafeta_web import automated
from estafeta_web.automated import Bursts, mark

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome"
PEOPLE = (
    f"{CHROME}/141.0.0.0 Safari/537.36",
    f"{CHROME}/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.3.0",
    "Mozilla/5.0 (Linux; Android 9; CUBOT_X18) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36",
    "Mozilla/5.0 ",
    "",
)
MACHINES = {
    "Mozilla/5.0": "prefetch",
    f"{CHROME}/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0": "prefetch",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)": "proxy",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html": "proxy",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Microsoft Office Existence Discovery": "prefetch",
    f"{CHROME}/116.0.0.0 Safari/537.36 BingPreview/1.0b": "prefetch",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5": "prefetch",
    "Barracuda Sentinel (EE)": "scanner",
    "Mozilla/5.0 (compatible; Proofpoint/2.0)": "scanner",
    "facebookexternalhit/1.1": "scanner",
    "Slackbot-LinkExpanding 1.0": "scanner",
    "Mozilla/5.0 (compatible; YandexImageResizer/2.0; +http://yandex.com/bots)": "scanner",
    "Mozilla/5.0 (compatible; Googlebot/2.1)": "scanner",
    "curl/8.5.0": "scanner",
    "python-requests/2.32.3": "scanner",
    "Python-urllib/3.11": "scanner",
    "Go-http-client/2.0": "scanner",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0": "scanner",
}


@pytest.mark.parametrize("agent", PEOPLE)
def test_h7_a_mail_program_or_a_browser_is_a_person(agent: str) -> None:
    assert mark("GET", agent) == ""


@pytest.mark.parametrize("agent", MACHINES)
def test_h7_what_names_itself_is_automated(agent: str) -> None:
    assert mark("GET", agent) == MACHINES[agent]


@pytest.mark.parametrize("agent", [*PEOPLE, *MACHINES])
def test_h7_head_is_nobody_whoever_asks(agent: str) -> None:
    assert mark("HEAD", agent) == "head"


A, B, C, D = b"a", b"b", b"c", b"d"


@pytest.mark.parametrize(
    ("clicks", "expected"),
    [
        ([(0, A), (1, B), (2, C)], [None, None, (1, 2)]),
        ([(0, A), (1, B), (2, C), (3, D)], [None, None, (1, 2), ()]),
        ([(0, A), (1000, B), (2000, C)], [None, None, (1, 2)]),
        ([(0, A), (1000, B), (2001, C)], [None, None, None]),
        ([(0, A), (1, A), (2, A), (3, B)], [None, None, None, None]),
        ([(0, A), (1, A), (2, B), (3, C)], [None, None, None, (1, 2, 3)]),
        (
            [(0, A), (1, B), (2, C), (2003, A)],
            [None, None, (1, 2), None],
        ),  # whoever comes later may be a person
        ([(5, A), (4, B), (3, C)], [None, None, (1, 2)]),  # the clock was set
    ],
)
def test_h7_three_different_links_in_two_seconds_are_a_burst(
    clicks: list[tuple[int, bytes]], expected: list[tuple[int, ...] | None]
) -> None:
    bursts = Bursts()
    found = [
        bursts.click(7, target, event_id, time) for event_id, (time, target) in enumerate(clicks, start=1)
    ]
    assert found == expected


def test_h7_the_links_of_two_messages_are_no_burst() -> None:
    bursts = Bursts()
    assert [bursts.click(message, target, 1, 0) for message, target in ((1, A), (2, B), (1, C))] == [None] * 3


def test_h7_only_so_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automated, "MESSAGES", 2)
    bursts = Bursts()
    for message in (1, 2, 1, 3):  # 2 is the one that was clicked in longest ago
        bursts.click(message, A, message, 0)
    assert bursts.click(1, B, 9, 0) is None
    assert bursts.click(1, C, 10, 0) == (1, 1, 9)
    for number in range(10 * automated.CLICKS):
        bursts.click(5, A, number, 0)
    bursts.click(5, B, 1000, 0)
    earlier = bursts.click(5, C, 1001, 0)
    assert earlier is not None
    assert len(earlier) == automated.CLICKS
