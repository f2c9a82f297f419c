"""What holds for every page."""

import re

import pytest
from markupsafe import escape

from estafeta_testing.history import PLACES, History, record
from estafeta_testing.site import Site
from estafeta_web.pages.frame import STYLE_PATH

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)//</title><script>alert(1)</script>",
    "</textarea></style><iframe srcdoc='<script>alert(1)</script>'>",
    "%3Cscript%3E \u202e\u2028 &lt;b&gt;",
]

SHOWN_ON = 11  # pages on which such a text stands: all but statistics and the empty search


def pages(history: History) -> list[str]:
    """Return every page that has something of a history on it."""
    paths = [*PLACES, "/search?q=alice@example.net", "/suppressions?q=alice@example.net", *history.paths]
    return [path for path in paths if not path.endswith("/html")]


def test_every_page_forbids_scripts_framing_and_keeping(desk: Site, history: History) -> None:
    for path in (*pages(history), "/sends/1"):
        headers = desk.http.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        for rule in ("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert rule in policy
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"


def test_no_page_has_a_script_a_style_or_a_handler_in_it(desk: Site, history: History) -> None:
    for path in pages(history):
        text = desk.http.get(path).text
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", text), path


def tags(text: str) -> list[str]:
    """Return the name of every tag, in order."""
    return re.findall(r"<(/?[A-Za-z!][\w-]*)", text)


@pytest.mark.parametrize("text", HOSTILE)
def test_h11_what_strangers_wrote_is_text(desk: Site, text: str) -> None:
    harmless = [tags(desk.http.get(path).text) for path in pages(record(desk, text="harmless"))]
    mine = pages(record(desk, text=text))
    answers = [desk.http.get(path).text for path in mine]
    assert sum(str(escape(text)) in answer for answer in answers) >= SHOWN_ON
    for path, before, answer in zip(mine, harmless, answers, strict=True):
        assert set(tags(answer)) == set(before), path


def test_the_style_sheet_is_kept_until_it_changes(site: Site) -> None:
    answer = site.http.get(STYLE_PATH)
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert site.http.get("/pages/0123456789abcdef.css").status_code == 404
    assert f'<link rel="stylesheet" href="{STYLE_PATH}">' in site.http.get("/").text


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_every_page_speaks_every_language(desk: Site, history: History, language: str) -> None:
    for path in (*pages(history), "/sends/1"):
        text = desk.http.get(path, params={"lang": language}).text if "?" not in path else ""
        assert not text or f'<html lang="{language}">' in text, path
    assert f'<html lang="{language}">' in desk.http.get("/").text  # remembered


def test_a_link_to_another_language_keeps_what_was_asked(desk: Site) -> None:
    text = desk.http.get("/search", params={"q": 'a@x"><b>'}).text
    assert 'href="?q=a%40x%22%3E%3Cb%3E&amp;lang=es" lang="es"' in text


def test_times_say_their_zone(desk: Site) -> None:
    assert "Times are local to the server: " in desk.http.get("/").text
