"""A Teenvio client: a text and an HTML part, an image inside, a file, and two of the X-Teenvio headers."""

import email.policy
import zlib
from email.message import EmailMessage

from estafeta_postfix.demo.browser import Browser
from estafeta_postfix.demo.delivered import Delivered
from estafeta_postfix.demo.report import Report
from estafeta_postfix.demo.scenario import Scenario

RECIPIENT = "usuario@example.com"
TARGET = "https://www.dominio.example/catalogo?p=1&l=es"
FILE_NAME = "catálogo de otoño.pdf"
FILE = b"%PDF-1.4\n" + bytes(range(256)) * 4


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + check


# A red square of 16 by 16 pixels, as the PNG specification describes one (ISO/IEC 15948).
IMAGE = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", (16).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0")
    + _chunk(b"IDAT", zlib.compress((b"\0" + b"\xc0\x20\x20" * 16) * 16))
    + _chunk(b"IEND", b"")
)


def message() -> EmailMessage:
    """Return the message that is sent."""
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"] = "Víctor <remitente@dominio.example>"
    made["To"] = RECIPIENT
    made["Subject"] = "Catálogo de otoño"
    made["X-Teenvio-SocialLinks"] = "yes"
    made["X-Teenvio-Language"] = "3"
    made.set_content(f"Nuestro catálogo: {TARGET}\n")
    made.add_alternative(
        '<html><body><p><img src="cid:logo@dominio.example" alt="logo">'
        f' Nuestro <a href="{TARGET.replace("&", "&amp;")}">catálogo</a>.</p></body></html>\n',
        subtype="html",
    )
    html = made.get_payload(1)
    if isinstance(html, EmailMessage):
        html.add_related(IMAGE, "image", "png", cid="<logo@dominio.example>")
    made.add_attachment(FILE, maintype="application", subtype="pdf", filename=FILE_NAME)
    return made


def look(delivered: Delivered, browser: Browser, report: Report) -> None:
    """Look at the copy and at what its links do."""
    html = delivered.html
    kinds = {part.get_content_type() for part in delivered.message.walk() if not part.is_multipart()}
    texts_only = kinds == {"text/plain", "text/html"}
    report.check(texts_only, "a text and an HTML part are left; the file and the image are not in it", kinds)
    files, images = browser.hosted(html, "f"), browser.hosted(html, "i")
    report.check(len(files) == 1, "the file has become a link", html)
    in_text = browser.hosted(delivered.text, "f")
    report.check(in_text == files, "it is in the plain text too", delivered.text)
    for url in files:
        answer = browser.fetch(url, FILE, "the file", report)
        shown = answer.headers.get("content-disposition", "")
        report.check("cat%C3%A1logo%20de%20oto%C3%B1o.pdf" in shown, f"its name is {FILE_NAME}", shown)
    report.check(len(images) == 1 and "cid:" not in html, "the image has become a hosted one", html)
    for url in images:
        answer = browser.fetch(url, IMAGE, "the image", report)
        kind = answer.headers.get("content-type")
        report.check(kind == "image/png", "it is an image/png", kind)
    views = browser.urls(html, "w")
    report.check(len(views) == 1, "a line on top leads to the web version", html)
    for url in views:
        browser.open_page(url, "catálogo", "the web version shows the text", report)
    report.check("facebook.png" in html, "the foot has the icons of the social profiles", html)
    report.check(bool(browser.urls(html, "u")), "the foot has a link to unsubscribe", html)
    browser.show_pixels(delivered, 1, report)
    browser.follow(html, TARGET, report)


TEENVIO = Scenario(
    title="A Teenvio client",
    dialect="teenvio",
    port=46500,
    credential="plan/usuario",
    mechanism="LOGIN",
    sender="remitente@dominio.example",
    recipients=(RECIPIENT,),
    message=message,
    look=look,
    events={RECIPIENT: frozenset({"injection", "delivery", "open", "click"})},
    listed=("send", "group", "content"),
)
