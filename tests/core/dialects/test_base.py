import pytest

from estafeta_core.dialects import DIALECTS
from estafeta_core.dialects.base import Dialect


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_dialect_answers_every_question_in_terms_others_can_use(name: str) -> None:
    dialect: Dialect = DIALECTS[name]
    assert dialect.name == name
    assert set(dialect.mechanisms) <= {"PLAIN", "LOGIN"}
    assert dialect.size_limit > 0
    assert dialect.control_headers == {header.lower() for header in dialect.control_headers}
    assert dialect.store_failed.code // 100 == 4
    assert dialect.sending_domain_refused("a.example").code // 100 == 5
    assert dialect.login_refused.isascii()
    assert dialect.parse_username("") is None
