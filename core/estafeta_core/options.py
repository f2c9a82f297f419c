"""What a message asks for, in one vocabulary for every dialect.

A dialect turns its control headers and the account's defaults into `Options`;
rules, handlers and events read nothing else, so that no provider's header name
is known outside that provider's dialect file.
"""

from dataclasses import dataclass, field
from typing import Any


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
    initial_open_pixel: bool = True
    transactional: bool = False
    skip_suppression: bool = False
    return_path: str = "verp"  # verp: ours; domain: their verified domain, our local part; keep: theirs

    @property
    def tracked(self) -> bool:
        """Whether the body is rewritten."""
        return self.open_tracking or self.click_tracking
