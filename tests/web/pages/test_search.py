"""`/search`: by address or by any id."""

import re

import pytest

from estafeta_testing.history import History, record
from estafeta_testing.site import Site
from estafeta_web.pages.sends import ROWS


def test_an_address_finds_everything_sent_to_it(desk: Site, history: History) -> None:
    again = record(desk, text="Second")
    text = desk.http.get("/search", params={"q": " ALICE@example.NET "}).text
    assert re.findall(r'<a href="/messages/(\d+)"><bdi>([^<]+)</bdi>', text) == [
        (str(again.messages[0].message_id), "Second"),
        (str(history.messages[0].message_id), "Spring news"),
    ]
    assert "Delivered" in text


def test_t42_any_id_finds_its_page(desk: Site, history: History) -> None:
    send = f"/sends/{history.transmission.transmission_id}"
    pages = {
        str(history.transmission.transmission_id): send,
        history.transmission.queue_id: send,
        str(history.messages[1].message_id): f"/messages/{history.messages[1].message_id}",
    }
    for id_, path in pages.items():
        answer = desk.http.get("/search", params={"q": f" {id_} "})
        assert (answer.status_code, answer.headers["location"]) == (303, path)


@pytest.mark.parametrize("question", ["nobody@example.net", "@", "x", "12", "²", "9" * 400, "<b>", "a b"])
def test_what_is_not_there_is_said_to_be_not_found(desk: Site, history: History, question: str) -> None:
    page = desk.http.get("/search", params={"q": question})
    assert page.status_code == 200
    assert "Nothing is found for" in page.text


def test_an_empty_question_tells_what_can_be_asked(desk: Site) -> None:
    text = desk.http.get("/search").text
    assert "An address finds what was sent to it" in text
    assert "Nothing is found" not in text


def test_what_is_found_comes_in_pages(desk: Site) -> None:
    for _ in range(ROWS + 1):
        desk.message("often+x@example.net")
    first = desk.http.get("/search", params={"q": "often+x@example.net"}).text
    found = re.search(r'href="([^"]+)" rel="next"', first)
    assert found is not None
    second = desk.http.get(found[1].replace("&amp;", "&")).text
    ids = [re.findall(r'href="/messages/(\d+)"', text) for text in (first, second)]
    assert [len(page) for page in ids] == [ROWS, 1]
