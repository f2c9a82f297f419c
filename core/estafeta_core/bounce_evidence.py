"""What a remote host's own words say about why it failed, where its status code says less.

Many hosts answer everything with 550 5.7.1, or with no enhanced code at all, and say in English what they
mean. The table below holds such words, most certain first: what blames sender, content or size stands
before what blames the recipient, so that an answer which could mean either costs nobody his place on a list.

Addresses are not read, since a mailbox may be called `spam`; nor are the codes that stand in each line of a
longer answer, which would part the words of a sentence. A text is looked at as far as `CHARACTERS`, and no
pattern repeats what repeats, so hostile text costs no more than any other.
"""

import re

CHARACTERS = 1000  # the longest answers of large hosts have 600

RELAYING_DENIED = 54
TOO_LARGE = 23
MAILBOX_FULL = 22
PROHIBITED_ATTACHMENT = 53
CHALLENGE_RESPONSE = 100
SPAM_BLOCK = 51
SPAM_CONTENT = 52
MAIL_BLOCK = 50
AUTO_REPLY = 60
INVALID_RECIPIENT = 10

# SparkPost's class, and what says so; test_bounce_evidence.py has answers of real hosts for each.
_TABLE = (
    (
        RELAYING_DENIED,
        r"relay(?:ing)? (?:access )?(?:is )?(?:denied|prohibited|not (?:permitted|allowed))",
        r"unable to relay|not permitted to relay|do(?:es)? not relay",
    ),
    (
        TOO_LARGE,
        r"message (?:is )?too (?:large|big)|message (?:size|length) exceeds",
        r"exceed(?:s|ed) (?:the )?(?:maximum )?(?:message )?size limit",
        r"message exceeds (?:the )?(?:fixed )?maximum (?:message )?size",
    ),
    (
        MAILBOX_FULL,
        r"(?:mailbox|inbox) (?:is )?(?:over)?full|mailbox size limit exceeded",
        r"quota (?:is )?exceeded|overquota",
        r"over (?:its |the |his )?(?:storage )?quota",
        r"exceed(?:s|ed)? (?:its |the |his |their |disk )?(?:storage |mailbox )?quota",
        r"out of storage space|insufficient (?:system |disk )?storage",
    ),
    (
        PROHIBITED_ATTACHMENT,
        r"attachments? (?:type )?(?:is |are )?(?:not allowed|prohibited|blocked|forbidden)",
        r"(?:prohibited|banned|forbidden|illegal|executable|dangerous) (?:attachment|file)",
        r"content presents a potential security issue|\bvirus\b|\bmalware\b",
    ),
    (
        CHALLENGE_RESPONSE,
        r"challenge[ /-]response|prove that you are human|spam ?arrest|boxbe\b|\btmda\b",
    ),
    (
        SPAM_BLOCK,
        r"spamhaus|spamcop|barracudacentral|invaluement|\bsorbs\b|\bdnsbl|\brbl\b|black ?list|block ?list",
        r"banned sending ip|blocked using|\breputation\b|known spam source|unsolicited mail originating",
        r"due to (?:unexpected volume or )?user complaints",
    ),
    (
        SPAM_CONTENT,
        r"\bspam\b|\bunsolicited\b|suspicious content|\bphishing\b|content (?:was )?rejected|bulk mail",
    ),
    (
        MAIL_BLOCK,
        r"in reply to mail from|sender (?:address |verify |domain )?(?:rejected|failed|denied)",
        r"access denied|\bblocked\b|not authori[sz]ed|authentication (?:is )?required|unauthenticated",
        r"\bdmarc\b|\bspf\b|\bdkim\b|\bpolic(?:y|ies)\b",
    ),
    (
        AUTO_REPLY,
        r"out of (?:the )?office|automatic(?:ally generated)? (?:reply|response)|auto-?(?:reply|responder)\b",
    ),
    (
        INVALID_RECIPIENT,
        r"(?:user|mailbox|recipient|account)(?: is)? (?:unknown|not found|invalid)",
        r"(?:unknown|invalid) (?:local )?(?:user|recipient|mailbox)",
        r"no such (?:user|recipient|mailbox|person|account)|no mailbox here by that name",
        r"(?:user|mailbox|recipient|account|address) does(?: not|n't) exist|user doesn't have a\b",
        r"email account that you tried to reach (?:does not exist|is disabled|is inactive)",
        r"recip(?:ient)?notfound",  # Exchange's, run together
        r"\(s2017062302\)",  # Outlook.com's mark for a mailbox that is not there; its words fit any refusal
    ),
)
_PATTERNS = tuple((kind, re.compile("|".join(patterns))) for kind, *patterns in _TABLE)
_CODE = re.compile(r"[245]\d\d(?:[ -]?[245]\.\d{1,3}\.\d{1,3})?[:-]?|[245]\.\d{1,3}\.\d{1,3}:?")


def read(text: str) -> int | None:
    """Return the class that the first pattern found in `text` stands for; None where none is."""
    words = text[:CHARACTERS].lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split()
    said = " ".join(word for word in words if "@" not in word and not _CODE.fullmatch(word))
    return next((kind for kind, pattern in _PATTERNS if pattern.search(said)), None)
