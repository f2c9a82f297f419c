"""Who loads a pixel or follows a link without being the person it was sent to.

What is automated is recorded and marked, and people's numbers leave it out; pixel and redirect are the same
for everybody. The mark is one word, `automated` in the event's data:

    head      asked by HEAD, which no mail program and no browser does to show something
    proxy     a mailbox provider's image proxy: it hides who looks, when, and how often
    prefetch  loaded by the provider or the mail program before, or without, anybody looking
    scanner   a security gateway, a preview in a chat, a robot, a library
    burst     different links of one message faster than a person clicks

Only what names itself is taken for automated: a gateway that calls itself a browser shows by its haste alone.
"""

import functools
import re
from collections import OrderedDict

from estafeta_core.events import PROXY

HEAD = "head"
PREFETCH = "prefetch"
SCANNER = "scanner"

LINKS = 3  # different ones of a message; a person may open two by mistake
WINDOW = 2000  # milliseconds for them
MESSAGES = 10_000  # whose clicks are remembered: as many as a process answers in WINDOW, or so
CLICKS = 20  # of one message; together 30 MB at most
AGENTS = 4096  # user agents whose mark is remembered; each has 512 characters at most

# By user agent; the first that is found counts. Each with its source, or what it was seen in.
_AGENTS = (
    # Apple Mail Privacy Protection, of iOS 15 and later, says this and no more.
    (PREFETCH, r"Mozilla/5\.0"),
    # Gmail fetches images of mail nobody has opened under this name (gmass.co/blog/false-opens-in-gmail).
    (PREFETCH, r".* Chrome/42\.0\.2311\.135 Safari/537\.36 Edge/12\.246 Mozilla/5\.0"),
    # "(via ggpht.com GoogleImageProxy)": Gmail, since December 2013.
    (PROXY, r".*\bGoogleImageProxy\b.*"),
    # "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html": Yahoo and AOL.
    (PROXY, r".*\bYahooMailProxy\b.*"),
    # Office asks whether what a link leads to is there before a person follows it.
    (PREFETCH, r".*\bMicrosoft Office (?:Existence|Protocol) Discovery\b.*"),
    # Microsoft's page previews, in Outlook on the web and in Safe Links.
    (PREFETCH, r".*\b(?:BingPreview|MicrosoftPreview|SkypeUriPreview)\b.*"),
    # Gateways that name themselves.
    (SCANNER, r".*\b(?:Barracuda|Mimecast|Proofpoint|IronPort|MessageLabs|Forcepoint|FireEye|Sophos)\b.*"),
    # Previews of links that somebody has passed on.
    (
        SCANNER,
        r".*(?:facebookexternalhit|Slackbot|Twitterbot|LinkedInBot|TelegramBot|Discordbot|WhatsApp/).*",
    ),
    # Robots, who say where to read about them; most are called bot.
    (SCANNER, r".*(?:\+https?://|[Bb]ot\b|\b[Cc]rawler\b|\b[Ss]pider\b).*"),
    # Libraries and tools under their own name, and browsers without a screen.
    (
        SCANNER,
        r"(?:curl|[Ww]get|[Pp]ython|aiohttp|Go-http-client|Java|Apache-HttpClient|axios|libwww-perl)\b.*",
    ),
    (SCANNER, r".*\b(?:HeadlessChrome|PhantomJS)\b.*"),
)
_PATTERNS = tuple((mark, re.compile(pattern)) for mark, pattern in _AGENTS)


def mark(method: str, user_agent: str) -> str:
    """Return why a request is automated; "" where nothing shows it."""
    return HEAD if method == "HEAD" else _of_agent(user_agent)


@functools.lru_cache(AGENTS)
def _of_agent(user_agent: str) -> str:
    return next((mark for mark, pattern in _PATTERNS if pattern.fullmatch(user_agent)), "")


class _Message:
    __slots__ = ("links", "untold")

    def __init__(self) -> None:
        self.links: dict[int, int] = {}  # when each was last clicked, the most recent one last
        self.untold: list[tuple[int, int]] = []  # times and ids of clicks taken for a person's


class Bursts:
    """The clicks of the last moments, by message; for one thread."""

    def __init__(self) -> None:
        self._recent: OrderedDict[int, _Message] = OrderedDict()

    def click(self, message_id: int, target: bytes, event_id: int, now: int) -> tuple[int, ...] | None:
        """Return the earlier clicks in a burst with this one, each told once; None where it is in none.

        `now` is in milliseconds.
        """
        message = self._remembered(message_id)
        link = hash(target)
        message.links.pop(link, None)
        message.links[link] = now
        if len(message.links) >= LINKS:
            recent = [(link, time) for link, time in message.links.items() if now - time <= WINDOW]
            message.links = dict(recent[-CLICKS:])
        if len(message.links) < LINKS:
            message.untold.append((now, event_id))
            del message.untold[:-CLICKS]
            return None
        earlier = tuple(event_id for time, event_id in message.untold if now - time <= WINDOW)
        message.untold = []
        return earlier

    def _remembered(self, message_id: int) -> _Message:
        message = self._recent.get(message_id)
        if message is None:
            message = self._recent[message_id] = _Message()
            if len(self._recent) > MESSAGES:
                self._recent.popitem(last=False)
        else:
            self._recent.move_to_end(message_id)
        return message
