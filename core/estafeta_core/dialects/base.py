"""What a provider's dialect answers; one file per provider implements it.

Everything one provider does differently from the others stands behind these
names: its user-name form, its control headers, its reply texts and its limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal


@dataclass(frozen=True, slots=True)
class UserName:
    """What a dialect read in the user name of AUTH."""

    username: str  # what `Directory.by_username` is asked for
    subaccount: str | None = None


class Part(Protocol):
    """As much of a MIME part as a rule about structure needs."""

    @property
    def content_type(self) -> str:
        """`type/subtype` in lower case."""

    @property
    def children(self) -> Sequence["Part"]:
        """The parts of a multipart, in order."""


class Dialect(Protocol):
    """One provider."""

    @property
    def name(self) -> str:
        """The word used in configuration files."""

    @property
    def found_by(self) -> Literal["key", "username"]:
        """Whether the secret alone finds the credential, or the user name does."""

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """SASL mechanisms the provider documents."""

    @property
    def size_limit(self) -> int:
        """Largest message in bytes."""

    @property
    def control_headers(self) -> frozenset[str]:
        """Lower-case names of the headers that steer the service and never reach a recipient."""

    @property
    def event_metadata_limit(self) -> int:
        """Bytes of metadata in open and click events."""

    @property
    def login_refused(self) -> str:
        """The reason given for an unknown user and a wrong secret alike."""

    @property
    def store_failed(self) -> Refusal:
        """The temporary refusal when a transmission cannot be made durable."""

    def parse_username(self, username: str) -> UserName | None:
        """Return what `username` says, or None when it is not of this dialect's form."""

    def options(self, headers: Sequence[Header], credential: Credential) -> Options | Refusal:
        """Return what the control headers and the account's defaults ask for."""

    def sending_domain_refused(self, domain: str) -> Refusal:
        """Return the refusal for a From domain that the account has not verified."""

    def check_structure(self, root: Part) -> Refusal | None:
        """Return why this MIME structure may not be sent, if the provider has such rules."""
