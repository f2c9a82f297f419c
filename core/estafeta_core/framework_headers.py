"""Tags and metadata as mail frameworks write them: `X-Tag: password-reset`, `X-Metadata-User-ID: 12345`.

Symfony's and Laravel's mailers know no provider in them. Their bridges turn these into the provider's own
headers; where a bridge is not used, because it would connect to the provider's host, they arrive as they are.
"""

from estafeta_core.steering import Asked

TAG = "X-Tag"
METADATA = "X-Metadata-"
NAMES = frozenset({TAG.lower()})
PREFIXES = (METADATA.lower(),)


def read(asked: Asked) -> tuple[list[str], dict[str, str]]:
    """Return the tags and the metadata that a framework has given a message."""
    metadata = asked.named(METADATA)
    if metadata.pop("", None) is not None:
        asked.notice(f"{METADATA} names nothing")
    return asked.texts(TAG), metadata
