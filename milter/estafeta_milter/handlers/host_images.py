"""Have the images that the HTML shows by `cid:` come from the web, and leave the message."""

from estafeta_milter.html.cids import redirect
from estafeta_milter.job import Job
from estafeta_milter.message.content_ids import ContentIds
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part, Unscannable


def apply(message: Message, job: Job) -> Message:
    """Return `message` without the parts of `job.images`, and with their URLs in every HTML body."""
    root = message.structure
    if isinstance(root, Unscannable):
        return message
    ids, urls = ContentIds(root), {image.path: image.url for image in job.images}
    for part in message.bodies():
        content = message.decoded(part)
        if part.content_type == "text/html" and content is not None:
            message = message.replace_text(part, _redirected(content, part, ids, urls))
    return message.without_parts(urls)


def _redirected(content: bytes, html: Part, ids: ContentIds, urls: dict[str, str]) -> bytes:
    def answer(reference: str) -> str | None:
        image = ids.find(reference, html)
        return urls.get(image.path) if image else None

    return redirect(content, html.charset, answer)
