from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from estafeta_postfix.capture.outbox import Outbox
from estafeta_postfix.capture.page import HOSTS, LISTED, make_app
from estafeta_postfix.capture.session import Message

HTML = b'<html><body><script>alert(1)</script><a href="https://shop.example/">shop</a></body></html>'
MIXED = (
    b"From: =?utf-8?q?Caf=C3=A9?= <news@acme.example>\r\nSubject: Hello\r\n <b>you</b>\r\n"
    b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n" + HTML + b"\r\n--b--\r\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Outbox(tmp_path)
    return tmp_path


@pytest.fixture
def browser(folder: Path) -> Iterator[TestClient]:
    with TestClient(make_app(folder), base_url=f"http://{HOSTS[0]}") as client:
        yield client


def keep(folder: Path, content: bytes, recipient: bytes = b"reader@example.com") -> str:
    before = {path.name for path in (folder / "new").iterdir()}
    Outbox(folder).keep(Message(b"b+token@bounce.example.com", (recipient,), content))
    [name] = {path.name for path in (folder / "new").iterdir()} - before
    return name


def test_an_empty_outbox_says_what_will_come(browser: TestClient) -> None:
    assert "Nothing has come yet" in browser.get("/").text


def test_the_newest_message_is_the_first(browser: TestClient, folder: Path) -> None:
    keep(folder, b"Subject: first\r\n\r\n")
    name = keep(folder, b"Subject: second\r\n\r\n")
    page = browser.get("/").text
    assert page.index("second") < page.index("first")
    assert f'href="/m/{name}"' in page


def test_a_message_is_shown_with_its_envelope_and_every_field(browser: TestClient, folder: Path) -> None:
    page = browser.get(f"/m/{keep(folder, MIXED)}").text
    for text in ("&lt;b+token@bounce.example.com&gt;", "reader@example.com", "Café", "café"):
        assert text in page
    assert "Hello &lt;b&gt;you&lt;/b&gt;" in page
    assert "<script>" not in page


def test_the_html_of_a_message_runs_no_script(browser: TestClient, folder: Path) -> None:
    name = keep(folder, MIXED)
    answer = browser.get(f"/m/{name}/html")
    assert HTML.decode() in answer.text
    assert answer.headers["content-security-policy"].startswith("sandbox allow-popups; default-src 'none'")
    assert 'sandbox="allow-popups"' in browser.get(f"/m/{name}").text


def test_the_file_is_there_as_it_came(browser: TestClient, folder: Path) -> None:
    name = keep(folder, MIXED)
    answer = browser.get(f"/m/{name}/raw")
    assert answer.content.endswith(MIXED)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/m/nothing", "/m/nothing/raw", "/m/%2e%2e%2f/raw", "/m/nothing/html"])
def test_what_is_not_in_the_outbox_is_not_found(browser: TestClient, path: str) -> None:
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no header",
        b"\x00\xff\r\n\r\n\xfe",
        b"Content-Type: text/html; charset=no-such\r\n\r\n\xff",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * 2000,
    ],
)
def test_whatever_came_has_a_page(browser: TestClient, folder: Path, content: bytes) -> None:
    name = keep(folder, content)
    assert browser.get(f"/m/{name}").status_code == 200
    assert browser.get("/").status_code == 200


def test_a_strange_page_whose_name_leads_here_reads_nothing(browser: TestClient) -> None:
    assert browser.get("/", headers={"Host": "rebound.example"}).status_code == 400
    assert browser.get("/", headers={"Host": "localhost:8025"}).status_code == 200


def test_the_list_is_bounded(browser: TestClient, folder: Path) -> None:
    for number in range(LISTED + 5):
        keep(folder, b"Subject: n%d\r\n\r\n" % number)
    assert browser.get("/").text.count("/m/") == LISTED
