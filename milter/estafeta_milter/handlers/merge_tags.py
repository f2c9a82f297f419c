"""Make links of the tags [Unsubscribe] and [WebVersion], and put them behind a text without (Devino).

Tags are replaced in every body. Where the job asks for closing lines, the first HTML and the first plain text
each get those for the tags that their reader does not find; AMP gets none, for its grammar is strict.
"""

from estafeta_milter.html.rewrite import insert
from estafeta_milter.job import Job
from estafeta_milter.merge_tags import UNSUBSCRIBE, WEB_VERSION, replaced, seen
from estafeta_milter.message.charsets import codec
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part
from estafeta_milter.texts import markup, plain
from estafeta_milter.texts.sentences import LANGUAGES

URLs = dict[str, str]  # by name of the tag


def apply(message: Message, job: Job) -> Message:
    """Return `message` with the recipient's own links in every text that may be rewritten."""
    urls = {
        WEB_VERSION: job.links.web_version(job.body_id),
        UNSUBSCRIBE: job.links.unsubscribe(job.body_id, via="link"),
    }
    closed = _closed(message, job, urls) if job.append_tags else message
    for part in closed.bodies():
        content = closed.decoded(part)
        if content is not None:
            closed = closed.replace_text(part, replaced(content, part.charset, urls))
    return closed


def _closed(message: Message, job: Job, urls: URLs) -> Message:
    """Return `message` with closing lines."""
    for part in message.text_parts():
        content = message.decoded(part) or b""
        found = seen(content, part)
        lacks = {name: url for name, url in urls.items() if name not in found}
        if lacks and part.content_type == "text/html":
            html = insert(content, part.charset, bottom=_markup(job.options.tags_footer, lacks))
            message = message.replace_text(part, html)
        elif lacks and part.content_type == "text/plain":
            message = _with_plain_lines(message, part, content, job, lacks)
    return message


def _markup(language: str, urls: URLs) -> str:
    own = LANGUAGES[language]
    sentences = {WEB_VERSION: own.web_version, UNSUBSCRIBE: own.unsubscribe}
    first, *others = (markup.linked(sentences[name], url) for name, url in urls.items())
    return markup.block(language, [first, *(f"<br>{line}" for line in others)])


def _with_plain_lines(message: Message, part: Part, content: bytes, job: Job, urls: URLs) -> Message:
    # ASCII is UTF-8 already: named so, it can hold sentences in any language.
    renamed = job.options.to_utf8 and content.isascii() and codec(part.charset)
    charset = "utf-8" if renamed else part.charset
    said = plain.spoken(job.options.tags_footer, charset)
    words = {WEB_VERSION: said.web_version, UNSUBSCRIBE: said.unsubscribe}
    text = plain.append(content, charset, [[words[name], url] for name, url in urls.items()])
    return message.replace_text(part, text, charset if charset != part.charset else "")
