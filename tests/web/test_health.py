"""/healthz and /metrics."""

from estafeta_testing.site import Site


def test_a_healthy_service_says_so(site: Site) -> None:
    answer = site.http.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "store": True, "spool_bytes": 0}


def test_h12_without_its_store_the_service_answers_and_says_what_is_wrong(site: Site) -> None:
    site.message()
    with site.locked_store():
        answer = site.http.get("/healthz", timeout=1)
        assert answer.status_code == 200
        assert answer.json() == {"status": "degraded", "store": False, "spool_bytes": 0}
    site.wait_until(lambda: site.http.get("/healthz").json()["status"] == "ok")


def test_metrics_are_in_prometheus_format(site: Site) -> None:
    answer = site.http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "estafeta_web_spool_bytes 0.0" in answer.text
