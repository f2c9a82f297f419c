"""A SparkPost client whose one message goes to several people: cc, bcc and archive lists in X-MSYS-API."""

import email.policy
import json
from collections.abc import Sequence
from email.message import EmailMessage

from estafeta_postfix.demo.browser import Browser
from estafeta_postfix.demo.delivered import Delivered
from estafeta_postfix.demo.report import Report
from estafeta_postfix.demo.scenario import Scenario

RECIPIENT = "reader@example.com"
CC, BCC, ARCHIVE = "colleague@example.com", "observer@example.com", "archive@example.com"
TARGET = "https://shop.example.com/invoice?number=4711"
SHOWN = f"Carla Colleague <{CC}>"


def message() -> EmailMessage:
    """Return the message that is sent."""
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"] = "Acme Invoices <invoices@acme.example>"
    made["To"] = RECIPIENT
    made["Subject"] = "Your invoice"
    made["X-MSYS-API"] = json.dumps(
        {
            "cc": [{"email": CC, "name": "Carla Colleague"}],
            "bcc": [BCC],
            "archive": [ARCHIVE],
            "options": {"click_tracking": True, "transactional": True},
        }
    )
    made.set_content(
        f'<html><body><p>Your <a href="{TARGET}">invoice</a>.</p></body></html>\n', subtype="html"
    )
    return made


def look(delivered: Delivered, browser: Browser, report: Report) -> None:
    """Look at the first recipient's copy, and follow its link."""
    headers = delivered.message
    report.check(headers["Cc"] == SHOWN, f"Cc shows {SHOWN}", headers["Cc"])
    report.check("Bcc" not in headers, "it names no bcc recipient", headers["Bcc"])
    signature = str(headers["DKIM-Signature"])
    report.check("d=acme.example" in signature, "a DKIM signature of acme.example", signature)
    browser.follow(delivered.html, TARGET, report)


def compare(copies: Sequence[Delivered], report: Report) -> None:
    """Hold the copies against each other."""
    by_recipient = {copy.recipient: copy for copy in copies}
    everybody = {RECIPIENT, CC, BCC, ARCHIVE}
    report.check(
        by_recipient.keys() == everybody and len(copies) == len(everybody),
        f"{len(everybody)} copies, one for each address",
        [copy.recipient for copy in copies],
    )
    if by_recipient.keys() != everybody:
        return
    showing = [copy.recipient for copy in copies if "Bcc" in copy.message]
    report.check(showing == [BCC], f"{BCC} alone sees a Bcc, with his own address", showing)
    same = by_recipient[ARCHIVE].html == by_recipient[RECIPIENT].html
    report.check(
        same, "the archive copy is a replica of the reader's, links and all", by_recipient[ARCHIVE].html
    )
    texts = {by_recipient[address].html for address in (RECIPIENT, CC, BCC)}
    report.check(len(texts) == 3, "all others have links of their own", texts)


SPARKPOST_COPIES = Scenario(
    title="A SparkPost client with cc, bcc and archive recipients",
    dialect="sparkpost",
    port=2525,
    credential="acme/main",
    mechanism="PLAIN",
    sender="bounces@acme.example",
    recipients=(RECIPIENT,),
    message=message,
    look=look,
    compare=compare,
    events={
        RECIPIENT: frozenset({"injection", "delivery", "click"}),
        CC: frozenset({"injection", "delivery"}),
        BCC: frozenset({"injection", "delivery"}),
        ARCHIVE: frozenset({"injection", "delivery"}),
    },
)
