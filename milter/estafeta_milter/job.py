"""What was decided about one rendering of a message; handlers read it and decide nothing."""

from dataclasses import dataclass

from estafeta_core.identity import Identity
from estafeta_core.links import Links
from estafeta_core.options import Options
from estafeta_core.recipients import Kind
from estafeta_milter.dkim.keyring import Signer


@dataclass(frozen=True, slots=True)
class Hosted:
    """A part that leaves the message and is reached by a link instead."""

    path: str  # of the part
    url: str
    file_name: str  # "" for an image that the HTML shows


@dataclass(frozen=True, slots=True)
class Job:
    """One rendering: for one recipient, or for all of a transmission whose copies are alike."""

    identity: Identity
    customer_id: str
    options: Options
    links: Links
    id: int  # what its tokens name: the recipient's message, or, where copies are alike, the transmission
    body_id: int  # the same for what stands in the texts; an archive copy has those of another message
    rcpt_to: str | None  # None where copies are alike
    control_headers: frozenset[str]  # names that no copy shows, in lower case
    list_unsubscribe: bool
    return_path_domain: str | None  # where bounces go; None: the client's MAIL FROM stays
    control_prefixes: tuple[str, ...] = ()  # how further names begin, beside those of every dialect
    files: tuple[Hosted, ...] = ()  # become links
    images: tuple[Hosted, ...] = ()  # become hosted images
    append_tags: bool = False  # the text lacks an unsubscribe or a web version link
    kind: Kind = ""  # why the one recipient gets a copy
    name: str = ""  # the one recipient's, where only his copy shows it
    cc: bytes = b""  # the whole value of Cc; b"": it stays as it came
    pool: str = ""  # whose addresses it leaves from; "": Postfix's own way out
    signers: tuple[Signer, ...] = ()  # what signs it

    @property
    def shared(self) -> bool:
        """Whether the rendering serves several recipients."""
        return self.rcpt_to is None
