"""The table of paths: what is there, and the one answer to all that is not."""

import pytest

from estafeta_testing.site import Site

PATHS = "/c/ /c /o/ /u/ /c/a/b /healthz/ /metrics/x /docs /openapi.json /sends/ /sign-in/ /%00"
HOSTED = "/w/ /w /w/a /w/a/b /f/ /f /f/a /f/a/ /f/a/b /f/a/b/c /i/ /i /i/a /i/a/b"


@pytest.mark.parametrize("path", [*PATHS.split(), *HOSTED.split()])
def test_h2_every_path_that_leads_nowhere_gets_the_same_answer(site: Site, path: str) -> None:
    answer = site.http.get(path)
    assert (answer.status_code, answer.content) == (404, b"Not found\n")
    assert "location" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_was_answered_is_counted_by_path_and_status(site: Site) -> None:
    site.http.get(site.links.click(site.message().message_id, "https://example.com/"))
    site.http.get("/c/forged")
    text = site.http.get("/metrics").text
    assert 'estafeta_web_requests_total{path="click",status="302"} 1.0' in text
    assert 'estafeta_web_requests_total{path="click",status="404"} 1.0' in text
    assert 'estafeta_web_request_seconds_count{path="click"} 2.0' in text


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("path", ["/c/forged", "/u/forged", "/nowhere", "/healthz"])
def test_an_answer_that_does_not_allow_it_is_not_cached(site: Site, method: str, path: str) -> None:
    assert site.http.request(method, path).headers.get_list("cache-control") == ["no-store"]
