"""/healthz and /metrics."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from estafeta_core import journal
from estafeta_core.store.reader import Reader
from estafeta_core.store.rows import Count
from estafeta_testing.site import Site
from estafeta_web import health, service


def test_a_healthy_service_says_so(site: Site) -> None:
    answer = site.http.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "store": True, "journal_bytes": 0}


def test_h12_without_its_store_the_service_answers_and_says_what_is_wrong(site: Site) -> None:
    site.message()
    with site.locked_store():
        answer = site.http.get("/healthz", timeout=1)
        assert answer.status_code == 200
        assert answer.json() == {"status": "degraded", "store": False, "journal_bytes": 0}
    site.wait_until(lambda: site.http.get("/healthz").json()["status"] == "ok")


def test_what_the_worker_has_not_read_is_told_and_too_much_of_it_is_a_fault(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.http.get(site.links.pixel(site.message().message_id, initial=False))
    waiting = len((site.folder / journal.NAME).read_bytes().rstrip(b"\0"))
    assert site.http.get("/healthz").json() == {"status": "ok", "store": True, "journal_bytes": waiting}
    monkeypatch.setattr(health, "BEHIND", waiting - 1)
    assert site.http.get("/healthz").json()["status"] == "degraded"
    site.catch_up()
    assert site.http.get("/healthz").json() == {"status": "ok", "store": True, "journal_bytes": 0}


def test_metrics_are_in_prometheus_format(site: Site) -> None:
    answer = site.http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "estafeta_web_journal_bytes 0.0" in answer.text


def test_the_metrics_show_what_the_store_has_counted(site: Site) -> None:
    site.store.record([Count("messages", "differ"), Count("recipients", "bcc", 3)])
    site.store.record([Count("messages", "differ")])
    said = site.http.get("/metrics").text
    assert 'estafeta_messages_total{copies="differ"} 2.0' in said
    assert 'estafeta_message_recipients_total{rcpt_type="bcc"} 3.0' in said


def test_without_the_store_the_metrics_are_there_but_for_those_it_keeps(site: Site) -> None:
    database = site.folder / "estafeta.db"
    database.rename(site.folder / "elsewhere")
    said = site.http.get("/metrics", timeout=5).text
    assert "estafeta_web_store_readable 0.0" in said
    assert "estafeta_web_journal_bytes NaN" in said
    assert "estafeta_messages_total" not in said
    (site.folder / "elsewhere").rename(database)
    assert "estafeta_web_store_readable 1.0" in site.http.get("/metrics").text


def test_a_store_that_stands_still_delays_the_metrics_by_so_long_and_nobody_else(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's readers wait for nobody, a disk may: so it is the read that stands still here."""
    go_on = threading.Event()
    monkeypatch.setattr(Reader, "counted", lambda *_: go_on.wait(60) and {})
    monkeypatch.setattr(service, "SCRAPE_PATIENCE", 3.0)
    click = site.links.click(site.message().message_id, "https://example.com/")
    try:
        with ThreadPoolExecutor(12) as scrapers:
            started = time.monotonic()
            scrapes = [scrapers.submit(site.http.get, "/metrics", timeout=30) for _ in range(12)]
            assert site.http.get(click, follow_redirects=False).headers["location"] == "https://example.com/"
            assert time.monotonic() - started < 2.8
            assert site.http.get("/w/nothing").status_code == 404
            assert all("store_readable 0.0" in scrape.result().text for scrape in scrapes)
            assert time.monotonic() - started < 30
    finally:
        go_on.set()
