"""`make bench`, as small as it goes: every section starts its contenders, measures and stops them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = ("--rounds", "1", "--messages", "20", "--sessions", "2", "--seconds", "0.2", "--json")
# Section, a program that it needs and Debian packages, and one of its contenders.
SECTIONS = (
    ("mail", "/usr/sbin/postfix", "no-op pymilter"),
    ("dialects", "/usr/sbin/postfix", "Estafeta, teenvio"),
    ("signing", "/usr/bin/rspamd", "opendkim"),
    ("policy", "/usr/sbin/postfwd2", "postfwd2"),
    ("sasl", "/usr/sbin/dovecot", "Dovecot, SHA512-CRYPT"),
    ("limits", "/usr/bin/redis-server", "limits on Redis"),
    ("profile", "/usr/sbin/postfix", "handler dkim_signature"),
)


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
    )


@pytest.mark.release
@pytest.mark.skipif(os.geteuid() != 0, reason="Postfix is started by root alone")
@pytest.mark.parametrize(("section", "needs", "contender"), SECTIONS)
def test_a_section_measures_every_contender(section: str, needs: str, contender: str) -> None:
    if not Path(needs).exists():
        pytest.skip(f"{needs} is not installed: make bench installs it")
    done = bench("--only", section, *SMALL)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)[section]
    assert contender in {row["contender"] for row in found["rows"]}
    for row in found["rows"]:
        assert row["measures"]
    for target in found["targets"]:
        assert target["values"]


def test_a_section_that_does_not_exist_is_named() -> None:
    done = bench("--only", "mail,nothing")
    assert done.returncode == 2
    assert "'nothing' is no section; there are mail, signing," in done.stderr
