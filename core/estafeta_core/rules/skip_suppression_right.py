"""Whether this credential may mail recipients who have asked not to be mailed."""

from estafeta_core.directory import Credential
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal

NOT_PERMITTED = Refusal(550, "5.7.1", "skip_suppression is not permitted for this credential")


def check(options: Options, credential: Credential) -> Refusal | None:
    """Return the refusal for a message that asks to skip suppression without the right to."""
    if options.skip_suppression and "skip_suppression" not in credential.permissions:
        return NOT_PERMITTED
    return None
