from collections.abc import Callable

import pytest

from estafeta_core.directory import Credential
from estafeta_core.rules import may_send


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ("sparkpost", 'Credential lacks the permission "Send via SMTP"'),  # s6
        ("emitlo", 'Credential lacks the "send" permission'),  # e13
        ("devino", 'Credential lacks the "send" permission'),
        ("perfit", 'Credential lacks the "send" permission'),
        ("teenvio", 'Credential lacks the "send" permission'),
    ],
)
def test_s6_e13_a_credential_needs_the_permission_to_send(
    make_credential: Callable[..., Credential], dialect: str, text: str
) -> None:
    assert may_send.check(make_credential(dialect=dialect, permissions=("send",))) is None
    refusal = may_send.check(make_credential(dialect=dialect, permissions=("events", "skip_suppression")))
    assert str(refusal) == f"535 5.7.8 {text}"
    assert may_send.check(make_credential(dialect=dialect, permissions=())) == refusal
