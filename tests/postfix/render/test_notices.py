import re

import pytest

from estafeta_postfix.render.notices import CLEANUP, services
from estafeta_postfix.render.service import Service
from estafeta_testing.returned import LINKS


@pytest.fixture
def cleanup() -> Service:
    return services()[-1]


def matching(rules: str, line: str) -> bool:
    """Whether one of the rules of a table, as a parameter holds it, takes a line out."""
    patterns = re.findall(r"/(.*?)/ IGNORE", rules.replace("$$", "$"))
    assert patterns
    return any(re.search(pattern, line) for pattern in patterns)


def test_every_notice_goes_by_a_cleanup_of_its_own() -> None:
    *writers, cleanup = services()
    assert [each.name for each in writers] == ["bounce", "defer", "trace"]
    assert cleanup.name == CLEANUP
    for each in writers:
        assert each.options["cleanup_service_name"] == CLEANUP
        assert each.options["internal_mail_filter_classes"] == "bounce"


@pytest.mark.parametrize(
    ("line", "gone"),
    [
        ("X-Estafeta-Job: hJxP", True),
        ("X-Estafeta-Pool: marketing", True),
        (" " + "aZ0-_" * 180, True),
        (" " + "a" * 20 + "." + "b" * 43, True),
        ("Subject: X-Estafeta-Job: x", False),
        (" short", False),
        ("\tb=MEUCIQDx" + "a" * 60, False),
        (" " + "a+b/" * 20 + "==", False),
        (" <" + "a" * 60 + "@example.com>", False),
        ("a" * 900, False),
    ],
)
def test_a_quoted_header_loses_our_fields_with_their_folds_alone(
    cleanup: Service, line: str, gone: bool
) -> None:
    assert matching(cleanup.options["body_checks"], line) is gone


def test_the_message_that_is_quoted_whole_loses_them_in_its_header(cleanup: Service) -> None:
    assert matching(cleanup.options["nested_header_checks"], "X-Estafeta-Job: x")
    assert not matching(cleanup.options["nested_header_checks"], "X-Other: x")


@pytest.mark.parametrize(
    ("line", "gone"),
    [
        (f"To: {LINKS.bounce_address(7)}", True),
        (f"To: {LINKS.bounce_address(7, 'bounces.acme.example').upper()}", True),
        ("To: alice@example.net", False),
        ("To: b+short@bounce.example.com", False),
        (f"Subject: {LINKS.bounce_address(7)}", False),
    ],
)
def test_a_notice_to_a_return_path_of_ours_ends_there(cleanup: Service, line: str, gone: bool) -> None:
    [pattern] = re.findall(r"/(.*?)/ DISCARD", cleanup.options["header_checks"])
    assert bool(re.search(pattern, line, re.IGNORECASE)) is gone
    assert cleanup.options["mime_header_checks"] == ""
