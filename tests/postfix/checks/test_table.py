import sys

from estafeta_postfix.checks.table import CHECKS


def test_each_check_is_named_after_its_file_and_asks_one_question() -> None:
    for check in CHECKS:
        assert check.look is sys.modules[f"estafeta_postfix.checks.{check.name}"].look
        assert check.question.endswith("?")
        assert check.question.count("?") == 1
    assert len({check.name for check in CHECKS}) == len(CHECKS)
