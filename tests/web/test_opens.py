"""`/o/TOKEN.gif` over real HTTP."""

import pytest

from estafeta_core.store.rows import Suppression
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


def test_h7_head_is_answered_and_marked(site: Site) -> None:
    answer = site.http.head(site.links.pixel(site.message().message_id, initial=True))
    assert (answer.status_code, answer.content) == (200, b"")
    assert [each.event.data["automated"] for each in site.events("initial_open")] == ["head"]


def test_h7_an_image_proxy_gets_the_pixel_and_is_marked(site: Site) -> None:
    url = site.links.pixel(site.message().message_id, initial=False)
    agent = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
    assert site.http.get(url, headers={"User-Agent": agent}).content == PIXEL
    assert [each.event.data["automated"] for each in site.events("open")] == ["proxy"]


@pytest.mark.parametrize("subaccount", [None, "123"])
def test_no_open_is_recorded_of_whom_has_not_agreed(site: Site, subaccount: str | None) -> None:
    message = site.message()
    suppression = Suppression(
        "acme", subaccount, message.rcpt_to, "open_tracking", "Tracking Consent Revoked", "", 0
    )
    site.store.record([suppression])
    for initial in (True, False):
        assert site.http.get(site.links.pixel(message.message_id, initial=initial)).content == PIXEL
    site.http.get(site.links.click(message.message_id, b"https://example.com/"))
    assert len(site.events("open", "initial_open")) == (0 if subaccount is None else 2)  # that of the account
    assert len(site.events("click")) == 1


@pytest.mark.parametrize("ending", ["", ".png", ".gif/", ".gif.gif", ".GIF"])
def test_a_pixel_has_exactly_one_url(site: Site, ending: str) -> None:
    url = site.links.pixel(site.message().message_id, initial=True).removesuffix(".gif")
    assert site.http.get(url + ending).status_code == 404


def test_h12_the_pixel_is_shown_while_the_store_is_locked(site: Site) -> None:
    url = site.links.pixel(site.message().message_id, initial=False)
    with site.locked_store():
        assert site.http.get(url, timeout=1).content == PIXEL
    site.wait_until(lambda: len(site.events("open")) == 1)
