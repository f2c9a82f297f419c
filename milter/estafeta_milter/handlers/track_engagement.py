"""Lead links through us, and have opening seen: links and pixels in one pass over each text.

SparkPost's two pixels: the one at the top says that the message was opened
(`initial_open`), the one at the end that it was shown whole (`open`). AMP texts get
links only, because AMP has no `<img>`. A link marked `data-msys-unsubscribe="1"` leads to the
unsubscribe page. A link too long for a token stays as it is, and so
does every link behind the first `MAX_LINKS` of a text, and a link of ours that was put in before:
the web version and the unsubscribe page tell by themselves who came.
"""

from estafeta_core.links import is_target
from estafeta_milter.html.anchor import Anchor, Target
from estafeta_milter.html.rewrite import track
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part
from estafeta_milter.text_links import rewrite_links

PIXEL = '<img border="0" width="1" height="1" alt="" src="{}">'


def apply(message: Message, job: Job) -> Message:
    """Return `message` with every text that may be rewritten tracked as the options ask."""
    for part in message.text_parts():
        text = message.decoded(part)
        if text is not None:
            message = message.replace_text(part, _tracked(text, part, job))
    return message


def _tracked(text: bytes, part: Part, job: Job) -> bytes:
    amp = part.content_type == "text/x-amp-html"
    target = _target(job, amp=amp) if job.options.tracks_links_in(part.content_type) else None
    if part.content_type == "text/plain":
        return rewrite_links(text, part.charset, target) if target else text
    top, bottom = ("", "") if amp else (_top_pixel(job), _bottom_pixel(job))
    return track(text, part.charset, target, top, bottom, untracked=job.options.untracked)


def _target(job: Job, *, amp: bool) -> Target:
    links, id_ = job.links, job.body_id

    def target(anchor: Anchor) -> str | None:
        url = anchor.url.encode()
        if not is_target(url) or links.is_own(url):
            return None
        if anchor.unsubscribe:
            return links.unsubscribe(id_, via="link", target=url, name=anchor.name)
        return links.click(id_, url, anchor.name, amp=amp)

    return target


def _top_pixel(job: Job) -> str:
    if not (job.options.open_tracking and job.options.initial_open_pixel):
        return ""
    return PIXEL.format(job.links.pixel(job.body_id, initial=True))


def _bottom_pixel(job: Job) -> str:
    return PIXEL.format(job.links.pixel(job.body_id, initial=False)) if job.options.open_tracking else ""
