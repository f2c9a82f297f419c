"""What a recipient does with what was delivered: open, follow, fetch; each answer is checked."""

import html
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from estafeta_postfix.demo.delivered import Delivered
from estafeta_postfix.demo.report import PATIENCE, Report

_URL = re.compile(r"""(?:href|src)\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the web service said."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class Browser:
    """Somebody who reads mail; `web` is where links of ours lead."""

    web: str

    def urls(self, content: str, kind: str) -> list[str]:
        """Return the URLs of one kind (c, o, u, w, f, i) in an HTML or plain text, each once, in order."""
        beginning = f"{self.web}/{kind}/"
        found = [html.unescape(url) for url in _URL.findall(content)] or re.findall(r"https?://\S+", content)
        return list(dict.fromkeys(url for url in found if url.startswith(beginning)))

    def hosted(self, content: str, kind: str) -> list[str]:
        """Return the URLs of one kind of hosted file (f, i), those behind tracked links too."""
        behind = (self.get(link).headers.get("location", "") for link in self.urls(content, "c"))
        found = [*self.urls(content, kind), *(url for url in behind if url.startswith(f"{self.web}/{kind}/"))]
        return list(dict.fromkeys(found))

    def get(self, url: str) -> Answer:
        """Return the answer to one GET; redirects are not followed. Status 0: there was none."""
        parts = urllib.parse.urlsplit(url)
        connection = HTTPConnection(parts.netloc, timeout=PATIENCE)
        try:
            connection.request("GET", urllib.parse.urlunsplit(("", "", *parts[2:])))
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, answer.read())
        except (OSError, HTTPException) as error:
            return Answer(0, {}, str(error).encode())
        finally:
            connection.close()

    def follow(self, content: str, target: str, report: Report) -> None:
        """Follow the first tracked link; it must lead to exactly `target`."""
        [link] = self.urls(content, "c")[:1] or [""]
        if report.check(bool(link), "the link is tracked", content):
            answer = self.get(link)
            found = answer.status, answer.headers.get("location")
            report.check(found == (302, target), f"it leads to {target}", found)

    def show_pixels(self, delivered: Delivered, count: int, report: Report) -> None:
        """Load the open pixels of the HTML."""
        pixels = self.urls(delivered.html, "o")
        report.check(len(pixels) == count, f"open pixels: {count}", pixels)
        for pixel in pixels:
            answer = self.get(pixel)
            found = answer.status, answer.headers.get("content-type")
            report.check(found == (200, "image/gif"), "a pixel is a GIF", found)

    def fetch(self, url: str, wanted: bytes, what: str, report: Report) -> Answer:
        """Fetch what is hosted; it must be what was sent, to the byte."""
        answer = self.get(url)
        same = answer.status == 200 and answer.body == wanted
        found = (answer.status, f"{len(answer.body)} bytes")
        report.check(same, f"{what}, fetched back, is what was sent: {len(wanted)} bytes", found)
        return answer

    def open_page(self, url: str, holds: str, what: str, report: Report) -> Answer:
        """Open a page, which must hold a text."""
        answer = self.get(url)
        shown = answer.body.decode("utf-8", "replace")
        report.check(answer.status == 200 and holds in shown, what, (answer.status, shown))
        return answer
