"""What is sent: plain messages of a size, and newsletters with links.

Each is a template that `numbered` makes one message of many of. Bodies of newsletters differ as well, for
what was read of one body is remembered for the next message with the very same.
"""

LINE = b"The quick brown fox jumps over the lazy dog and runs on through the valley.\r\n"
TRACKED = (
    b'X-MSYS-API: {"options": {"open_tracking": true, "click_tracking": true}, "campaign_id": "bench"}\r\n'
)
SENDER = "bench@acme.example"
_CELL = b'<p><a href="https://shop.example/item/%02d?utm_source=mail&amp;utm_medium=bench">item</a></p>\r\n'
_TEXT = b"<p>" + LINE.rstrip() + b"</p>\r\n"
_BOUNDARY = b"=_bench"


def numbered(template: bytes, number: int) -> bytes:
    """Return one message of a template."""
    return template.replace(b"%d", b"%d" % number)


def plain(size: int, sender: str = SENDER) -> bytes:
    """Return a text message of about `size` bytes."""
    head = _head(sender) + b"Subject: plain\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    return head + LINE * ((size - len(head)) // len(LINE))


def newsletter(size: int, links: int, sender: str = SENDER) -> bytes:
    """Return an HTML message of about `size` bytes with `links` links that asks for tracking."""
    head = _head(sender) + TRACKED
    head += b"Subject: news\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    return head + _page(size - len(head), links)


def alternative(size: int, links: int, sender: str = SENDER) -> bytes:
    """Return a message of about `size` bytes with a text and an HTML part that asks for tracking."""
    head = _head(sender) + TRACKED
    head += b"Subject: news\r\nMIME-Version: 1.0\r\n"
    head += b'Content-Type: multipart/alternative; boundary="' + _BOUNDARY + b'"\r\n\r\n'
    text = b"--" + _BOUNDARY + b"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + LINE
    page = b"--" + _BOUNDARY + b"\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    end = b"--" + _BOUNDARY + b"--\r\n"
    return head + text + page + _page(size - len(head) - len(text) - len(page) - len(end), links) + end


def _head(sender: str) -> bytes:
    domain = sender.partition("@")[2].encode()
    return (
        b"From: Bench <" + sender.encode() + b">\r\nTo: <someone@dest.example>\r\n"
        b"Message-ID: <%d@" + domain + b">\r\n"
    )


def _page(size: int, links: int) -> bytes:
    """Return an HTML document of about `size` bytes; one without links is all text."""
    anchors = [_CELL.replace(b"%02d", b"%02d" % number) for number in range(links)] or [b""]
    padding = max(0, size - sum(map(len, anchors)) - 100) // len(anchors)
    body = b"<p>Number %d</p>\r\n"
    body += b"".join(anchor + _TEXT * (padding // len(_TEXT)) for anchor in anchors)
    return b"<html><head><title>news</title></head>\r\n<body>\r\n" + body + b"</body></html>\r\n"
