import os
import subprocess
from pathlib import Path

import pytest

from estafeta_core.config.schema import Config
from estafeta_postfix.instance import command
from estafeta_postfix.render.main_cf import main_cf
from estafeta_postfix.render.master_cf import INTAKE, master_cf
from estafeta_postfix.render.place import Place


@pytest.fixture
def folder(tmp_path: Path, config: Config, place: Place) -> Path:
    (tmp_path / "main.cf").write_text(main_cf(config, place))
    (tmp_path / "master.cf").write_text(master_cf(config, place))
    return tmp_path


def postconf(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [command("postconf"), "-c", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MAIL_CONFIG": str(folder)},
    )
    assert done.stderr == ""
    return done.stdout


def test_postfix_reads_every_service_and_parameter_and_knows_them_all(folder: Path) -> None:
    services = postconf(folder, "-M")
    for name in ("0.0.0.0:587", "127.0.0.1:2525", "[::1]:465", "127.0.0.1:25", "estafeta-cleanup", "postlog"):
        assert any(line.split()[0] == name for line in services.splitlines()), name
    postconf(folder, "-n")
    postconf(folder, "-P")


def test_postfix_takes_each_override_as_one_value(folder: Path) -> None:
    said = postconf(folder, "-P", "0.0.0.0:587/inet/smtpd_recipient_restrictions")
    assert said.rstrip().endswith("policy_context=submission }, permit_sasl_authenticated, reject")
    assert postconf(folder, "-P", "0.0.0.0:587/inet/milter_helo_macros").partition("=")[2].strip() == ""


def test_the_intake_takes_mail_for_nobody_else(folder: Path) -> None:
    for name in ("smtpd_relay_restrictions", "smtpd_recipient_restrictions"):
        said = postconf(folder, "-P", f"127.0.0.1:25/inet/{name}")
        assert said.rstrip().endswith("reject_unauth_destination")
    assert any(line.split()[0] == "estafeta-lmtp" for line in postconf(folder, "-M").splitlines())
    assert INTAKE in postconf(folder, "-P", "127.0.0.1:25/inet/syslog_name")


TO_SPLIT = "{/^X-Estafeta-Job: / FILTER estafeta-split:[127.0.0.1]:10026}"
TO_POOL = "{/^X-Estafeta-Pool: ([A-Za-z0-9._-]+)$$/i FILTER estafeta-pool-$$1:[127.0.0.1]:10025}"

TO_NOBODY = r"{/^To: .*b\+[a-z2-7]{47}@/ DISCARD the log has told it}"


def test_fields_that_the_milter_adds_lead_to_the_split_or_to_a_pool(folder: Path) -> None:
    assert postconf(folder, "-P", "*/unix/milter_header_checks").splitlines() == [
        f"estafeta-cleanup/unix/milter_header_checks = regexp:{{{TO_SPLIT}, {TO_POOL}}}",
        f"estafeta-copies/unix/milter_header_checks = regexp:{{{TO_POOL}}}",
    ]


def test_only_what_pickup_queues_anew_is_led_somewhere_by_any_field(folder: Path) -> None:
    said = postconf(folder, "-P", "*/unix/cleanup_service_name")
    assert "pickup/unix/cleanup_service_name = estafeta-requeue\n" in said
    assert said.count("estafeta-requeue") == 1
    assert set(postconf(folder, "-P", "*/unix/header_checks").splitlines()) == {
        f"estafeta-requeue/unix/header_checks = regexp:{{{TO_SPLIT}, {TO_POOL}}}",
        "cleanup/unix/header_checks = regexp:{{/^X-Estafeta-/ IGNORE}}",  # of what comes from outside
        f"estafeta-notices/unix/header_checks = regexp:{{{TO_NOBODY}}}",
    }
    assert "cleanup_service_name" not in postconf(folder, "-P", "127.0.0.1:25/inet/*")


def test_there_is_no_local_delivery(folder: Path) -> None:
    commands = {line.split()[7] for line in postconf(folder, "-M").splitlines() if line.strip()}
    assert "local" not in commands
    assert "pipe" not in commands
