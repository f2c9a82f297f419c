from pathlib import Path

import pytest

from estafeta_postfix.install.facts import ASKED, read, version

MAIN = "relayhost = [$myhostname]:25\nmyhostname = a.example\nheader_checks = regexp:$config_directory/h\n"
MASTER = (
    "pickup unix n - y 60 1 pickup\n"
    "cleanup unix n - y - 0 cleanup\n  -o header_checks=\n  -o { syslog_name = postfix/c d }\n"
)


def test_postfix_itself_reads_the_operators_part() -> None:
    found = read(Path("/srv/conf"), MAIN, MASTER)
    assert found.version >= (3, 7)
    assert found.values["relayhost"] == "[a.example]:25"
    assert set(found.values) == set(ASKED)
    assert found.own["header_checks"] == "regexp:$config_directory/h"
    cleanup = found.service("cleanup")
    assert cleanup is not None
    assert (cleanup.chroot, cleanup.process_limit) == ("y", "0")
    assert cleanup.options == {"header_checks": "", "syslog_name": "postfix/c d"}
    assert found.service("smtp") is None


def test_what_is_expanded_names_the_directory_it_is_about() -> None:
    found = read(Path("/srv/conf"), "smtpd_tls_cert_file = $config_directory/c.pem\n", MASTER)
    assert found.values["smtpd_tls_cert_file"] == "/srv/conf/c.pem"


@pytest.mark.parametrize(
    ("text", "expected"), [("3.7.11", (3, 7, 11)), ("3.9-20230901", (3, 9)), ("3.10.0-RC1", (3, 10, 0))]
)
def test_versions_are_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert version(text) == expected
