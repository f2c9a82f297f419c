"""`/u/TOKEN` over real HTTP."""

import re
import socket
import threading
import time

import httpx2
import pytest

from estafeta_core.dialects.teenvio import LANGUAGES
from estafeta_testing.site import Site
from estafeta_web import unsubscribe
from estafeta_web.service import READERS
from estafeta_web.unsubscribe import BODY_BYTES, TEXTS

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def unsubscribes(site: Site) -> int:
    return len(site.events("list_unsubscribe", "link_unsubscribe"))


def test_h6_looking_at_the_page_changes_nothing(site: Site) -> None:
    url = site.links.unsubscribe(site.message().message_id)
    for _ in range(100):
        assert site.http.get(url).status_code == 200
    for headers in ({"Purpose": "prefetch"}, {"X-Moz": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}):
        assert site.http.get(url, headers=headers).status_code == 200
    assert site.http.get(url, params=ONE_CLICK).status_code == 200
    assert site.http.head(url).status_code == 200
    assert site.http.options(url).status_code == 405
    assert site.http.post(url).status_code == 400
    assert site.http.post(url, data={"a": "b"}).status_code == 400
    assert site.http.post(url, json=ONE_CLICK).status_code == 400
    assert (unsubscribes(site), site.suppressed()) == (0, set())


@pytest.mark.parametrize("encoding", ["form", "multipart"])
def test_h6_one_click_unsubscribes_without_redirect_once(site: Site, encoding: str) -> None:
    message = site.message()
    url = site.links.unsubscribe(message.message_id)
    for _ in range(2):
        if encoding == "form":
            answer = site.http.post(url, data=ONE_CLICK, headers={"User-Agent": "Provider"})
        else:
            files = {"List-Unsubscribe": (None, "One-Click")}
            answer = site.http.post(url, files=files, headers={"User-Agent": "Provider"})
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert "You have been unsubscribed" in answer.text
    (found,) = site.events("list_unsubscribe")
    assert found.message == message
    assert found.event.data == {"ip_address": "127.0.0.1", "user_agent": "Provider"}
    assert site.suppressed() == {"non_transactional"}


def test_the_button_of_the_page_unsubscribes(site: Site) -> None:
    url = site.links.unsubscribe(site.message().message_id)
    page = site.http.get(url)
    assert '<form method="post">' in page.text
    assert '<input type="hidden" name="List-Unsubscribe" value="One-Click">' in page.text
    assert site.http.post(url, content=b"List-Unsubscribe=One-Click").status_code == 200
    assert unsubscribes(site) == 1


def test_two_ways_of_leaving_are_two_events_and_one_suppression(site: Site) -> None:
    message = site.message()
    site.http.post(site.links.unsubscribe(message.message_id), data=ONE_CLICK)
    link = site.links.unsubscribe(
        message.message_id, via="link", target="https://example.com/bye", name="bye"
    )
    site.http.post(link, data=ONE_CLICK)
    assert [found.event.type for found in site.events("list_unsubscribe", "link_unsubscribe")] == [
        "link_unsubscribe",
        "list_unsubscribe",
    ]
    (found,) = site.events("link_unsubscribe")
    assert found.event.data["target_link_url"] == "https://example.com/bye"
    assert found.event.data["target_link_name"] == "bye"
    assert site.suppressed() == {"non_transactional"}


def test_s33_a_transactional_message_suppresses_transactional_mail(site: Site) -> None:
    message = site.message(transactional=True)
    site.http.post(site.links.unsubscribe(message.message_id), data=ONE_CLICK)
    assert site.suppressed() == {"transactional"}


def test_concurrent_posts_are_one_unsubscribe(site: Site) -> None:
    url = site.links.unsubscribe(site.message().message_id)
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(httpx2.post(url, data=ONE_CLICK).status_code))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 10
    assert unsubscribes(site) == 1


def test_a_link_in_the_body_offers_its_old_target_and_escapes_it(site: Site) -> None:
    target = "https://example.com/?a=1&b=\"'<script>alert(1)</script>ñ"
    url = site.links.unsubscribe(site.message().message_id, via="link", target=target)
    for page in (site.http.get(url), site.http.post(url, data=ONE_CLICK)):
        assert (
            'href="https://example.com/?a=1&amp;b=&#34;&#39;&lt;script&gt;alert(1)&lt;/script&gt;%C3%B1"'
            in page.text
        )
        assert "<script" not in page.text


def test_h8_the_page_runs_nothing_and_may_not_be_framed_or_cached(site: Site) -> None:
    headers = site.http.get(site.links.unsubscribe(site.message().message_id)).headers
    policy = headers["content-security-policy"]
    for rule in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_forged_token_gets_the_404_of_every_unknown_path(site: Site) -> None:
    url = site.links.unsubscribe(site.message().message_id)
    forged = site.http.post(url[:-1] + ("A" if url[-1] != "A" else "B"), data=ONE_CLICK)
    assert (forged.status_code, forged.content) == (404, site.http.get("/unknown").content)
    assert unsubscribes(site) == 0


@pytest.mark.parametrize("length", [BODY_BYTES + 1, 5_000_000])
def test_h9_a_body_that_is_too_long_is_refused_and_the_connection_ends(site: Site, length: int) -> None:
    url = site.links.unsubscribe(site.message().message_id)
    path = "/" + url.split("/", 3)[3]
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        connection.sendall(b"x" * (BODY_BYTES + 1))
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert unsubscribes(site) == 0


def test_h9_a_body_that_never_comes_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsubscribe, "BODY_SECONDS", 0.1)
    url = site.links.unsubscribe(site.message().message_id)
    path = "/" + url.split("/", 3)[3]
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\nList".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")


def test_a_body_of_the_longest_permitted_length_is_read(site: Site) -> None:
    url = site.links.unsubscribe(site.message().message_id)
    body = b"List-Unsubscribe=One-Click&" + b"x" * (BODY_BYTES - 27)
    assert site.http.post(url, content=body).status_code == 200


def test_h12_an_unsubscribe_while_the_store_is_locked_is_kept_and_takes_effect(site: Site) -> None:
    url = site.links.unsubscribe(site.message().message_id)
    with site.locked_store():
        started = time.monotonic()
        assert site.http.post(url, data=ONE_CLICK).status_code == 200
        assert site.http.post(url, data=ONE_CLICK).status_code == 200
        assert time.monotonic() - started < 4
    assert unsubscribes(site) == 1
    assert site.suppressed() == {"non_transactional"}


def test_what_cannot_be_made_durable_is_not_called_done(site: Site) -> None:
    url = site.links.unsubscribe(site.message().message_id)
    journal = site.recorder._journal
    journal.path = site.folder / "missing" / "journal"
    journal.close()
    with site.locked_store():
        answer = site.http.post(url, data=ONE_CLICK)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    assert "try again" in answer.text
    assert site.http.post(url, data=ONE_CLICK).status_code == 200
    assert unsubscribes(site) == 1


def test_there_are_the_languages_of_teenvios_table_and_russian_with_the_same_sentences() -> None:
    assert set(TEXTS) == {*LANGUAGES.values(), "ru"}
    for language, sentences in TEXTS.items():
        assert sentences.keys() == TEXTS["en"].keys(), language
        assert all(text == text.strip() and text for text in sentences.values()), language


@pytest.mark.parametrize("language", TEXTS)
def test_the_page_speaks_the_language_of_the_message(site: Site, language: str) -> None:
    url = site.links.unsubscribe(site.message(language=language).message_id)
    asked = site.http.get(url, headers={"Accept-Language": "en"})
    assert f'<html lang="{language}">' in asked.text
    assert f"<h1>{TEXTS[language]['question']}</h1>" in asked.text
    done = site.http.post(url, data=ONE_CLICK)
    assert f"<h1>{TEXTS[language]['done']}</h1>" in done.text


@pytest.mark.parametrize(
    ("language", "accept", "expected"),
    [("", "fi, en;q=0.5", "fi"), ("zh", "eu", "eu"), ("", "zh", "en"), ("", "", "en")],
)
def test_a_message_that_says_no_language_we_have_is_answered_in_that_of_the_browser(
    site: Site, language: str, accept: str, expected: str
) -> None:
    url = site.links.unsubscribe(site.message(language=language).message_id)
    page = site.http.get(url, headers={"Accept-Language": accept})
    assert re.findall('<html lang="(.*)">', page.text) == [expected]


def test_the_page_works_without_the_store(site: Site) -> None:
    url = site.links.unsubscribe(site.message(language="es").message_id)
    (site.folder / "estafeta.db").rename(site.folder / "away")
    started = time.monotonic()
    page = site.http.get(url, headers={"Accept-Language": "gl"})
    assert f"<h1>{TEXTS['gl']['question']}</h1>" in page.text
    assert time.monotonic() - started < 4
    (site.folder / "away").rename(site.folder / "estafeta.db")


def test_a_store_that_does_not_answer_keeps_nobody_waiting(site: Site) -> None:
    url = site.links.unsubscribe(site.message(language="es").message_id)
    still = threading.Event()
    service = site.service
    for _ in range(READERS):
        service.readers.submit(still.wait)
    started = time.monotonic()
    try:
        page = site.http.get(url, headers={"Accept-Language": "gl"})
    finally:
        still.set()
    assert f"<h1>{TEXTS['gl']['question']}</h1>" in page.text
    assert time.monotonic() - started < 8  # it would be without end
