"""How a request becomes an event."""

import pytest

from estafeta_core.events import ADDITIONAL
from estafeta_core.tokens import Kind
from estafeta_testing.site import Site
from estafeta_web.service import EVENT_TYPES, USER_AGENT_CHARACTERS


def test_every_token_of_a_url_has_an_event_with_sparkposts_name() -> None:
    assert EVENT_TYPES.keys() == set(Kind) - {Kind.BOUNCE}
    assert set(EVENT_TYPES.values()) <= ADDITIONAL.keys()


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
