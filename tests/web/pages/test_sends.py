"""`/sends` and one send."""

import re

from estafeta_testing.history import History, record
from estafeta_testing.site import Site
from estafeta_testing.stored import make_rows
from estafeta_web.pages.sends import ROWS


def test_t46_a_send_has_a_mark_its_recipients_and_how_many_opened_and_clicked(
    desk: Site, history: History
) -> None:
    text = " ".join(desk.http.get("/sends").text.split())
    id_ = history.transmission.transmission_id
    assert f'<a href="/sends/{id_}"><bdi>Spring news</bdi></a> <span class="mark">SMTP</span></th>' in text
    assert '<td class="number">5</td><td class="number">1</td><td class="number">1</td>' in text
    assert history.transmission.queue_id in text


def test_sends_come_in_pages_that_neither_repeat_nor_leave_out(desk: Site) -> None:
    for _ in range(2 * ROWS + 1):
        desk.store.record(make_rows())
    seen, path = [], "/sends"
    while path:
        text = desk.http.get(path).text
        seen += re.findall(r'href="/sends/(\d+)"', text)
        found = re.search(r'href="([^"]+)" rel="next"', text)
        path = found[1] if found else ""
    assert len(seen) == len(set(seen)) == 2 * ROWS + 1
    assert seen == sorted(seen, reverse=True)


def test_an_account_that_has_sent_nothing_is_told_so(desk: Site) -> None:
    assert "Nothing has been sent yet." in desk.http.get("/sends").text


def test_t42_a_send_is_found_by_each_of_its_ids(desk: Site, history: History) -> None:
    transmission = history.transmission
    for id_ in (transmission.transmission_id, history.messages[0].message_id, transmission.queue_id):
        page = desk.http.get(f"/sends/{id_}")
        assert page.status_code == 200
        assert f"<dd>{transmission.transmission_id}</dd>" in page.text


def test_each_recipient_has_the_state_that_the_statistics_count_him_in(desk: Site, history: History) -> None:
    text = desk.http.get(f"/sends/{history.transmission.transmission_id}").text
    states = re.findall(
        r'<bdi>(\w+)@example.net</bdi></a></th>\s*<td><span class="state [\w-]+">([^<]+)<', text
    )
    assert dict(states) == {
        "alice": "Delivered",
        "bob": "Not delivered",
        "carol": "Delivered",
        "dave": "Rejected",
        "erin": "Sending",
    }


def test_a_send_leads_to_its_content_its_group_and_its_messages(desk: Site, history: History) -> None:
    text = desk.http.get(f"/sends/{history.transmission.transmission_id}").text
    for path in (f"/contents/{history.transmission.transmission_id}", f"/groups/{history.group_id}"):
        assert f'href="{path}"' in text
        assert desk.http.get(path).status_code == 200
    assert {f"/messages/{message.message_id}" for message in history.messages} <= set(
        re.findall(r'href="([^"]+)"', text)
    )


def test_what_is_known_of_a_send_stands_on_its_page(desk: Site, history: History) -> None:
    text = desk.http.get(f"/sends/{history.transmission.transmission_id}").text
    for word in ("4096", "main", "submission", "b+t@bounce.example.com", "<dd>es</dd>"):
        assert word in text
    assert "Recipient address was suppressed" in text  # why, among the latest events


def test_the_recipients_of_a_large_send_come_in_pages(desk: Site) -> None:
    history = record(desk, recipients=("alice", *(f"erin.{number:03}" for number in range(ROWS))))
    path = f"/sends/{history.transmission.transmission_id}"
    first = desk.http.get(path).text
    found = re.search(r'href="([^"]+)" rel="next"', first)
    assert found is not None
    rows = [
        re.findall(r'<th scope="row" class="text"><a href="/messages/(\d+)"', text)
        for text in (first, desk.http.get(found[1]).text)
    ]
    assert [len(page) for page in rows] == [ROWS, 1]
    assert len({*rows[0], *rows[1]}) == ROWS + 1
