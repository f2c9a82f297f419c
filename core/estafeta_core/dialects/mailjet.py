"""Mailjet: SMTP with an API key and a secret key, steered by X-Mailjet and X-MJ headers.

User name    the API key; the password is its secret key.
Ports        25, 80, 587, 588 and 2525 with STARTTLS, 465 under TLS; messages of up to 15 MB.
Steering     X-Mailjet-Campaign     the campaign
             X-Mailjet-TrackOpen    1 or 0
             X-Mailjet-TrackClick   1 or 0
             X-MJ-CustomID          metadata, under the name that Mailjet's events have for it: `CustomID`
             X-MJ-EventPayload      the same: `Payload`

What Mailjet's pages leave open is decided like this:

- Opens and clicks are tracked unless the account or the message says otherwise.
- X-Mailjet-DeduplicateCampaign is refused: who has had a campaign is not looked up, and a second mail
  cannot be taken back.
- Templates and their language are refused; what goes with them says nothing alone.
"""

from dataclasses import replace
from types import MappingProxyType

from estafeta_core.config.accounts import Account
from estafeta_core.dialects.steered import (
    CLICKS,
    NO_MERGING,
    NO_TEMPLATES,
    Clicks,
    Steered,
    clicks_of,
    tracking_clicks,
    with_metadata,
)
from estafeta_core.options import Options
from estafeta_core.steering import Asked, refused

MESSAGE_BYTES = 15 * 1024 * 1024  # "15 MB", attachments included
CAMPAIGN_LENGTH = 255  # characters


class Mailjet(Steered):
    """The dialect; see `base.Dialect`."""

    name = "mailjet"
    size_limit = MESSAGE_BYTES
    control_prefixes = ("x-mailjet-", "x-mj-")
    open_tracking = True
    click_tracking: Clicks = "all"
    read_headers = (
        "X-Mailjet-Campaign",
        "X-Mailjet-TrackOpen",
        "X-Mailjet-TrackClick",
        "X-MJ-CustomID",
        "X-MJ-EventPayload",
    )
    refused_headers = MappingProxyType(
        {
            "X-MJ-TemplateID": NO_TEMPLATES,
            "X-MJ-TemplateLanguage": NO_MERGING,
            "X-Mailjet-DeduplicateCampaign": "who has had a campaign is not looked up",
        }
    )
    idle_headers = (
        "X-Mailjet-Prio",  # no message waits for another
        "X-MJ-Vars",  # for the template language alone
        "X-MJ-TemplateErrorReporting",
        "X-MJ-TemplateErrorDeliver",
    )

    def read(self, asked: Asked, options: Options, account: Account) -> Options:  # noqa: ARG002
        """Return what the headers ask for."""
        campaign = asked.text("X-Mailjet-Campaign")
        if len(campaign) > CAMPAIGN_LENGTH:
            raise refused(f"X-Mailjet-Campaign is limited to {CAMPAIGN_LENGTH} characters")
        clicks = asked.word("X-Mailjet-TrackClick", CLICKS, clicks_of(options))
        return with_metadata(
            replace(
                tracking_clicks(options, clicks),
                campaign_id=campaign,
                open_tracking=asked.switch("X-Mailjet-TrackOpen", options.open_tracking),
            ),
            CustomID=asked.text("X-MJ-CustomID"),
            Payload=asked.text("X-MJ-EventPayload"),
        )


MAILJET = Mailjet()
