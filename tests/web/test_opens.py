"""`/o/TOKEN.gif` over real HTTP."""

import pytest

from estafeta_testing.site import Site
from estafeta_web.answers import PIXEL


@pytest.mark.parametrize(("initial", "kind"), [(True, "initial_open"), (False, "open")])
def test_a_pixel_is_shown_and_its_open_recorded(site: Site, initial: bool, kind: str) -> None:
    message = site.message()
    answer = site.http.get(
        site.links.pixel(message.message_id, initial=initial), headers={"User-Agent": "Mail"}
    )
    assert (answer.status_code, answer.content) == (200, PIXEL)
    assert answer.headers["content-type"] == "image/gif"
    assert answer.headers["cache-control"] == "no-store"
    (found,) = site.events("open", "initial_open")
    assert found.message == message
    assert found.event.type == kind
    assert found.event.data == {"ip_address": "127.0.0.1", "user_agent": "Mail"}


def test_h7_head_is_answered_and_not_recorded(site: Site) -> None:
    answer = site.http.head(site.links.pixel(site.message().message_id, initial=True))
    assert (answer.status_code, answer.content) == (200, b"")
    assert site.events("initial_open") == []


@pytest.mark.parametrize("ending", ["", ".png", ".gif/", ".gif.gif", ".GIF"])
def test_a_pixel_has_exactly_one_url(site: Site, ending: str) -> None:
    url = site.links.pixel(site.message().message_id, initial=True).removesuffix(".gif")
    assert site.http.get(url + ending).status_code == 404


def test_h12_the_pixel_is_shown_while_the_store_is_locked(site: Site) -> None:
    url = site.links.pixel(site.message().message_id, initial=False)
    with site.locked_store():
        assert site.http.get(url, timeout=1).content == PIXEL
    site.wait_until(lambda: len(site.events("open")) == 1)
