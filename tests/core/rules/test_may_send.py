from collections.abc import Callable

from estafeta_core.directory import Credential
from estafeta_core.rules import may_send


def test_s6_a_key_needs_the_permission_to_send(make_credential: Callable[..., Credential]) -> None:
    assert may_send.check(make_credential(permissions=("send",))) is None
    refusal = may_send.check(make_credential(permissions=("events", "skip_suppression")))
    assert str(refusal) == '535 5.7.8 Credential lacks the permission "Send via SMTP"'
    assert may_send.check(make_credential(permissions=())) == refusal
