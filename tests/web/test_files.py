"""`/f/TOKEN/NAME` over real HTTP."""

import contextlib
import errno
import hashlib
import os
import socket
from email.message import Message as Fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from estafeta_testing.site import Site
from estafeta_web.files import PIECE, media_type

CONTENT = bytes(range(256)) * 3000  # several pieces
RUNNING = {  # what a browser would run or show as a page if it were not an attachment
    "page.html": b"<html><script>alert(1)</script>",
    "page.xhtml": b"<html xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></html>",
    "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "data.xml": b"<?xml version='1.0'?><?xml-stylesheet href='data:,'?><x/>",
    "script.js": b"alert(1)",
    "film.swf": b"CWS\x0a",
    "mail.eml": b"Content-Type: text/html\r\n\r\n<script>alert(1)</script>",
    "archive.mht": b"MIME-Version: 1.0\r\n\r\n",
    "page.html.": b"<script>alert(1)</script>",
    "noending": b"<script>alert(1)</script>",
    "": b"<script>alert(1)</script>",
}


def url_of(site: Site, content: bytes, name: str = "report.pdf") -> str:
    return site.links.file(site.message().transmission_id, bytes.fromhex(site.shelf.keep(content)), name)


def sent_name(value: str) -> str | None:
    fields = Fields()
    fields["Content-Disposition"] = value
    return fields.get_filename()


@pytest.mark.parametrize("content", [CONTENT, b"", b"x", bytes(PIECE), bytes(PIECE + 1)])
def test_t29_a_file_comes_back_byte_for_byte(site: Site, content: bytes) -> None:
    answer = site.http.get(url_of(site, content))
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["content-type"] == "application/pdf"


@pytest.mark.parametrize(
    "name", ["año 2026.pdf", "会議 資料.docx", "Отчёт.xlsx", "a;b=c.zip", "naïve%20.txt"]
)
def test_t29_a_file_keeps_its_name_whatever_its_letters(site: Site, name: str) -> None:
    answer = site.http.get(url_of(site, CONTENT, name))
    assert answer.content == CONTENT
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; ")
    assert f"filename*=UTF-8''{quote(name, safe='')}" in disposition or f'filename="{name}"' in disposition


@pytest.mark.parametrize("name", RUNNING)
def test_h4_whatever_a_browser_could_run_is_offered_for_saving_alone(site: Site, name: str) -> None:
    headers = site.http.get(url_of(site, RUNNING[name], name)).headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment; ")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.PDF", "application/pdf"),
        ("a.b.csv", "text/csv"),
        ("pdf", "application/pdf"),
        ("a.html", "application/octet-stream"),
        ("a.pdf.html", "application/octet-stream"),
        ("a.svg", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_a_type_follows_from_the_ending_where_nothing_of_it_runs(name: str, kind: str) -> None:
    assert media_type(name) == kind


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/passwd",
        "/etc/passwd",
        "..\\..\\boot.ini",
        "....//....//etc/passwd",
        "%2e%2e%2fetc%2fpasswd",
        "a\0.pdf",
        "a\r\nX-Injected: yes",
        'a"; filename="b.exe',
        ".htaccess",
        "x" * 500 + ".pdf",
        "invoice\u202efdp.exe",
    ],
)
def test_h5_h3_a_hostile_name_reaches_its_file_and_nothing_else(site: Site, name: str) -> None:
    answer = site.http.get(url_of(site, CONTENT, name))
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert "x-injected" not in answer.headers
    shown = sent_name(answer.headers["content-disposition"])
    assert shown
    assert len(shown.encode()) <= 255
    assert not set(shown) & set('/\\\r\n\0"')
    assert not shown.startswith(".")


def test_h5_the_name_in_the_url_is_for_people_alone(site: Site) -> None:
    url = url_of(site, CONTENT).rpartition("/")[0]
    for name in (
        "other.exe",
        "%2e%2e",
        "%252e%252e%252fetc",
        "a%00b",
        "%C3%B1",
        "%FF",
        "a?x=/../../etc/passwd",
    ):
        answer = site.http.get(f"{url}/{name}")
        assert (answer.status_code, answer.content) == (200, CONTENT), name
        assert answer.headers["content-disposition"] == 'attachment; filename="report.pdf"'


ENCODED = [
    "../",
    "..%2f",
    "%2e%2e%2f",
    "%2e%2e/",
    "..%252f",
    "%252e%252e%252f",
    "..%25252f",
    "..%5c",
    "..%c0%af",
]


@pytest.mark.parametrize("up", ENCODED)
def test_h5_no_path_leads_out_of_the_shelf(site: Site, up: str) -> None:
    (site.folder / "secret").write_bytes(b"secret")
    url = url_of(site, CONTENT)
    token = url.split("/")[4]
    for path in (
        f"/f/{up * 6}etc/passwd",
        f"/f/{up}secret",
        f"/f/{up}secret/x",
        f"/f/{token}{up}secret",
        f"/f/{token}/{up}{up}{up}secret",
        f"/f/{token}/x/{up}secret",
        f"/f/{up}f/{token}/{up}{up}secret",
        "/f//etc/passwd",
        f"/f/{token}",
        f"/f/{token}/",
    ):
        answer = raw(site, path)
        assert answer.startswith(b"HTTP/1.1 404 ") or answer.endswith(CONTENT), path
        assert b"secret" not in answer
        assert b"root:" not in answer


def raw(site: Site, path: str) -> bytes:
    """Return the whole answer to exactly this path, which HTTP clients would tidy up."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def test_h5_a_link_planted_in_the_store_is_not_followed(site: Site) -> None:
    secret = site.folder / "secret"
    secret.write_bytes(b"secret")
    digest = hashlib.sha256(b"secret").digest()
    folder = site.folder / "hosted" / digest.hex()[:2]
    folder.mkdir(parents=True)
    (folder / digest.hex()).symlink_to(secret)
    answer = site.http.get(site.links.file(1, digest, "a.txt"))
    assert (answer.status_code, answer.content) == (404, b"Not found\n")


def test_h2_h10_only_a_token_for_files_finds_one(site: Site) -> None:
    digest = bytes.fromhex(site.shelf.keep(CONTENT))
    message = site.message()
    good = site.links.file(message.transmission_id, digest, "a.pdf")
    token = good.split("/")[4]
    image = site.links.image(message.transmission_id, digest).rpartition("/")[2]
    click = site.links.click(message.message_id, "https://example.com/").rpartition("/")[2]
    unkept = site.links.file(message.transmission_id, hashlib.sha256(b"never kept").digest(), "a.pdf")
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")
    for path in (f"/f/{forged}/a.pdf", f"/f/{image}/a", f"/f/{click}/a", f"/f/{digest.hex()}/a", unkept):
        answer = site.http.get(path)
        assert (answer.status_code, answer.content) == (404, b"Not found\n"), path


def test_h8_a_file_is_in_no_cache_and_in_no_index(site: Site) -> None:
    headers = site.http.get(url_of(site, CONTENT)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-robots-tag"] == "noindex"
    assert "set-cookie" not in headers


def test_head_tells_the_same_without_the_file(site: Site) -> None:
    url = url_of(site, CONTENT, "año.pdf")
    told, sent = site.http.head(url), site.http.get(url)
    assert (told.status_code, told.content) == (200, b"")
    for name in ("content-type", "content-length", "content-disposition", "content-security-policy"):
        assert told.headers[name] == sent.headers[name]


def test_h12_a_file_is_sent_while_there_is_no_store(site: Site) -> None:
    url = url_of(site, CONTENT)
    (site.folder / "estafeta.db").rename(site.folder / "away")
    assert site.http.get(url).content == CONTENT
    (site.folder / "away").rename(site.folder / "estafeta.db")


def test_a_disk_that_does_not_answer_is_a_state_that_passes(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any, **options: Any) -> int:
        raise OSError(errno.EIO, "I/O error")

    url = url_of(site, CONTENT)
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", broken)
        answer = site.http.get(url)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    assert site.http.get(url).content == CONTENT


def test_whoever_leaves_in_the_middle_leaves_no_file_open(site: Site) -> None:
    url = url_of(site, bytes(8_000_000))
    path = "/" + url.split("/", 3)[3]
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            connection.recv(1000)
    site.wait_until(lambda: not opened(site))


def opened(site: Site) -> list[str]:
    """Return the files of the shelf that this process has open."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(descriptor.readlink()))
    return [path for path in found if path.startswith(str(site.folder / "hosted"))]


def test_whoever_does_not_take_his_file_keeps_nobody_waiting(site: Site) -> None:
    path = "/" + url_of(site, bytes(8_000_000)).split("/", 3)[3]
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        for _ in range(20):
            assert site.http.get("/healthz").status_code == 200
