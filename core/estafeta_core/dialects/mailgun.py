"""Mailgun: SMTP with a login of the domain's, steered by X-Mailgun headers.

User name    an address of the sending domain, such as `postmaster@mg.example.com`, with its own password.
Ports        25, 587 and 2525 with STARTTLS, 465 under TLS; messages of up to 25 MB.
Steering     X-Mailgun-Tag             a tag; several headers are several tags
             X-Mailgun-Campaign-Id     the campaign
             X-Mailgun-Variables       metadata, a JSON object; several are one
             X-Mailgun-Track           opens and clicks: yes or no
             X-Mailgun-Track-Opens     beats X-Mailgun-Track
             X-Mailgun-Track-Clicks    beats it too; `htmlonly` leaves plain text alone
             X-Mailgun-Track-Pixel-Location-Top   a pixel at the top as well
             X-Mailgun-Sending-Ip-Pool the IP pool
             X-Mailgun-Drop-Message    a test: accepted and sent to nobody
Links        `<a disable-tracking=true href=...>` stays as it is.

What Mailgun's pages leave open is decided like this:

- Nothing is tracked unless the account or the message asks, as with a new domain of Mailgun's.
- A test has an event of type `policy_rejection`, where Mailgun makes one of type `delivered`: nothing was.
- `X-Mailgun-Require-TLS` is refused: no single message can be kept from leaving in the clear.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from estafeta_core.addresses import is_address
from estafeta_core.config.accounts import Account
from estafeta_core.dialects.base import UserName
from estafeta_core.dialects.steered import (
    AT_ONCE,
    CLICKS,
    NO_MERGING,
    NO_TEMPLATES,
    Clicks,
    Steered,
    clicks_of,
    tracking_clicks,
)
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal
from estafeta_core.steering import Asked

MESSAGE_BYTES = 25 * 1024 * 1024  # "25MB", attachments and MIME included

_CLICKS: Mapping[str, Clicks] = MappingProxyType({**CLICKS, "htmlonly": "html"})


class Mailgun(Steered):
    """The dialect; see `base.Dialect`."""

    name = "mailgun"
    username_form = "an address of the sending domain, such as postmaster@mg.example.com"
    size_limit = MESSAGE_BYTES
    control_prefixes = ("x-mailgun-",)
    open_tracking = False
    click_tracking: Clicks = "no"
    untracked = "disable-tracking=true"
    read_headers = (
        "X-Mailgun-Tag",
        "X-Mailgun-Campaign-Id",
        "X-Mailgun-Variables",
        "X-Mailgun-Track",
        "X-Mailgun-Track-Opens",
        "X-Mailgun-Track-Clicks",
        "X-Mailgun-Track-Pixel-Location-Top",
        "X-Mailgun-Sending-Ip-Pool",
        "X-Mailgun-Drop-Message",
        "X-Mailgun-Dkim",
    )
    refused_headers = MappingProxyType(
        {
            "X-Mailgun-Deliver-By": AT_ONCE,
            "X-Mailgun-Time-Zone-Localize": AT_ONCE,
            "X-Mailgun-Template-Name": NO_TEMPLATES,
            "X-Mailgun-Recipient-Variables": NO_MERGING,
            "X-Mailgun-Require-TLS": "a message cannot be kept from leaving in the clear",
        }
    )
    left_out_headers = MappingProxyType(
        {
            "X-Mailgun-Sending-Ip": "an address is chosen by its pool",
            "X-Mailgun-Secondary-DKIM": "the keys of the domain sign",
            "X-Mailgun-Secondary-DKIM-Public": "the keys of the domain sign",
            "X-Mailgun-Deliver-Within": "how long is tried is the same for all messages",
            "X-Mailgun-Delivery-Time-Optimize-Period": AT_ONCE,
            "X-Mailgun-Archive-To": "no copies are posted anywhere",
        }
    )
    idle_headers = (
        "X-Mailgun-Skip-Verification",  # no certificate is insisted on
        "X-Mailgun-Suppress-Headers",  # all of them always are
        "X-Mailgun-Template-Version",
        "X-Mailgun-Template-Variables",
    )
    login_refused = "Authentication failed"

    def parse_username(self, username: str) -> UserName | None:
        """Return the user name when it is an address."""
        return super().parse_username(username) if is_address(username, smtputf8=False) else None

    def read(self, asked: Asked, options: Options, account: Account) -> Options:  # noqa: ARG002
        """Return what the X-Mailgun headers ask for."""
        if not asked.switch("X-Mailgun-Dkim", True):
            asked.notice("X-Mailgun-Dkim: no is not supported: the keys of the domain sign")
        variables = [each.items() for each in asked.objects("X-Mailgun-Variables")]
        return replace(
            _tracked(asked, options),
            campaign_id=asked.text("X-Mailgun-Campaign-Id"),
            tags=tuple(asked.texts("X-Mailgun-Tag")),
            metadata={key: value for items in variables for key, value in items},
            ip_pool=asked.text("X-Mailgun-Sending-Ip-Pool"),
            test=asked.switch("X-Mailgun-Drop-Message", False),
        )

    def recipient_refused(self, address: str, account: Account) -> Refusal:  # noqa: ARG002
        """Return Mailgun's refusal of a recipient that is no address."""
        return Refusal(553, "5.1.3", "Cannot parse to address")


MAILGUN = Mailgun()


def _tracked(asked: Asked, options: Options) -> Options:
    """Return `options` with what the four headers about tracking say."""
    opens, clicks = options.open_tracking, clicks_of(options)
    if "X-Mailgun-Track" in asked:
        opens = asked.switch("X-Mailgun-Track", opens)
        clicks = asked.word("X-Mailgun-Track", _CLICKS, clicks)
    clicks = asked.word("X-Mailgun-Track-Clicks", _CLICKS, clicks)
    opens = asked.switch("X-Mailgun-Track-Opens", opens)
    top = asked.switch("X-Mailgun-Track-Pixel-Location-Top", options.initial_open_pixel)
    return replace(tracking_clicks(options, clicks), open_tracking=opens, initial_open_pixel=top)
