"""`/groups` and one group."""

import re

from estafeta_core.store.rows import Group, GroupContact
from estafeta_testing.history import History
from estafeta_testing.site import Site
from estafeta_web.pages.sends import ROWS


def test_t45_each_send_has_its_group_of_contacts(desk: Site, history: History) -> None:
    text = desk.http.get("/groups").text
    assert (
        f'<a href="/groups/{history.group_id}"><bdi>Spring news</bdi></a></th><td class="number">5</td>'
        in text
    )
    assert f'<a href="/sends/{history.transmission.transmission_id}">' in text
    contacts = re.findall(r"<bdi>(\w+)@example.net</bdi>", desk.http.get(f"/groups/{history.group_id}").text)
    assert contacts == ["alice", "bob", "carol", "dave", "erin"]


def test_a_group_without_a_message_says_so(desk: Site) -> None:
    desk.store.record([Group(7, "acme", "SMTP 1", None, 1), GroupContact(7, "a@example.net")])
    assert "no message" in desk.http.get("/groups").text
    assert "no message" in desk.http.get("/groups/7").text


def test_t42_a_group_is_found_by_the_ids_of_its_send(desk: Site, history: History) -> None:
    for id_ in (history.transmission.transmission_id, history.transmission.queue_id):
        assert "<bdi>Spring news</bdi>" in desk.http.get(f"/groups/{id_}").text


def test_groups_and_contacts_come_in_pages(desk: Site) -> None:
    desk.store.record([Group(number, "acme", f"g{number}", None, 1) for number in range(1, ROWS + 2)])
    desk.store.record([GroupContact(1, f"c{number:03}@example.net") for number in range(ROWS + 1)])
    for path, item in (("/groups", r"<bdi>(g\d+)</bdi>"), ("/groups/1", r"<bdi>(c\d+)@example.net</bdi>")):
        first = desk.http.get(path).text
        found = re.search(r'href="([^"]+)" rel="next"', first)
        assert found is not None
        second = desk.http.get(found[1]).text
        assert len({*re.findall(item, first), *re.findall(item, second)}) == ROWS + 1
        assert 'rel="next"' not in second


def test_an_account_without_groups_is_told_where_they_come_from(desk: Site) -> None:
    assert "There are no groups" in desk.http.get("/groups").text
