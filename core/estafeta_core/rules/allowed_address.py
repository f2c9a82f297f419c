"""Whether the credential may be used from this client address."""

import ipaddress

from estafeta_core.directory import Credential
from estafeta_core.refusal import Refusal

NOT_ALLOWED = Refusal(535, "5.7.8", "Credential not allowed from this address")


def check(credential: Credential, client_address: str) -> Refusal | None:
    """Return the refusal for an address outside the credential's networks; none listed: from anywhere.

    An IPv4 client of an IPv6 socket (`::ffff:192.0.2.1`) is held to the IPv4 networks. What is
    not an address (Postfix says `unknown` when it has none) is outside every list.
    """
    if not credential.allow_from:
        return None
    try:
        address = ipaddress.ip_address(client_address)
    except ValueError:
        return NOT_ALLOWED
    address = getattr(address, "ipv4_mapped", None) or address
    return None if any(address in network for network in credential.allow_from) else NOT_ALLOWED
