from estafeta_postfix.demo.report import Report


def test_an_expectation_that_is_not_met_is_counted_and_shown() -> None:
    said: list[str] = []
    report = Report(said.append)
    assert report.check(True, "this is so")
    assert not report.check(False, "that is so", "something else")
    assert report.failures == 1
    assert said == ["  ✓ this is so", "  ✗ that is so; found: something else"]
