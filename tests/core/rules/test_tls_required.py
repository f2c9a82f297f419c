from collections.abc import Callable

import pytest

from estafeta_core.directory import Credential
from estafeta_core.rules import tls_required


@pytest.mark.parametrize(
    ("require_tls", "secured", "passes"),
    [(False, False, True), (False, True, True), (True, True, True), (True, False, False)],
)
def test_only_a_tls_only_key_in_clear_is_refused(
    make_credential: Callable[..., Credential], require_tls: bool, secured: bool, passes: bool
) -> None:
    refusal = tls_required.check(make_credential(require_tls=require_tls), secured=secured)
    assert refusal == (None if passes else tls_required.REQUIRED)
