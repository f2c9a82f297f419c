import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from estafeta_postfix.demo.browser import Browser
from estafeta_postfix.demo.delivered import Delivered
from estafeta_postfix.demo.report import Report


class Web(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302 if self.path.startswith("/c/") else 200)
        self.send_header("Content-Type", "image/gif" if self.path.startswith("/o/") else "text/html")
        behind = f"http://{self.headers['Host']}/f/behind"
        self.send_header("Location", behind if self.path == "/c/f" else "https://shop.example/?a=1&b=2")
        self.end_headers()
        self.wfile.write(b"the page of " + self.path.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser, and a web service that answers everything."""
    server = HTTPServer(("127.0.0.1", 0), Web)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Browser(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def test_links_of_ours_are_found_by_their_kind(browser: Browser) -> None:
    html = f"<a href=\"{browser.web}/c/1\"> <img src='{browser.web}/o/2.gif'> <a href=https://a.example/c/3>"
    assert browser.urls(html, "c") == [f"{browser.web}/c/1"]
    assert browser.urls(html, "o") == [f"{browser.web}/o/2.gif"]
    assert browser.urls(f"see {browser.web}/f/4/a.pdf and", "f") == [f"{browser.web}/f/4/a.pdf"]


def test_hosted_files_are_found_behind_tracked_links_too(browser: Browser) -> None:
    html = f'<a href="{browser.web}/f/1"><a href="{browser.web}/c/f"><a href="{browser.web}/c/1">'
    assert browser.hosted(html, "f") == [f"{browser.web}/f/1", f"{browser.web}/f/behind"]


@pytest.mark.parametrize(
    ("target", "failures"), [("https://shop.example/?a=1&b=2", 0), ("https://shop.example/", 1)]
)
def test_a_link_must_lead_exactly_there(browser: Browser, report: Report, target: str, failures: int) -> None:
    browser.follow(f'<a href="{browser.web}/c/1">', target, report)
    assert report.failures == failures


def test_a_link_that_is_not_tracked_is_a_failure(browser: Browser, report: Report) -> None:
    browser.follow('<a href="https://shop.example/?a=1&amp;b=2">', "https://shop.example/?a=1&b=2", report)
    assert report.failures == 1


@pytest.mark.parametrize(("pixels", "failures"), [(1, 0), (2, 1)])
def test_pixels_are_counted_and_loaded(browser: Browser, report: Report, pixels: int, failures: int) -> None:
    html = f'<img src="{browser.web}/o/1.gif">'
    copy = Delivered(f"Content-Type: text/html\r\n\r\n{html}\r\n".encode())
    browser.show_pixels(copy, pixels, report)
    assert report.failures == failures


def test_what_is_fetched_must_be_the_same_to_the_byte(browser: Browser, report: Report) -> None:
    browser.fetch(f"{browser.web}/f/1", b"the page of /f/1", "the file", report)
    assert report.failures == 0
    browser.fetch(f"{browser.web}/f/1", b"the page of /f/1 ", "the file", report)
    assert report.failures == 1


def test_a_page_must_hold_the_text(browser: Browser, report: Report) -> None:
    browser.open_page(f"{browser.web}/w/1", "the page", "it is shown", report)
    assert report.failures == 0
    browser.open_page(f"{browser.web}/w/1", "another page", "it is shown", report)
    browser.open_page("http://127.0.0.1:9/w/1", "the page", "it is shown", report)
    assert report.failures == 2
