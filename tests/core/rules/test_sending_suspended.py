from collections.abc import Callable
from dataclasses import replace

import pytest

from estafeta_core.directory import Credential
from estafeta_core.refusal import Refusal
from estafeta_core.rules import credential_active, sending_suspended


@pytest.mark.parametrize(("suspended", "refusal"), [(False, None), (True, credential_active.SUSPENDED)])
def test_e15_a_credential_that_is_suspended_by_itself_may_not_send(
    credential: Credential, suspended: bool, refusal: Refusal | None
) -> None:
    assert sending_suspended.check(replace(credential, sending_suspended=suspended)) == refusal


@pytest.mark.parametrize(
    ("dialect", "refusal"), [("emitlo", credential_active.SUSPENDED), ("sparkpost", None)]
)
def test_e15_a_credential_that_has_lost_its_domains_is_suspended_where_the_provider_does_so(
    make_credential: Callable[..., Credential], dialect: str, refusal: Refusal | None
) -> None:
    credential = make_credential(dialect=dialect, username="prod")
    assert sending_suspended.check(replace(credential, domains_lost=True)) == refusal
