"""What providers have in common whose clients say in plain headers what is to be done with a message.

A dialect lists the headers of its provider by what becomes of them, and reads in `read` those it acts on:

refused_headers    the recipient would notice that it is not done: refused, for the reason beside the name
left_out_headers   only the sender would miss it: it goes, and a `warning` event says so
idle_headers       there is nothing to do here, and nothing to be told
read_headers       what `read` acts on; `read_prefixes`: how names begin, in lower case, that end as one likes

Whatever else begins like the provider's names is told of as unknown. None of them reaches a recipient.

What holds for all of them:

- Mail is transactional unless the account's `defaults` or the message say otherwise: these providers add no
  List-Unsubscribe of themselves.
- `X-Tag` and `X-Metadata-*` of mail frameworks are understood beside the provider's own.
- Of more than ten different tags the first ten count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

from estafeta_core import framework_headers, steering
from estafeta_core.config.accounts import Account
from estafeta_core.dialects.base import Dialect
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal, RefusedError
from estafeta_core.steering import Asked

TAGS = 10  # of a message, as with SparkPost, whose events carry them

# Reasons that several providers' headers share.
AT_ONCE = "messages are sent at once"
NO_TEMPLATES = "there are no stored templates"
NO_MERGING = "nothing is put into texts"

Clicks = Literal["no", "all", "html", "text"]
"""In which texts links are tracked."""
CLICKS: Mapping[str, Clicks] = MappingProxyType(
    {word: "all" if asks else "no" for word, asks in steering.SWITCH.items()}
)
"""What a header says that knows nothing but yes and no."""


class Steered(Dialect):
    """A provider of this kind; see `base.Dialect` for the rest."""

    own_headers = framework_headers.NAMES
    own_prefixes = framework_headers.PREFIXES
    open_tracking: bool
    """Whether the provider tracks opens where nobody has said anything."""
    click_tracking: Clicks
    """The same for clicks."""
    untracked: str = ""
    """The attribute, `name` or `name=value`, by which a link in HTML is not tracked."""
    read_headers: tuple[str, ...] = ()
    read_prefixes: tuple[str, ...] = ()
    refused_headers: Mapping[str, str] = MappingProxyType({})
    left_out_headers: Mapping[str, str] = MappingProxyType({})
    idle_headers: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        """Have every header of the four lists taken out of what is delivered."""
        every = (*cls.read_headers, *cls.refused_headers, *cls.left_out_headers, *cls.idle_headers)
        cls.control_headers = frozenset(name.lower() for name in every)

    def read(self, asked: Asked, options: Options, account: Account) -> Options:
        """Return `options` with what the provider's headers ask for; RefusedError for what cannot be."""
        raise NotImplementedError

    def options(self, headers: Sequence[Header], credential: Credential) -> Options | Refusal:
        """Return what the headers ask for, and the account's defaults where they say nothing."""
        names = self.control_headers | self.own_headers
        asked = Asked(headers, names, (*self.control_prefixes, *self.own_prefixes))
        try:
            asked.refuse(self.refused_headers)
            options = self.read(asked, self._defaults(credential), credential.account)
            asked.leave_out(self.left_out_headers)
            asked.leave_unknown(self.control_prefixes, self.control_headers, self.read_prefixes)
            return _with_framework(asked, options)
        except RefusedError as refused:
            return refused.refusal

    def _defaults(self, credential: Credential) -> Options:
        defaults = credential.account.defaults
        opens, clicks = defaults.open_tracking, defaults.click_tracking
        options = Options(
            open_tracking=self.open_tracking if opens is None else opens,
            initial_open_pixel=bool(defaults.initial_open_pixel),
            transactional=defaults.transactional is not False,
            untracked=self.untracked,
            list_unsubscribe=credential.settings.list_unsubscribe,
            return_path=defaults.return_path,
        )
        usual = "all" if self.click_tracking == "no" else self.click_tracking
        return tracking_clicks(options, self.click_tracking if clicks is None else usual if clicks else "no")


def tracking_clicks(options: Options, where: Clicks) -> Options:
    """Return `options` with links tracked in these texts."""
    kind: Literal["", "html", "text"] = where if where in ("html", "text") else ""
    return replace(options, click_tracking=where != "no", click_tracking_in=kind)


def clicks_of(options: Options) -> Clicks:
    """Return in which texts `options` have links tracked."""
    return (options.click_tracking_in or "all") if options.click_tracking else "no"


def with_metadata(options: Options, **metadata: Any) -> Options:
    """Return `options` with the metadata that is not empty."""
    return replace(options, metadata=options.metadata | {key: each for key, each in metadata.items() if each})


def _with_framework(asked: Asked, options: Options) -> Options:
    """Return `options` with a framework's tags and metadata beside the provider's, and what is to be told."""
    tags, metadata = framework_headers.read(asked)
    every = list(dict.fromkeys(filter(None, (*options.tags, *tags))))
    return replace(
        options,
        tags=steering.first(asked, "tags", every, TAGS),
        metadata=metadata | options.metadata,
        notices=(*options.notices, *asked.notices),
    )
