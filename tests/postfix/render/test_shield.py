import subprocess

import pytest

from estafeta_postfix.instance import command
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.shield import TABLES, shielded

# Ours on purpose; everything else is what Postfix does where nobody has said anything.
OTHERWISE = {
    "message_size_limit": "0",
    "enable_long_queue_ids": "yes",
    "smtputf8_enable": "yes",
    "smtp_bind_address": "127.0.0.1",
    "inet_protocols": "ipv4",
    "header_checks": "",
    "mime_header_checks": "",
    "nested_header_checks": "",
    "smtp_fallback_relay": "",
    "smtpd_authorized_verp_clients": "",
    "smtp_delivery_status_filter": "",
}


@pytest.mark.parametrize("program", TABLES)
def test_every_parameter_is_one_of_postfixs_and_has_its_own_default(program: str) -> None:
    said = subprocess.run(
        [command("postconf"), "-d", *TABLES[program]], capture_output=True, text=True, check=True
    )
    assert said.stderr == ""
    defaults = dict(line.split(" =", 1) for line in said.stdout.splitlines())
    for name, value in TABLES[program].items():
        assert value == OTHERWISE.get(name, defaults[name].strip()), name


def test_what_a_service_says_itself_goes_before() -> None:
    made = shielded(Service("s", "smtpd", options={"soft_bounce": "yes"}, private="n"), "mx.example.com", {})
    assert made.options["soft_bounce"] == "yes"
    assert made.options["myhostname"] == "mx.example.com"
    assert (made.name, made.private, made.chroot) == ("s", "n", "n")
