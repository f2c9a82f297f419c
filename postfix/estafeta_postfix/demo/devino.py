"""A Devino client: two tags in the text, another charset, and more recipients than are sent to."""

import email.policy
from email.message import EmailMessage

from estafeta_postfix.demo.browser import Browser
from estafeta_postfix.demo.delivered import Delivered
from estafeta_postfix.demo.report import Report
from estafeta_postfix.demo.scenario import Scenario

RECIPIENT = "klient@example.com"
OTHER = "drugoy@example.com"
TARGET = "https://www.example.com/zakaz?n=7"
GREETING = "Здравствуйте! Ваш заказ готов."


def message() -> EmailMessage:
    """Return the message that is sent."""
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"] = "noreply@devino.example"
    made["To"] = f"{RECIPIENT}, {OTHER}"
    made["Subject"] = "Заказ готов"
    made.set_content(
        f'<html><body><p>{GREETING} <a href="{TARGET}">Подробнее</a></p>'
        '<p><a href="[WebVersion]">Открыть в браузере</a>. Если вы хотите отписаться от рассылки, нажмите'
        ' <a href="[Unsubscribe]">здесь</a>.</p></body></html>\n',
        subtype="html",
        charset="windows-1251",
    )
    return made


def look(delivered: Delivered, browser: Browser, report: Report) -> None:
    """Look at the copy and at what its links do."""
    headers = delivered.message
    charset = headers.get_content_charset()
    report.check(charset == "utf-8" and GREETING in delivered.html, "it was turned into UTF-8", charset)
    report.check(OTHER not in str(headers["To"]), "To names the first recipient only", headers["To"])
    tags = "[Unsubscribe]" in delivered.html or "[WebVersion]" in delivered.html
    report.check(not tags, "[Unsubscribe] and [WebVersion] have become links", delivered.html)
    for url in browser.urls(delivered.html, "w")[:1]:
        browser.open_page(url, GREETING, "the web version shows the text", report)
    for url in browser.urls(delivered.html, "u")[:1]:
        browser.open_page(url, "<form", "the unsubscribe page asks before it unsubscribes", report)
    kinds = [len(browser.urls(delivered.html, kind)) for kind in "wu"]
    report.check(kinds == [1, 1], "there is one link of each kind", kinds)
    browser.show_pixels(delivered, 1, report)
    browser.follow(delivered.html, TARGET, report)


DEVINO = Scenario(
    title="A Devino client",
    dialect="devino",
    port=587,
    credential="website/1website",
    mechanism="LOGIN",
    sender="noreply@devino.example",
    recipients=(RECIPIENT, OTHER),
    message=message,
    look=look,
    events={
        RECIPIENT: frozenset({"injection", "delivery", "open", "click"}),
        OTHER: frozenset({"policy_rejection"}),
    },
)
