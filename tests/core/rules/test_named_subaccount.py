from collections.abc import Callable

import pytest

from estafeta_core.directory import Credential
from estafeta_core.identity import Identity
from estafeta_core.options import Options
from estafeta_core.rules import named_subaccount

WHOLE, PART = Identity("acme", "main"), Identity("acme", "main", "123")


@pytest.mark.parametrize(
    ("named", "login", "sent_as"),
    [
        ("", WHOLE, WHOLE),
        ("", PART, PART),
        ("123", WHOLE, PART),
        ("123", PART, PART),
        ("9", WHOLE, None),  # suspended
        ("10", WHOLE, None),  # terminated
        ("11", WHOLE, None),
        ("124", PART, None),
        ("../123", WHOLE, None),
    ],
)
def test_a_message_is_sent_as_a_subaccount_of_its_login(
    make_credential: Callable[..., Credential], named: str, login: Identity, sent_as: Identity | None
) -> None:
    found = named_subaccount.choose(Options(subaccount=named), make_credential(), login)
    if sent_as is not None:
        assert found == sent_as
    else:
        assert str(found) == f"550 5.7.1 No active subaccount '{named}' that this login may send as"
