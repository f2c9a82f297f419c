"""`/w/TOKEN` over real HTTP, and in a real browser where one is installed."""

import http.server
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from estafeta_core.store.rows import Content, Message, Transmission
from estafeta_core.tokens import Kind
from estafeta_testing.site import Site
from estafeta_testing.stored import make_rows
from estafeta_web.web_version import content_type

TARGET = "https://shop.example/a?b=c&d=e#f"
BROWSER = shutil.which("chromium-headless-shell") or shutil.which("chromium")


def sent(site: Site, *recipients: str) -> tuple[Transmission, list[Message]]:
    rows = make_rows(*recipients)
    site.store.record(rows)
    assert isinstance(rows[0], Transmission)
    return rows[0], [row for row in rows if isinstance(row, Message)]


def rendered(site: Site, message: Message) -> bytes:
    """Return HTML as the milter renders it for one recipient."""
    links, id_ = site.links, message.message_id
    image = links.image(message.transmission_id, bytes(32))
    return (
        f'<html><body><img src="{links.pixel(id_, initial=True)}"><a href="{links.web_version(id_)}">view</a>'
        f'<a href="{links.click(id_, TARGET)}">año</a><img src="{image}">'
        f'<a href="{links.unsubscribe(id_, via="link")}">leave</a></body></html>'
    ).encode()


def keep(site: Site, message: Message, html: bytes, charset: str = "utf-8") -> str:
    """Keep the HTML of a message and return where its recipient sees it."""
    digest = site.shelf.keep(html)
    site.store.record(
        [
            Content(
                message.transmission_id, message.message_id, "acme", digest, charset, time.time_ns() // 10**6
            )
        ]
    )
    return site.links.web_version(message.message_id)


def test_t33_a_recipient_sees_his_copy_byte_for_byte(site: Site) -> None:
    _, (message,) = sent(site, "alice@example.net")
    html = rendered(site, message)
    answer = site.http.get(keep(site, message, html))
    assert (answer.status_code, answer.content) == (200, html)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_each_recipient_sees_links_of_his_own(site: Site) -> None:
    _, (alice, bob) = sent(site, "alice@example.net", "bob@example.net")
    keep(site, alice, rendered(site, alice))
    answer = site.http.get(site.links.web_version(bob.message_id))
    assert answer.content == rendered(site, bob)
    assert not set(tokens(rendered(site, alice))) & set(tokens(answer.content))


def tokens(html: bytes) -> list[bytes]:
    """Return the URLs in the HTML that say who somebody is."""
    return [piece for piece in html.split(b'"') if b"/c/" in piece or b"/o/" in piece or b"/u/" in piece]


def test_what_is_done_in_a_web_version_is_done_by_its_own_recipient(site: Site) -> None:
    _, (alice, bob) = sent(site, "alice@example.net", "bob@example.net")
    keep(site, alice, rendered(site, alice))
    page = site.http.get(site.links.web_version(bob.message_id)).text
    for url in page.split('"'):
        if url.startswith("http") and "/i/" not in url:
            answer = site.http.get(url, follow_redirects=False)
            assert answer.status_code in (200, 302), url
            assert answer.headers.get("location") in (None, TARGET)
    events = site.events("open", "initial_open", "click")
    assert {occurrence.event.message_id for occurrence in events} == {bob.message_id}
    leaving = next(url for url in page.split('"') if "/u/" in url)
    site.http.post(leaving, data={"List-Unsubscribe": "One-Click"})
    assert site.suppressed("bob@example.net") == {"non_transactional"}
    assert site.suppressed("alice@example.net") == set()


def test_looking_at_a_web_version_records_nothing_by_itself(site: Site) -> None:
    _, (message,) = sent(site, "alice@example.net")
    url = keep(site, message, rendered(site, message))
    site.http.get(url)
    site.http.head(url)
    assert [occurrence.event.type for occurrence in site.events()] == ["injection"]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("utf-8", "text/html; charset=utf-8"),
        ("ISO-8859-1", "text/html; charset=iso-8859-1"),
        ("windows-1252", "text/html; charset=windows-1252"),
        ("koi8-r", "text/html; charset=koi8-r"),
        ("gb2312", "text/html; charset=gb2312"),
        ("Shift_JIS", "text/html; charset=shift_jis"),
        ("", "text/html"),
        ("utf-7", "text/html"),
        ("x-user-defined", "text/html"),
        ("utf-16", "text/html"),
        ("utf-8\r\nX-Injected: yes", "text/html"),
        ('utf-8"; x="', "text/html"),
        ("utf-8\n", "text/html"),
        ("ü" * 10_000, "text/html"),
    ],
)
def test_h3_only_charsets_that_mail_and_browsers_know_are_told(label: str, expected: str) -> None:
    assert content_type(label) == expected


def test_text_in_another_charset_is_labelled_with_it(site: Site) -> None:
    _, (message,) = sent(site, "alice@example.net")
    answer = site.http.get(keep(site, message, "<p>año</p>".encode("latin-1"), "iso-8859-1"))
    assert answer.text == "<p>año</p>"


def test_h4_h8_the_page_is_in_a_sandbox_and_in_no_cache_and_in_no_index(site: Site) -> None:
    _, (message,) = sent(site, "alice@example.net")
    headers = site.http.get(keep(site, message, b"<p>x</p>")).headers
    rules = headers["content-security-policy"].split("; ")
    sandbox = next(rule for rule in rules if rule.startswith("sandbox")).split()
    assert not {"allow-scripts", "allow-forms", "allow-same-origin", "allow-top-navigation"} & set(sandbox)
    assert "default-src 'none'" in rules
    assert "form-action 'none'" in rules
    assert "frame-ancestors 'none'" in rules
    assert not any(rule.startswith("script-src") for rule in rules)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-robots-tag"] == "noindex, nofollow"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in headers


def test_head_tells_the_same_without_the_page(site: Site) -> None:
    _, (message,) = sent(site, "alice@example.net")
    url = keep(site, message, b"<p>x</p>")
    told, shown = site.http.head(url), site.http.get(url)
    assert (told.status_code, told.content) == (200, b"")
    for name in ("content-type", "content-length", "content-security-policy"):
        assert told.headers[name] == shown.headers[name]


def test_h2_h10_what_is_not_kept_is_the_404_of_every_unknown_path(site: Site) -> None:
    transmission, (message, other) = sent(site, "alice@example.net", "bob@example.net")
    good = keep(site, message, b"<p>x</p>")
    _, (unkept,) = sent(site, "carol@example.net")
    _, (lost,) = sent(site, "dave@example.net")
    gone = keep(site, lost, b"<p>gone</p>")
    site.shelf.remove(site.shelf.keep(b"<p>gone</p>"), time.time() + 60)
    signed = site.links._signer.sign
    wrong = [
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good + "/",
        site.links.web_version(unkept.message_id),
        site.links.web_version(transmission.transmission_id),
        site.links.web_version(5),
        gone,
        f"/w/{signed(Kind.WEB_VERSION, message.message_id, shared=True)}",
        f"/w/{signed(Kind.WEB_VERSION, transmission.transmission_id, shared=True)}",
        f"/w/{signed(Kind.OPEN, message.message_id)}",
        f"/w/{signed(Kind.LIST_UNSUBSCRIBE, other.message_id)}",
        f"/w/{message.message_id}",
    ]
    for url in wrong:
        answer = site.http.get(url)
        assert (answer.status_code, answer.content) == (404, b"Not found\n"), url
    assert site.http.get(good).status_code == 200


def test_h12_without_a_store_the_reader_is_asked_to_come_again(site: Site) -> None:
    _, (message,) = sent(site, "alice@example.net")
    url = keep(site, message, b"<p>x</p>")
    with site.locked_store():
        assert site.http.get(url, timeout=2).status_code == 200
    (site.folder / "estafeta.db").rename(site.folder / "away")
    answer = site.http.get(url)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    (site.folder / "away").rename(site.folder / "estafeta.db")
    assert site.http.get(url).status_code == 200


# H4 in a browser. Each of these runs where nothing forbids it; RUN tells the test's own server.

SCRIPTS = [
    "<script>RUN</script>",
    "<img src=x onerror=RUN>",
    "<svg onload=RUN></svg>",
    "<svg><script>RUN</script></svg>",
    "<body onload=RUN>",
    "<body onpageshow=RUN>",
    "<iframe src='javascript:void(RUN)'></iframe>",
    '<iframe srcdoc="<script>RUN</script>"></iframe>',
    "<iframe src='data:text/html,<script>RUN</script>'></iframe>",
    "<object data='data:text/html,<script>RUN</script>'></object>",
    "<embed src='data:text/html,<script>RUN</script>'>",
    "<details open ontoggle=RUN>x</details>",
    "<input autofocus onfocus=RUN>",
    "<video><source onerror=RUN></video>",
    "<audio src=x onerror=RUN></audio>",
    "<style>@keyframes k{}</style><p style='animation:k 1s' onanimationstart=RUN>x</p>",
    "<link rel=stylesheet href='data:text/css,' onload=RUN>",
    "<math><mtext></p><img src=x onerror=RUN></mtext></math>",
    "<template><script>RUN</script></template><noscript><p title='</noscript><img src=x onerror=RUN>'>",
    "<script src='data:text/javascript,RUN'></script>",
    "<script type=module>RUN</script>",
    "<xss onfocus=RUN tabindex=1 autofocus>x</xss>",
]


class Beacon(http.server.ThreadingHTTPServer):
    """Serves one page without any protection and notes what is asked of it."""

    page = b""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), BeaconHandler)
        self.asked: set[str] = set()

    @property
    def base(self) -> str:
        """Return where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class BeaconHandler(http.server.BaseHTTPRequestHandler):
    """One request."""

    server: Beacon

    def do_GET(self) -> None:
        self.server.asked.add(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.server.page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@contextmanager
def beacon() -> Iterator[Beacon]:
    with Beacon() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def armed(scripts: list[str], base: str) -> bytes:
    """Return a page of scripts that each tell the server of themselves, and an image that may be loaded."""
    calls = [
        script.replace("RUN", f"new(Image)().src=`{base}/ran/{number}`")
        for number, script in enumerate(scripts)
    ]
    return ("\n".join(calls) + f'<img src="{base}/loaded">').encode()


def looked_at(url: str, folder: Path) -> str:
    """Return the page as the browser has it after two seconds of its own time."""
    assert BROWSER is not None
    command = [
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *(f"--user-data-dir={folder}", "--virtual-time-budget=2000", "--dump-dom", url),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


in_a_browser: Callable[[Callable[..., None]], Callable[..., None]] = pytest.mark.skipif(
    BROWSER is None, reason="no browser is installed (Debian package chromium-headless-shell)"
)


@in_a_browser
def test_h4_no_script_runs_in_a_web_version(site: Site, tmp_path: Path) -> None:
    _, (message,) = sent(site, "alice@example.net")
    with beacon() as server:
        server.page = armed(SCRIPTS, server.base)
        looked_at(server.base + "/", tmp_path / "profile")
        ran = {path for path in server.asked if path.startswith("/ran/")}
        assert len(ran) > len(SCRIPTS) - 4  # so the browser runs them where nothing forbids it
        server.asked.clear()
        shown = looked_at(keep(site, message, server.page), tmp_path / "profile")
        assert "/ran/0" in shown
        assert server.asked == {"/loaded"}


@in_a_browser
def test_h4_nothing_hosted_runs_from_another_page(site: Site, tmp_path: Path) -> None:
    with beacon() as server:
        call = f"new(Image)().src='{server.base}/ran/NAME'"
        contents = {
            "a.html": f"<html><script>{call}</script></html>",
            "a.svg": f"<svg xmlns='http://www.w3.org/2000/svg'><script>{call}</script></svg>",
            "a.xml": "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>" + call + "</x:script>",
            "a.js": call,
            "a.txt": call,
            "a.csv": f"<script>{call}</script>",
        }
        urls = [
            site.links.file(1, bytes.fromhex(site.shelf.keep(text.replace("NAME", name).encode())), name)
            for name, text in contents.items()
        ]
        urls += [url.replace("/f/", "/i/").rpartition("/")[0] for url in urls]
        server.page = "".join(
            f"<iframe src='{url}'></iframe><object data='{url}'></object><embed src='{url}'>"
            f"<script src='{url}'></script><img src='{url}'>"
            for url in urls
        ).encode()
        looked_at(server.base + "/", tmp_path / "profile")
        assert 'path="file",status="200"' in site.http.get("/metrics").text  # the browser has asked for them
        assert {path for path in server.asked if path.startswith("/ran/")} == set()
