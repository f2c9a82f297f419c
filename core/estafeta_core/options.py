"""What a message asks for, in one vocabulary for every dialect.

A dialect turns its control headers and the account's settings into `Options`;
rules, handlers and events read nothing else, so that no provider's header name
is known outside that provider's dialect file.
"""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Addressee:
    """A recipient named in a control header, with the friendly name if one was given."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """What one message asks for; the defaults ask for nothing."""

    campaign_id: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    cc: tuple[Addressee, ...] = ()
    bcc: tuple[Addressee, ...] = ()
    archive: tuple[Addressee, ...] = ()
    open_tracking: bool = False
    click_tracking: bool = False
    click_tracking_in: Literal["", "html", "text"] = ""  # in which texts alone; "": in all
    untracked: str = ""  # the attribute, `name` or `name=value`, of links that are not
    initial_open_pixel: bool = False
    transactional: bool = False
    list_unsubscribe: bool = True  # where the message is not transactional and has none of its own
    skip_suppression: bool = False
    inline_css: bool = False  # style sheets of the HTML become style attributes
    ip_pool: str = ""  # which addresses it leaves from; "": what holds for the account
    dkim_key: str = ""  # which key of the From domain signs it; "": the domain's default
    subaccount: str = ""  # that it is sent as; "": as whom the client has logged in
    test: bool = False  # it is accepted and recorded, and sent to nobody
    return_path: str = "verp"  # verp: ours; domain: their verified domain, our local part; keep: theirs
    return_path_domain: str = ""  # instead of any of these; it has to be one of theirs that leads to us
    first_recipient_only: bool = False  # of several RCPT TO, and To is reduced to that one
    link_attachments: bool = False  # files become links
    host_images: bool = False  # images that the HTML shows by cid: become hosted ones
    to_utf8: bool = False  # texts leave in UTF-8
    head: str = ""  # language (ISO 639-1) of the line on top that leads to the web version; "": none
    foot: str = ""  # language of the closing lines: unsubscribe and social profiles; "": none
    social: tuple[tuple[str, str], ...] = ()  # network and address of the profile, shown in the foot
    merge_tags: bool = False  # [Unsubscribe] and [WebVersion] become links
    missing_tags: Literal["", "append", "reject"] = ""  # where one of them is nowhere in the text
    tags_footer: str = ""  # language of the lines that are appended then
    keep_content: bool = False  # the HTML is kept: as the web version, and to be listed
    warnings: tuple[str, ...] = ()  # what was asked in a way that nobody understands, for the log
    notices: tuple[str, ...] = ()  # what was asked for and is not done; the sender has an event for each

    def tracks_links_in(self, content_type: str) -> bool:
        """Whether links are tracked in texts of this type."""
        kind = "text" if content_type == "text/plain" else "html"
        return self.click_tracking and self.click_tracking_in in ("", kind)

    @property
    def tracked(self) -> bool:
        """Whether opens or clicks are recorded."""
        return self.open_tracking or self.click_tracking

    @property
    def personal(self) -> bool:
        """Whether the body has to tell its reader from the others."""
        return self.tracked or self.merge_tags or bool(self.head or self.foot or self.missing_tags)
