"""Put a line on top that leads to the web version, and closing lines: social profiles and how to unsubscribe.

The line on top stands in HTML alone: a plain text has nothing that a mail program could show wrongly, and the
first line of a text is what many of them show of a message in a list. The closing lines stand in both. AMP is
left alone, for its grammar forbids much of what a mail may hold, and whoever cannot show it shows the HTML.
"""

import re
from collections.abc import Iterator

from estafeta_milter.html.rewrite import insert
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message
from estafeta_milter.texts import markup, plain
from estafeta_milter.texts.sentences import LANGUAGES

# Networks as they write themselves; another one is shown as the account's file writes it.
NETWORKS = {
    "facebook": "Facebook",
    "instagram": "Instagram",
    "linkedin": "LinkedIn",
    "pinterest": "Pinterest",
    "telegram": "Telegram",
    "tiktok": "TikTok",
    "twitter": "Twitter",
    "whatsapp": "WhatsApp",
    "x": "X",
    "youtube": "YouTube",
}
_ICON = (
    '<a href="{}" style="text-decoration:none"><img src="{}" alt="{}" width="32" height="32" border="0"'
    ' style="display:inline-block;border:0;margin:4px 2px"></a>'
)
_NO_NAME = re.compile("[^a-z0-9]")


def apply(message: Message, job: Job) -> Message:
    """Return `message` with what the options ask for in its HTML and its plain text."""
    for part in message.text_parts():
        content = message.decoded(part)
        if content is None:
            continue
        if part.content_type == "text/html":
            framed = insert(content, part.charset, _head(job), _foot(job))
            message = message.replace_text(part, framed)
        elif part.content_type == "text/plain" and job.options.foot:
            closed = plain.append(content, part.charset, _closing_lines(job, part.charset))
            message = message.replace_text(part, closed)
    return message


def _head(job: Job) -> str:
    language = job.options.head
    if not language:
        return ""
    sentence = LANGUAGES[language].web_version
    return markup.block(language, [markup.linked(sentence, job.links.web_version(job.body_id))])


def _foot(job: Job) -> str:
    language = job.options.foot
    if not language:
        return ""
    sentence = markup.linked(LANGUAGES[language].unsubscribe, job.links.unsubscribe(job.body_id, via="link"))
    icons = [*_icons(job)]
    return markup.block(language, [*icons, "<br>", sentence] if icons else [sentence])


def _icons(job: Job) -> Iterator[str]:
    for network, address in job.options.social:
        image = job.links.icon(_NO_NAME.sub("", network.lower()))
        texts = map(markup.ascii_text, (address, image, _shown(network)))
        yield _ICON.format(*texts)


def _closing_lines(job: Job, charset: str) -> list[list[str]]:
    """Return the paragraphs of the foot of a plain text."""
    profiles = [f"{_shown(network)}: {address}" for network, address in job.options.social]
    said = plain.spoken(job.options.foot, charset).unsubscribe
    leave = [said, job.links.unsubscribe(job.body_id, via="link")]
    return [profiles, leave] if profiles else [leave]


def _shown(network: str) -> str:
    return NETWORKS.get(network.lower(), network)
