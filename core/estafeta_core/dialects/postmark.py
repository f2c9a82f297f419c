"""Postmark: SMTP with a server token, steered by X-PM headers.

User name    the server token, which is the password too; or, for a message stream's SMTP token, its access
             key, with its secret key for a password. The password alone tells who it is.
Ports        25, 587 and 2525 with STARTTLS; messages of up to 10 MB. CRAM-MD5 needs the secret itself, of
             which only a hash is kept, so AUTH is PLAIN or LOGIN.
Steering     X-PM-Tag                  the tag
             X-PM-TrackOpens           true or false
             X-PM-TrackLinks           None, HtmlAndText, HtmlOnly or TextOnly
             X-PM-Metadata-<key>       metadata
             X-PM-Message-Stream       `outbound`: transactional; `broadcast`: List-Unsubscribe is added, and
                                       who has unsubscribed gets nothing
Links        `<a data-pm-no-track href=...>` stays as it is; the same URL in a plain text does not.

What Postmark's pages leave open is decided like this:

- Nothing is tracked unless the account or the message asks, as with a new server of Postmark's.
- The kind of another stream is not known here: the account's `defaults` hold, with a warning.
- Postmark takes 20 characters of a metadata name and 80 of a value; there is room for more here.
- A user name that is a secret appears in no log of ours.
"""

from dataclasses import replace
from typing import Literal

from estafeta_core.config.accounts import Account
from estafeta_core.dialects.steered import Clicks, Steered, clicks_of, tracking_clicks
from estafeta_core.options import Options
from estafeta_core.steering import Asked, shown

MESSAGE_BYTES = 10 * 1024 * 1024  # "10 MB (including attachments)"
METADATA = "X-PM-Metadata-"

_LINKS: dict[str, Clicks] = {"none": "no", "htmlandtext": "all", "htmlonly": "html", "textonly": "text"}
_TRANSACTIONAL = {"outbound": True, "broadcast": False}


class Postmark(Steered):
    """The dialect; see `base.Dialect`."""

    name = "postmark"
    found_by: Literal["key", "username"] = "key"
    username_secret = True
    username_form = "the server token"
    size_limit = MESSAGE_BYTES
    control_prefixes = ("x-pm-",)
    open_tracking = False
    click_tracking: Clicks = "no"
    untracked = "data-pm-no-track"
    read_headers = ("X-PM-Tag", "X-PM-TrackOpens", "X-PM-TrackLinks", "X-PM-Message-Stream")
    read_prefixes = (METADATA.lower(),)
    idle_headers = ("X-PM-KeepID",)  # Message-ID always stays

    def read(self, asked: Asked, options: Options, account: Account) -> Options:  # noqa: ARG002
        """Return what the X-PM headers ask for."""
        links = asked.word("X-PM-TrackLinks", _LINKS, clicks_of(options))
        return replace(
            tracking_clicks(options, links),
            tags=(asked.text("X-PM-Tag"),),
            metadata=asked.named(METADATA),
            open_tracking=asked.switch("X-PM-TrackOpens", options.open_tracking),
            transactional=_transactional(asked, options.transactional),
        )


POSTMARK = Postmark()


def _transactional(asked: Asked, default: bool) -> bool:
    """Return whether the message stream is for transactional mail."""
    stream = asked.text("X-PM-Message-Stream")
    if not stream or stream in _TRANSACTIONAL:
        return _TRANSACTIONAL.get(stream, default)
    kind = "transactional" if default else "not transactional"
    asked.notice(f"X-PM-Message-Stream: {shown(stream)} is not known here; the message is {kind}")
    return default
