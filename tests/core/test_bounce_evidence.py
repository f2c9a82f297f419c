"""What hosts say, in answers as they send them, and the class each stands for."""

import pytest

from estafeta_core import bounce_evidence
from estafeta_core.bounce_class import classify
from estafeta_testing.cost import at_most

ANSWERS = {
    "Postfix: no relay": (54, "554 5.7.1 <a@example.net>: Relay access denied"),
    "Exchange: no relay": (54, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"),
    "Exim: no relay": (54, "550 relay not permitted"),
    "Postfix: size": (23, "552 5.0.0 Message size exceeds fixed limit"),
    "Exim: size": (23, "552 Message size exceeds maximum permitted"),
    "Gmail: size": (
        23,
        "552-5.7.0 Your message exceeded Google's message size limits. 552 5.7.0 Message too large",
    ),
    "Gmail: quota": (
        22,
        (
            "552-5.0.0 The recipient's inbox is out of storage space and 552-5.0.0 inactive. Please direct "
            "the recipient to 552 5.0.0 https://support.google.com/mail/?p=OverQuotaPerm"
        ),
    ),
    "Yahoo: quota": (22, "552 1 Requested mail action aborted: exceeded storage allocation; mailbox is full"),
    "Dovecot: quota": (22, "550 5.0.0 <a@example.net> Quota exceeded (mailbox for user is full)"),
    "mail.ru: quota": (22, "550 user a@mail.ru: mailbox is full"),
    "Gmail: attachment": (
        53,
        (
            "552-5.7.0 This message was blocked because its content presents a potential 552-5.7.0 security "
            "issue. Please visit 552 5.7.0 https://support.google.com/mail/?p=BlockedMessage"
        ),
    ),
    "amavis: attachment": (53, "554 5.7.0 Reject, id=05821-11 - BANNED: banned file: invoice.exe"),
    "Mimecast: virus": (53, "554 Email rejected due to security policies - Virus Signature Detected"),
    "Boxbe": (100, "550 5.7.1 Sender is not on the guest list; challenge-response by Boxbe"),
    "Postfix: Spamhaus": (
        51,
        (
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; "
            "https://www.spamhaus.org/query/ip/192.0.2.1"
        ),
    ),
    "Outlook: address": (
        51,
        (
            "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list "
            "please visit https://sender.office.com/"
        ),
    ),
    "Gmail: reputation": (
        51,
        (
            "550-5.7.1 [192.0.2.1] Gmail has detected that this message is likely suspicious due to the very "
            "low 550-5.7.1 reputation of the sending IP address."
        ),
    ),
    "Barracuda: address": (
        51,
        "550 permanent failure: Client host [192.0.2.1] listed; see http://www.barracudacentral.org/",
    ),
    "Yandex: content": (52, "554 5.7.1 [1] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc"),
    "mail.ru: content": (
        52,
        "550 spam message rejected. Please visit http://help.mail.ru/notspam-support/id?c=x",
    ),
    "Gmail: content": (
        52,
        (
            "550-5.7.1 [192.0.2.1] Our system has detected that this message is 550-5.7.1 likely unsolicited "
            "mail. To reduce the amount of spam sent to Gmail, 550 5.7.1 this message has been blocked."
        ),
    ),
    "Proofpoint: content": (52, "554 5.7.1 Message rejected by content filter: spam score 100"),
    "Gmail: authentication": (
        50,
        (
            "550-5.7.26 This mail has been blocked because the sender is unauthenticated. 550-5.7.26 Gmail "
            "requires all senders to authenticate with either SPF or DKIM."
        ),
    ),
    "Yahoo: policy": (50, "554 Message not accepted for policy reasons. See https://senders.yahooinc.com/"),
    "Exchange: closed group": (50, "550 5.7.1 RESOLVER.RST.AuthRequired; authentication required"),
    "Exchange Online: edge": (50, "550 5.4.1 Recipient address rejected: Access denied. [AS(201806281)]"),
    "Postfix: its sender": (
        50,
        "550 5.1.0 <news@acme.example>: Sender address rejected: User unknown in virtual mailbox table",
    ),
    "Exim: its sender": (50, "550 Sender verify failed: no such user here (in reply to MAIL FROM command)"),
    "an answering machine": (60, "550 5.7.1 automatic reply: I am out of office until Monday"),
    "Postfix: nobody": (
        10,
        "550 5.0.0 <nobody@example.net>: Recipient address rejected: User unknown in virtual mailbox table",
    ),
    "Gmail: nobody": (
        10,
        (
            "550-5.7.1 The email account that you tried to reach does not exist. Please try 550-5.7.1 "
            "double-checking the recipient's email address for typos"
        ),
    ),
    "Yandex: nobody": (10, "550 5.7.1 No such user!"),
    "mail.ru: nobody": (
        10,
        (
            "550 Message was not accepted -- invalid mailbox. Local mailbox a@mail.ru is unavailable: "
            "user not found"
        ),
    ),
    "Yahoo: nobody": (
        10,
        "554 delivery error: dd This user doesn't have a yahoo.com account (a@yahoo.com) [0]",
    ),
    "Outlook.com: nobody": (
        10,
        "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). [X.protection.outlook.com]",
    ),
    "Exchange: nobody": (
        10,
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    ),
    "Mimecast: nobody": (10, "550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550"),
    "Proofpoint: nobody": (10, "550 5.7.1 User unknown"),
    "qmail: nobody": (10, "550 sorry, no mailbox here by that name (#5.7.17)"),
    "cPanel: nobody": (10, '550 "No Such User Here"'),
}
VAGUE = {
    "Exim": "550 Unrouteable address",
    "the RFC's own words": "550 Requested action not taken: mailbox unavailable",
    "a full stop": "550 .",
    "nothing": "",
    "a mailbox called spam": "550 <spam@blocklist.example>: no",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_says_what_its_host_means(name: str) -> None:
    expected, answer = ANSWERS[name]
    assert bounce_evidence.read(answer) == expected
    for status in ("5.0.0", "5.7.1", "5.1.1", "5.1.10", ""):
        assert classify(status, final=True, text=answer) == expected


@pytest.mark.parametrize("answer", VAGUE.values(), ids=VAGUE)
def test_an_answer_that_may_mean_anything_leaves_it_to_the_code(answer: str) -> None:
    assert bounce_evidence.read(answer) is None
    assert classify("5.0.0", final=True, text=answer) == 1


def test_hostile_text_costs_no_more_than_any_other() -> None:
    pieces = (
        "exceeds the ",
        "relay access ",
        "a",
        "<",
        "in reply to ",
        "attachment ",
        "550-5.7.1 ",
        "user is ",
    )
    with at_most(1):  # each reads 1,000 characters
        for piece in pieces:
            assert bounce_evidence.read(piece * 200_000) is None
