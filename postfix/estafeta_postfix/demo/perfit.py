"""A Perfit client: no TLS, the user name is always `apikey`, and nothing to steer with."""

import email.policy
from email.message import EmailMessage

from estafeta_postfix.demo.browser import Browser
from estafeta_postfix.demo.delivered import Delivered
from estafeta_postfix.demo.report import Report
from estafeta_postfix.demo.scenario import Scenario

RECIPIENT = "destinatario@example.com"
TARGET = "https://tienda.example.com/pedido?n=42"


def message() -> EmailMessage:
    """Return the message that is sent: what looks like a template is text, and it may have no Date."""
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"] = "yo@midominio.example"
    made["To"] = RECIPIENT
    made["Subject"] = "Tu pedido está en camino"
    made.set_content(
        f'<html><body>Hola {{{{nombre}}}} *|APELLIDO|*: <a href="{TARGET}">tu pedido</a></body></html>\n',
        subtype="html",
    )
    return made


def look(delivered: Delivered, browser: Browser, report: Report) -> None:
    """Look at the copy and at what its links do."""
    headers = delivered.message
    untouched = "Hola {{nombre}} *|APELLIDO|*:" in delivered.html
    report.check(untouched, "what looks like a template stays as it was", delivered.html)
    report.check("Date" in headers and "Message-ID" in headers, "Date and Message-ID were added", "missing")
    transactional = "List-Unsubscribe" not in headers
    report.check(transactional, "it is transactional: no List-Unsubscribe", headers["List-Unsubscribe"])
    browser.show_pixels(delivered, 1, report)
    browser.follow(delivered.html, TARGET, report)


PERFIT = Scenario(
    title="A Perfit client",
    dialect="perfit",
    port=2525,
    credential="micuenta/main",
    mechanism="LOGIN",
    sender="yo@midominio.example",
    recipients=(RECIPIENT,),
    message=message,
    look=look,
    events={RECIPIENT: frozenset({"injection", "delivery", "open", "click"})},
)
