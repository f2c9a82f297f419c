"""What a recipient sees: HTML templates in a browser, as they were sent and as they were delivered.

What the service puts in by intention (the line on top, the closing lines, the pixel) is cut out again before
the pictures are compared; links lead through the service and must show nothing of it.
"""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from estafeta_milter.html.inliner import Budget, examine, inline
from estafeta_testing import corpora
from estafeta_testing.relay import Relay
from estafeta_testing.smtp import queue_id

BROWSER = shutil.which("chromium-headless-shell") or shutil.which("chromium")
DIFFERENT = 16  # of 255: below it two shades are the same to an eye
THRESHOLD = 0.001  # of all pixels may differ
CONTEXT = 40  # bytes by which a place is found again

_LINK = re.compile(r'<(?:a|area)\b[^>]*?\bhref\s*=\s*(?:"([^"]*)"|\'([^\']*)\')', re.IGNORECASE | re.DOTALL)
_WEB = re.compile(r"https?://[^\s/?#\[\]{}|%*<>\"^`\\]+(?:[/?#]|\Z)", re.IGNORECASE)


@pytest.mark.parametrize("template", corpora.parameters(corpora.templates(), gate=5))
def test_a_template_looks_as_it_was_sent_and_its_links_lead_where_they_led(
    relay: Relay, tmp_path: Path, template: Path
) -> None:
    original = template.read_bytes().replace(b"\r\n", b"\n")
    delivered = rewritten(relay, original)
    assert f"{relay.web}/w/".encode() in delivered  # the line on top
    assert f"{relay.web}/u/".encode() in delivered  # the closing lines
    assert f"{relay.web}/o/".encode() in delivered
    cut = without_insertions(original, delivered)
    assert targets(relay, cut) == [url for url in links(original) if _WEB.match(url)]
    if BROWSER is None:
        pytest.skip("no browser is installed (Debian package chromium-headless-shell)")
    assert difference(picture(original, tmp_path / "sent"), picture(cut, tmp_path / "delivered")) < THRESHOLD


@pytest.mark.parametrize("template", corpora.parameters(corpora.templates(), gate=5))
def test_a_template_looks_the_same_when_its_style_sheets_are_inlined(tmp_path: Path, template: Path) -> None:
    original = template.read_bytes()
    text = examine(original, "utf-8", Budget())
    if BROWSER is None:
        pytest.skip("no browser is installed (Debian package chromium-headless-shell)")
    assert text is not None
    inlined = picture(inline(text), tmp_path / "inlined")
    assert difference(picture(original, tmp_path / "sent"), inlined) < THRESHOLD


def rewritten(relay: Relay, markup: bytes) -> bytes:
    """Return the HTML that a recipient gets, after everything Teenvio's clients have by default."""
    content = (
        b"From: remitente@dominio.example\r\nTo: alice@example.net\r\nSubject: template\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/alternative; boundary="=_b"\r\n\r\n'
        b"--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHola\r\n"
        b"--=_b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + markup.replace(b"\n", b"\r\n")
        + b"\r\n--=_b--\r\n"
    )
    with relay.session("plan/usuario", listener="teenvio-58700") as connection:
        reply = connection.message("remitente@dominio.example", ["alice@example.net"], content)
    part = relay.copy(queue_id(reply)).parsed().get_body(("html",))
    assert part is not None
    whole = part.get_payload(decode=True)
    assert isinstance(whole, bytes)
    return whole.replace(b"\r\n", b"\n")


def without_insertions(original: bytes, delivered: bytes) -> bytes:
    """Return `delivered` without what was put in behind <body> and before </body>."""
    start = next(place for place, byte in enumerate(original) if delivered[place] != byte)
    end = next(place for place in range(1, len(original)) if delivered[-place] != original[-place]) - 1
    top = delivered.index(original[start : start + CONTEXT], start)
    last = original[: len(original) - end][-CONTEXT:]
    bottom = delivered.rindex(last, 0, len(delivered) - end) + len(last)
    return delivered[:start] + delivered[top:bottom] + delivered[len(delivered) - end :]


def links(markup: bytes) -> list[str]:
    """Return the target of every link, in order."""
    found = _LINK.findall(markup.decode("utf-8"))
    return [html.unescape(quoted or apostrophed).strip() for quoted, apostrophed in found]


def targets(relay: Relay, markup: bytes) -> list[str]:
    """Return where the links that lead through the service lead, in order."""
    tokens = (
        relay.links.read(url.removeprefix(f"{relay.web}/c/"))
        for url in links(markup)
        if url.startswith(relay.web)
    )
    return [token.target.decode() for token in tokens if token is not None]


def picture(markup: bytes, folder: Path) -> Image.Image:
    """Return what a browser without network shows."""
    assert BROWSER is not None
    folder.mkdir()
    page, shot = folder / "page.html", folder / "shot.png"
    page.write_bytes(b"\xef\xbb\xbf" + markup)  # the mark says UTF-8, as the part's label does
    subprocess.run(
        [
            *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--user-data-dir={folder / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND"),
            *("--window-size=800,2400", f"--screenshot={shot}", page.as_uri()),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with Image.open(shot) as image:
        return image.convert("L")


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the share of pixels in which two pictures differ to an eye."""
    assert one.size == other.size
    histogram = ImageChops.difference(one, other).histogram()
    return sum(histogram[DIFFERENT:]) / (one.width * one.height)
