"""A SparkPost client: options, metadata and tags in an X-MSYS-API header."""

import email.policy
import json
from email.message import EmailMessage

from estafeta_postfix.demo.browser import Browser
from estafeta_postfix.demo.delivered import Delivered
from estafeta_postfix.demo.report import Report
from estafeta_postfix.demo.scenario import Scenario

RECIPIENT = "reader@example.com"
TARGET = "https://shop.example.com/offer?item=7&colour=green"


def message() -> EmailMessage:
    """Return the message that is sent."""
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"] = "Acme News <news@acme.example>"
    made["To"] = RECIPIENT
    made["Subject"] = "A green offer"
    made["X-MSYS-API"] = json.dumps(
        {
            "campaign_id": "demo",
            "metadata": {"customer": 4711},
            "tags": ["demo", "green"],
            "options": {"open_tracking": True, "click_tracking": True},
        }
    )
    made.set_content(f"Our offer: {TARGET}\n")
    made.add_alternative(
        f'<html><body><p>Our <a href="{TARGET.replace("&", "&amp;")}">offer</a>.</p></body></html>\n',
        subtype="html",
    )
    return made


def look(delivered: Delivered, browser: Browser, report: Report) -> None:
    """Look at the copy and at what its links do."""
    headers = delivered.message
    report.check("List-Unsubscribe" in headers, "List-Unsubscribe is there", "no such header")
    one_click = headers["List-Unsubscribe-Post"]
    report.check(
        one_click == "List-Unsubscribe=One-Click", "List-Unsubscribe-Post asks for one click", one_click
    )
    report.check("X-MSFBL" in headers, "X-MSFBL is there, for complaints", "no such header")
    plain = browser.urls(delivered.text, "c")
    report.check(len(plain) == 1, "the link in the plain text is tracked", delivered.text)
    browser.show_pixels(delivered, 2, report)
    browser.follow(delivered.html, TARGET, report)


SPARKPOST = Scenario(
    title="A SparkPost client",
    dialect="sparkpost",
    port=587,
    credential="acme/main",
    mechanism="LOGIN",
    sender="bounces@acme.example",
    recipients=(RECIPIENT,),
    message=message,
    look=look,
    events={RECIPIENT: frozenset({"injection", "delivery", "initial_open", "open", "click"})},
)
