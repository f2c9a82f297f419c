"""How a request becomes an event, and what waits for store and disk."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from estafeta_core.hosting import Shelf
from estafeta_testing.site import Site
from estafeta_web import service
from estafeta_web.tracking import USER_AGENT_CHARACTERS


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"),
        (b"caf\xe9 \x85\x9b", "café "),
        (b"a\x1b[31mb", "a[31mb"),
        (b"x" * 5000, "x" * USER_AGENT_CHARACTERS),
        (b"", ""),
    ],
)
def test_l1_a_user_agent_is_kept_bounded_and_without_controls(site: Site, sent: bytes, kept: str) -> None:
    url = site.links.pixel(site.message().message_id, initial=False)
    site.http.get(url, headers={b"User-Agent": sent})
    found = site.events("open")
    assert [each.event.data["user_agent"] for each in found] in ([kept], [])
    assert found or b"\x1b" in sent  # the HTTP parser may refuse the escape before we see it


def test_the_address_of_the_connection_counts_and_not_what_a_header_says(site: Site) -> None:
    url = site.links.pixel(site.message().message_id, initial=False)
    site.http.get(url, headers={"X-Forwarded-For": "192.0.2.9", "Forwarded": "for=192.0.2.9"})
    (found,) = site.events("open")
    assert found.event.data["ip_address"] == "127.0.0.1"


def test_a_disk_that_stands_still_keeps_nobody_else_waiting_and_is_given_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    read = Shelf.read

    def slow(shelf: Shelf, digest: str) -> bytes | None:
        go_on.wait(10)
        return read(shelf, digest)

    image = b"GIF89a" + bytes(20)
    url = site.links.image(1, bytes.fromhex(site.shelf.keep(image)))
    monkeypatch.setattr(Shelf, "read", slow)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(site.http.get, url)
        pixel = site.links.pixel(site.message().message_id, initial=True)
        assert site.http.get(pixel, timeout=2).status_code == 200
        assert not waiting.done()
        go_on.set()
        assert waiting.result(10).content == image
    go_on.clear()
    monkeypatch.setattr(service, "PATIENCE", 0.1)
    answer = site.http.get(url)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    go_on.set()
