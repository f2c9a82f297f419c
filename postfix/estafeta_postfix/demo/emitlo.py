"""An Emitlo client: STARTTLS, AUTH PLAIN, an HTML part alone, and a file that goes along untouched."""

import email.policy
from email.message import EmailMessage

from estafeta_postfix.demo.browser import Browser
from estafeta_postfix.demo.delivered import Delivered
from estafeta_postfix.demo.report import Report
from estafeta_postfix.demo.scenario import Scenario

RECIPIENT = "user@example.com"
TARGET = "https://app.example.com/welcome"
INVOICE = b"%PDF-1.4\n" + bytes(range(256))


def message() -> EmailMessage:
    """Return the message that is sent."""
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"] = '"Your App" <hello@yourdomain.example>'
    made["To"] = f"John Doe <{RECIPIENT}>"
    made["Subject"] = "Hello from Emitlo SMTP"
    made.set_content(f'<p>This email was sent <a href="{TARGET}">via SMTP</a>.</p>\n', subtype="html")
    made.add_attachment(INVOICE, maintype="application", subtype="pdf", filename="invoice.pdf")
    return made


def look(delivered: Delivered, browser: Browser, report: Report) -> None:
    """Look at the copy and at what its links do."""
    headers = delivered.message
    report.check("List-Unsubscribe" in headers, "List-Unsubscribe is there", "no such header")
    files = [part.get_content() for part in headers.iter_attachments()]
    report.check(files == [INVOICE], "the attached file is what was sent, to the byte", files)
    browser.show_pixels(delivered, 1, report)
    browser.follow(delivered.html, TARGET, report)


EMITLO = Scenario(
    title="An Emitlo client",
    dialect="emitlo",
    port=587,
    credential="yourdomain/prod",
    mechanism="PLAIN",
    sender="hello@yourdomain.example",
    recipients=(RECIPIENT,),
    message=message,
    look=look,
    events={RECIPIENT: frozenset({"injection", "delivery", "open", "click"})},
)
