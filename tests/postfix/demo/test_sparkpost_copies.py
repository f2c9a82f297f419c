from collections.abc import Callable

from estafeta_postfix.demo.delivered import Delivered
from estafeta_postfix.demo.report import Report
from estafeta_postfix.demo.run import run
from estafeta_postfix.demo.scenario import Scenario
from estafeta_postfix.demo.sparkpost_copies import ARCHIVE, BCC, CC, RECIPIENT, SPARKPOST_COPIES, compare
from estafeta_testing.sandbox import Sandbox


def _copy(recipient: str, html: str, bcc: str = "") -> Delivered:
    fields = f"Delivered-To: {recipient}\r\nContent-Type: text/html\r\n" + (f"Bcc: {bcc}\r\n" if bcc else "")
    return Delivered(f"{fields}\r\n{html}\r\n".encode())


GOOD = [_copy(RECIPIENT, "a"), _copy(CC, "b"), _copy(BCC, "c", BCC), _copy(ARCHIVE, "a")]


def test_s42_to_s46_four_people_get_a_copy_each_in_the_sandbox(sandbox: Sandbox) -> None:
    said: list[str] = []
    assert run(sandbox.description, said.append, [SPARKPOST_COPIES]) == 0, "\n".join(said)


def test_a_message_that_leaves_as_it_came_is_not_what_is_expected(
    look_unchanged: Callable[[Scenario], list[str]],
) -> None:
    failed = "\n".join(look_unchanged(SPARKPOST_COPIES))
    for what in ("Cc shows", "DKIM signature", "the link is tracked"):
        assert what in failed


def test_the_copies_as_they_should_be_pass(report: Report, said: list[str]) -> None:
    compare(GOOD, report)
    assert report.failures == 0, said


def test_a_copy_too_many_or_too_few_is_noticed(report: Report) -> None:
    compare([*GOOD, _copy(CC, "b")], report)
    compare(GOOD[:3], report)
    assert report.failures == 2


def test_a_bcc_that_others_see_is_noticed(report: Report) -> None:
    compare([_copy(RECIPIENT, "a", BCC), *GOOD[1:]], report)
    assert report.failures == 1


def test_links_that_are_not_the_recipients_own_are_noticed(report: Report) -> None:
    compare([GOOD[0], _copy(CC, "a"), *GOOD[2:]], report)
    compare([*GOOD[:3], _copy(ARCHIVE, "d")], report)
    assert report.failures == 2
