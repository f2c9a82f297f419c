"""`/`: the status table, to the digit, and the chart."""

import re
from itertools import chain

import msgspec
import pytest

from estafeta_core.config.load import Snapshot
from estafeta_core.directory import Directory
from estafeta_core.store.rows import Event, Message, Row
from estafeta_testing.history import History, sign_in
from estafeta_testing.site import KEYS, Site, accounts, snapshot
from estafeta_testing.stored import IDS, make_rows

Happening = tuple[str, dict[str, str]]

# Devino's example by the events of each copy: 3985 delivered, 693 of them read, clicked in 10; 1040 errors;
# 942 rejected.
BOUNCE: Happening = ("bounce", {"bounce_class": "10"})
SUPPRESSED: Happening = ("bounce", {"bounce_class": "25"})
DELIVERY: Happening = ("delivery", {})
OPEN: Happening = ("open", {})
CLICK: Happening = ("click", {})
EXAMPLE = [
    (3290, [DELIVERY]),
    (685, [DELIVERY, OPEN]),
    (8, [DELIVERY, OPEN, CLICK]),
    (2, [DELIVERY, CLICK]),
    (1040, [BOUNCE]),
    (942, [SUPPRESSED]),
]
ROWS = [
    ("Charged", "5025", "84.21"),
    ("Sending", "0", "0"),
    ("Sent", "0", "0"),
    ("Delivered", "3985", "66.78"),
    ("Read", "693", "11.61"),
    ("Clicked a link", "10", "0.17"),
    ("Delivery errors", "1040", "17.43"),
    ("Rejected", "942", "15.79"),
    ("Unsubscribed", "0", ""),
    ("Total", "5967", "100"),
]


def happened(message: Message, kind: str, data: dict[str, str], time: int) -> Row:
    return Event(IDS.next(), kind, time, message.transmission_id, message.message_id, "acme", None, data)


def record_example(site: Site) -> None:
    lives = chain.from_iterable([life] * count for count, life in EXAMPLE)
    rows = make_rows(*(f"r{number}@example.net" for number in range(5967)))
    now = site.service.now_ms()
    messages = (row for row in rows if isinstance(row, Message))
    more = [
        happened(message, kind, data, now)
        for message, life in zip(messages, lives, strict=True)
        for kind, data in life
    ]
    site.store.record([*rows, *more])


def table(text: str) -> list[tuple[str, str, str]]:
    row = r'<th scope="row">(.*?)</th>\s*<td class="number">(.*?)</td><td class="number">(.*?)</td></tr>'
    found = re.findall(row, text.partition("</table>")[0])
    return [(name, count, share.removesuffix("\u00a0%")) for name, count, share in found]


def test_d21_the_numbers_and_percents_are_those_of_devinos_page(desk: Site) -> None:
    record_example(desk)
    assert table(desk.http.get("/").text) == ROWS
    russian = table(desk.http.get("/?lang=ru").text)
    assert russian[0] == ("Протарифицировано", "5025", "84,21")
    assert [count for _, count, _ in russian] == [count for _, count, _ in ROWS]
    assert "delivered 3985, opened 693, clicked 10, failed 1040" in desk.http.get("/?lang=en").text


@pytest.mark.parametrize("period", ["today", "week", "month", "3months", "6months", "year"])
def test_d20_every_period_is_a_link_and_counts_what_is_in_it(
    desk: Site, history: History, period: str
) -> None:
    page = desk.http.get("/", params={"period": period})
    assert f'<a href="/?period={period}" aria-current="true">' in page.text
    assert ("Total", "5", "100") in table(page.text)


def test_d20_days_are_chosen(desk: Site, history: History) -> None:
    assert ("Total", "0", "0") in table(desk.http.get("/?from=2020-01-01&to=2020-12-31").text)
    assert ("Total", "5", "100") in table(desk.http.get("/?from=2024-01-01").text)


@pytest.mark.parametrize("query", ["period=never", "from=x", "from=2026-01-02&to=2026-01-01"])
def test_what_is_no_period_is_told_and_today_shown(desk: Site, query: str) -> None:
    page = desk.http.get(f"/?{query}")
    assert page.status_code == 400
    assert "That is no period" in page.text
    assert '<a href="/?period=today" aria-current="true">' in page.text


def test_the_chart_says_the_same_in_words_and_in_a_table(desk: Site, history: History) -> None:
    text = desk.http.get("/").text
    assert "Chart: delivered 2, opened 1, clicked 1, failed 1." in text
    assert text.count("<polyline") == 3
    assert '<rect class="delivered"' in text
    assert re.search(r'<th scope="row">\d\d:00</th><td class="number">2</td>', text)


def test_a_provider_has_its_own_names_beside_ours(site: Site) -> None:
    [acme, *others] = accounts()
    devino = msgspec.structs.replace(acme, dialect="devino")
    site.service.access.take(Snapshot(snapshot(site.links.base_url).config, Directory([devino, *others])))
    assert sign_in(site, KEYS["main"]).status_code == 303
    assert 'Charged <span class="dim" lang="ru">(Протарифицировано)</span>' in site.http.get("/").text
    assert "(Протарифицировано)" not in site.http.get("/?lang=ru").text
