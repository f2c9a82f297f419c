"""What is sent: plain messages of a size, and an HTML newsletter with links."""

LINE = b"The quick brown fox jumps over the lazy dog and runs on through the valley.\r\n"
FROM = b"From: Bench <bench@acme.example>\r\nTo: <someone@dest.example>\r\nMessage-ID: <%d@acme.example>\r\n"
TRACKED = (
    b'X-MSYS-API: {"options": {"open_tracking": true, "click_tracking": true}, "campaign_id": "bench"}\r\n'
)


def plain(size: int) -> bytes:
    """Return a text message of about `size` bytes, a template for `%` with a number."""
    head = FROM + b"Subject: plain\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    return head + LINE * ((size - len(head)) // len(LINE))


def newsletter(size: int, links: int) -> bytes:
    """Return an HTML message of about `size` bytes with `links` links that asks for tracking."""
    head = (
        FROM
        + TRACKED
        + b"Subject: news\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    )
    cell = (
        b'<p><a href="https://shop.example/item/%02d?utm_source=mail&amp;utm_medium=bench">item</a></p>\r\n'
    )
    anchors = [cell.replace(b"%02d", b"%02d" % number) for number in range(links)]
    padding = (size - len(head) - sum(map(len, anchors)) - 100) // links
    text = b"<p>" + LINE.rstrip() + b"</p>\r\n"
    body = b"".join(anchor + text * (padding // len(text)) for anchor in anchors)
    return head + b"<html><head><title>news</title></head>\r\n<body>\r\n" + body + b"</body></html>\r\n"
