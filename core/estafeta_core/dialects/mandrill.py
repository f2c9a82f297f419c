"""Mandrill (Mailchimp Transactional): SMTP with an API key, steered by X-MC headers.

User name    any; the password is an API key, which alone tells who it is.
Ports        25, 587 and 2525 with STARTTLS, 465 under TLS; messages of up to 25 MB.
Steering     X-MC-Tags               tags, with commas between them
             X-MC-Track              what is tracked, and nothing else: opens, clicks (or clicks_all),
                                     clicks_htmlonly, clicks_textonly
             X-MC-Metadata           metadata, a JSON object; several are one
             X-MC-InlineCSS          style sheets become style attributes
             X-MC-BccAddress         an address that gets a copy as the recipient sees it
             X-MC-Subaccount         the subaccount that the message is sent as
             X-MC-IpPool             the IP pool
             X-MC-ReturnPathDomain   where bounces go
Links        `<a mc:disable-tracking href=...>` stays as it is.

What Mandrill's pages leave open is decided like this:

- Opens, and clicks in HTML, are tracked unless the account or the message says otherwise.
- Metadata of single recipients (`_rcpt`) is left out, with a warning: what is known of a message holds for
  all of its copies.
- Of a message for several recipients X-MC-BccAddress gets one copy, not one for each: the first recipient's.
- A subaccount sends from its own `domains`, like one that has logged in.
- `X-MC-ReturnPathDomain` names a domain of the account with `bounce: true`.
"""

from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

from estafeta_core import addresses, steering
from estafeta_core.config.accounts import Account
from estafeta_core.dialects.base import Dialect
from estafeta_core.dialects.steered import (
    AT_ONCE,
    NO_MERGING,
    NO_TEMPLATES,
    Clicks,
    Steered,
    tracking_clicks,
)
from estafeta_core.options import Addressee, Options
from estafeta_core.steering import Asked

MESSAGE_BYTES = 25 * 1024 * 1024  # "25MB", attachments encoded
OF_ONE_RECIPIENT = "_rcpt"

_CLICKS: dict[str, Clicks] = {
    "clicks": "all",
    "clicks_all": "all",
    "clicks_htmlonly": "html",
    "clicks_textonly": "text",
}
_OPENS = "opens"
_NOTHING = ("", "none", "false")


class Mandrill(Steered):
    """The dialect; see `base.Dialect`."""

    name = "mandrill"
    found_by: Literal["key", "username"] = "key"
    size_limit = MESSAGE_BYTES
    control_prefixes = ("x-mc-",)
    open_tracking = True
    click_tracking: Clicks = "html"
    untracked = "mc:disable-tracking"
    read_headers = (
        "X-MC-Tags",
        "X-MC-Track",
        "X-MC-Metadata",
        "X-MC-InlineCSS",
        "X-MC-BccAddress",
        "X-MC-Subaccount",
        "X-MC-IpPool",
        "X-MC-ReturnPathDomain",
        "X-MC-PreserveRecipients",
    )
    refused_headers = MappingProxyType(
        {
            "X-MC-SendAt": AT_ONCE,
            "X-MC-Template": NO_TEMPLATES,
            "X-MC-MergeVars": NO_MERGING,
        }
    )
    left_out_headers = MappingProxyType(
        {
            "X-MC-Autotext": "no text is made of the HTML",
            "X-MC-AutoHtml": "no HTML is made of the text",
            "X-MC-GoogleAnalytics": "links keep their parameters",
            "X-MC-GoogleAnalyticsCampaign": "links keep their parameters",
            "X-MC-TrackingDomain": "links lead to the host of this service",
            "X-MC-SigningDomain": "the keys of the domain in From sign",
            "X-MC-ViewContentLink": "the content of this message is not kept",
        }
    )
    idle_headers = (
        "X-MC-Important",  # no message waits for another
        "X-MC-MergeLanguage",
        "X-MC-URLStripQS",  # about reports
    )

    def make_key(self, account: str) -> str:
        """Return a new key in the form of Mandrill's."""
        return f"md-{Dialect.make_key(self, account)}"

    def read(self, asked: Asked, options: Options, account: Account) -> Options:  # noqa: ARG002
        """Return what the X-MC headers ask for."""
        if not asked.switch("X-MC-PreserveRecipients", True):
            asked.notice("X-MC-PreserveRecipients: no is not supported: To stays as it is written")
        tags = (tag.strip() for text in asked.texts("X-MC-Tags") for tag in text.split(","))
        return replace(
            _tracked(asked, options),
            tags=tuple(tags),
            metadata=_metadata(asked),
            inline_css=asked.switch("X-MC-InlineCSS", False),
            archive=_bcc(asked),
            subaccount=asked.text("X-MC-Subaccount"),
            ip_pool=asked.text("X-MC-IpPool"),
            return_path_domain=asked.text("X-MC-ReturnPathDomain").lower(),
        )


MANDRILL = Mandrill()


def _tracked(asked: Asked, options: Options) -> Options:
    """Return `options` with what X-MC-Track names tracked, and nothing else."""
    if "X-MC-Track" not in asked:
        return options
    words = [word.strip().lower() for word in asked.text("X-MC-Track").split(",")]
    for word in words:
        if word not in (_OPENS, *_CLICKS, *_NOTHING):
            asked.notice(f"X-MC-Track: {steering.shown(word)} is none of {', '.join((_OPENS, *_CLICKS))}")
    clicks: Clicks = next((_CLICKS[word] for word in words if word in _CLICKS), "no")
    return replace(tracking_clicks(options, clicks), open_tracking=_OPENS in words)


def _metadata(asked: Asked) -> dict[str, Any]:
    """Return what holds for all recipients."""
    found: dict[str, Any] = {}
    for each in asked.objects("X-MC-Metadata"):
        if OF_ONE_RECIPIENT in each:
            asked.notice(
                f"X-MC-Metadata of one recipient ({OF_ONE_RECIPIENT}) is not supported: it is left out"
            )
        else:
            found |= each
    return found


def _bcc(asked: Asked) -> tuple[Addressee, ...]:
    address = asked.text("X-MC-BccAddress")
    if not address:
        return ()
    if not addresses.is_address(address, smtputf8=False):
        raise steering.refused("X-MC-BccAddress must hold one address")
    return (Addressee(address),)
