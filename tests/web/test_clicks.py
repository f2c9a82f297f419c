"""`/c/TOKEN` over real HTTP."""

import socket
import string
import time
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from estafeta_core.links import Links
from estafeta_testing.site import Site

TARGET = b"https://example.com/a;b?c=%C3%A4&d=1#e"


def raw(site: Site, request: bytes) -> bytes:
    """Send bytes and return all that comes back."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


@pytest.mark.parametrize(
    ("target", "location"),
    [
        (TARGET, TARGET),
        (b"HTTP://Example.com", b"HTTP://Example.com"),
        (b"https://example.com/%0d%0aX:%20y?u=http://evil.example", None),
        (b"https://example.com/a b\xe4", b"https://example.com/a%20b%E4"),
        ("https://example.com/ñ".encode(), b"https://example.com/%C3%B1"),
        (b"https://example.com/" + b"x" * 4076, None),
    ],
)
def test_a_click_leads_to_the_exact_target(site: Site, target: bytes, location: bytes | None) -> None:
    url = site.links.click(site.message().message_id, target)
    answer = raw(
        site, b"GET /" + url.split("/", 3)[3].encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    head = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0] == b"HTTP/1.1 302 Found"
    assert b"location: " + (location or target) in head


def test_a_click_is_recorded_before_it_is_answered(site: Site) -> None:
    message = site.message()
    answer = site.http.get(
        site.links.click(message.message_id, TARGET, "a name"), headers={"User-Agent": "Mail/1.0"}
    )
    assert answer.status_code == 302
    (found,) = site.events("click")
    assert found.message == message
    assert found.event.account == "acme"
    assert abs(found.event.timestamp / 1000 - time.time()) < 10
    assert found.event.data == {
        "ip_address": "127.0.0.1",
        "user_agent": "Mail/1.0",
        "target_link_url": TARGET.decode(),
        "target_link_name": "a name",
    }


def test_every_click_counts_and_amp_clicks_have_their_own_type(site: Site) -> None:
    message = site.message()
    for _ in range(3):
        site.http.get(site.links.click(message.message_id, TARGET))
    site.http.get(site.links.click(message.message_id, TARGET, amp=True))
    assert len(site.events("click")) == 3
    assert len(site.events("amp_click")) == 1


def test_a_click_on_a_shared_link_belongs_to_the_transmission(site: Site) -> None:
    transmission = site.message().transmission_id
    assert site.http.get(site.links.click(transmission, TARGET, shared=True)).status_code == 302
    (found,) = site.events("click")
    assert found.event.transmission_id == transmission
    assert found.message is None


def test_a_link_of_a_message_that_is_no_longer_known_still_leads_on(site: Site) -> None:
    assert site.http.get(site.links.click(123456, TARGET)).headers["location"] == TARGET.decode()
    assert site.events() == []


def test_h7_head_is_answered_and_marked(site: Site) -> None:
    answer = site.http.head(site.links.click(site.message().message_id, TARGET))
    assert (answer.status_code, answer.headers["location"]) == (302, TARGET.decode())
    assert [each.event.data["automated"] for each in site.events("click")] == ["head"]


def click(site: Site, url: str) -> None:
    assert site.http.get(url).status_code == 302


def marks(site: Site) -> list[str]:
    """Return the marks of the clicks, oldest first."""
    return [each.event.data.get("automated", "") for each in reversed(site.events("click"))]


def test_h7_whoever_follows_every_link_at_once_is_a_scanner(site: Site) -> None:
    message = site.message()
    for number in range(5):
        click(site, site.links.click(message.message_id, b"https://example.com/%d" % number))
    assert marks(site) == ["burst"] * 5


def test_h7_a_person_may_follow_two_links_and_one_of_them_again(site: Site) -> None:
    message = site.message()
    for number in (0, 1, 0, 1, 0):
        click(site, site.links.click(message.message_id, b"https://example.com/%d" % number))
    assert marks(site) == [""] * 5


def test_h7_a_link_that_all_share_is_followed_by_different_people(site: Site) -> None:
    transmission = site.message().transmission_id
    for number in range(5):
        click(site, site.links.click(transmission, b"https://example.com/%d" % number, shared=True))
    assert marks(site) == [""] * 5


def test_h7_a_burst_that_came_while_the_store_was_away_is_marked_when_it_is_back(site: Site) -> None:
    message = site.message()
    with site.locked_store():
        for number in range(3):
            click(site, site.links.click(message.message_id, b"https://example.com/%d" % number))
    site.wait_until(lambda: len(site.events("click")) == 3)
    assert marks(site) == ["burst"] * 3


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused_and_not_recorded(site: Site, method: str) -> None:
    answer = site.http.request(method, site.links.click(site.message().message_id, TARGET))
    assert answer.status_code == 405
    assert "location" not in answer.headers
    assert site.events("click") == []


def test_h2_every_changed_character_gets_the_same_404_without_location(site: Site) -> None:
    url = site.links.click(site.message().message_id, TARGET)
    head, _, token = url.rpartition("/")
    unknown = site.http.get("/nothing/here")
    for place, right in enumerate(token):
        wrong = string.ascii_letters[(string.ascii_letters.find(right) + 1) % 52]
        answer = site.http.get(f"{head}/{token[:place]}{wrong}{token[place + 1 :]}")
        assert answer.status_code == 404
        assert "location" not in answer.headers
        assert answer.content == unknown.content
        assert answer.headers.keys() == unknown.headers.keys()
    assert site.events() == [found for found in site.events() if found.event.type == "injection"]


def test_h2_a_token_works_on_its_own_path_alone(site: Site) -> None:
    message = site.message()
    tokens = {
        "c": site.links.click(message.message_id, TARGET),
        "o": site.links.pixel(message.message_id, initial=False).removesuffix(".gif"),
        "u": site.links.unsubscribe(message.message_id, via="link", target=TARGET),
    }
    for path, form in (("c", "/c/{}"), ("o", "/o/{}.gif"), ("u", "/u/{}")):
        for kind, url in tokens.items():
            status = site.http.get(form.format(url.rpartition("/")[2])).status_code
            assert (status == 404) == (kind != path)


def test_h2_a_token_of_another_key_is_unknown(site: Site) -> None:
    other = Links([bytes(32)], str(site.http.base_url), "bounce.example.com")
    assert site.http.get(other.click(site.message().message_id, TARGET)).status_code == 404


REDIRECTS = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "%2f%2fevil.example",
    "http://click.example.com@evil.example/",
    "..//evil.example",
    "\tjavascript:alert(1)",
    "%0d%0aLocation:%20https://evil.example",
]


@pytest.mark.parametrize("text", REDIRECTS)
def test_h1_nothing_in_a_request_chooses_where_it_leads(site: Site, text: str) -> None:
    url = site.links.click(site.message().message_id, TARGET)
    for name in ("url", "next", "u", "target", "redirect"):
        assert site.http.get(url, params={name: text}).headers["location"] == TARGET.decode()
    for path in (
        f"/c/{quote(text, safe='')}",
        f"/c/{text.strip()}",
        f"/{text.strip()}",
        f"/u/{quote(text, safe='')}",
    ):
        answer = raw(site, b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
        assert answer.split()[1] in {b"404", b"400"}
        assert b"location:" not in answer.lower()


def test_h1_an_added_slash_is_no_redirect(site: Site) -> None:
    answer = site.http.get(site.links.click(site.message().message_id, TARGET) + "/")
    assert answer.status_code == 404


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=200,
    derandomize=True,
)
@given(st.text(max_size=60), st.sampled_from(["/c/{}", "/o/{}.gif", "/o/{}", "/u/{}", "/{}"]))
def test_h2_hostile_tokens_over_http_are_404(site: Site, text: str, form: str) -> None:
    assume(text not in ("", ".", ".."))  # the client would ask for another path
    answer = site.http.get(form.format(quote(text, safe="")))
    assert answer.status_code in ((404, 401) if form == "/{}" else (404,))  # a page's name may be among them
    assert "location" not in answer.headers


def test_h8_answers_are_not_cached_and_tell_the_target_nothing(site: Site) -> None:
    for path in (site.links.click(site.message().message_id, TARGET), "/c/nothing"):
        headers = site.http.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_h12_a_locked_store_delays_no_click_by_a_second_and_loses_none(site: Site) -> None:
    message = site.message()
    url = site.links.click(message.message_id, TARGET)
    times: list[float] = []
    with site.locked_store():
        for _ in range(10):
            started = time.monotonic()
            assert site.http.get(url).headers["location"] == TARGET.decode()
            times.append(time.monotonic() - started)
        assert site.http.get("/healthz").json()["status"] == "degraded"
    assert max(times) < 1
    assert sorted(times)[5] < 0.2
    assert len(site.events("click")) == 10
    site.wait_until(
        lambda: site.http.get("/healthz").json() == {"status": "ok", "store": True, "journal_bytes": 0}
    )
