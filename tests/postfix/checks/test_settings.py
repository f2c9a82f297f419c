from collections.abc import Callable
from pathlib import Path

import msgspec

from estafeta_core.config.schema import Listener, Tls
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.settings import WHY, look
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.render import shared
from estafeta_postfix.render.place import Ways
from estafeta_postfix.render.tables import tables

from .conftest import known, make, read

Edit = Callable[[str, str, str], None]
TLS: tuple[Tls, ...] = ("none", "starttls", "required", "implicit")


def codes(setup: Setup) -> list[tuple[str, str]]:
    read(setup)
    return [(each.severity, each.code) for each in look(setup)]


def test_what_is_rendered_is_right(setup: Setup, edit: Edit) -> None:
    assert codes(setup) == []


BROKEN = {
    "milter-default-action": ("milter_default_action = tempfail", "milter_default_action = accept"),
    "smtpd-forbid-bare-newline": ("  -o { smtpd_forbid_bare_newline = normalize }\n", ""),
    "smtpd-forbid-bare-newline-exclusions": ("newline_exclusions = ", "newline_exclusions = $mynetworks"),
    "smtpd-forbid-unauth-pipelining": ("forbid_unauth_pipelining = yes", "forbid_unauth_pipelining = no"),
    "smtpd-end-of-data-restrictions": ("end_of_data_restrictions = ", "end_of_data_restrictions = reject"),
    "smtpd-recipient-restrictions": ("permit_sasl_authenticated, reject", "permit_mynetworks, permit"),
    "smtpd-tls-auth-only": ("smtpd_tls_auth_only = yes", "smtpd_tls_auth_only = no"),
    "smtpd-tls-wrappermode": (
        "inet n - n - - smtpd\n",
        "inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n",
    ),
    "header-size-limit": ("header_size_limit = 1000000", "header_size_limit = 102400"),
    "smtpd-discard-ehlo-keywords": ("ehlo_keywords = chunking", "ehlo_keywords = etrn"),
    "chroot": ("estafeta-split unix - - n", "estafeta-split unix - - y"),
    "smtpd-timeout": ("smtpd_timeout = ${", "smtpd_timeout = 1${"),
}


def test_b13_f26_each_trap_is_named_by_its_setting(setup: Setup, edit: Edit) -> None:
    for old, new in BROKEN.values():
        edit("master.cf", old, new)
    assert codes(setup) == [("error", f"setting-{name}") for name in sorted(BROKEN)]


def test_what_main_cf_says_and_what_master_cf_does_not_is_named(setup: Setup, edit: Edit) -> None:
    edit("master.cf", "127.0.0.1:587 inet", "127.0.0.1:588 inet")
    edit("main.cf", "split_destination_recipient_limit = 1", "split_destination_recipient_limit = 50")
    edit("main.cf", "inet_interfaces = loopback-only", "inet_protocols = ipv6")
    edit("main.cf", "mail.log", "other.log")
    found = ["inet-protocols", "maillog", "queue-manager", "service-missing"]
    assert sorted(codes(setup)) == [("error", code) for code in found]


def test_a_setting_is_told_once_with_every_service_that_has_it_so(setup: Setup, edit: Edit) -> None:
    for _ in range(2):
        edit("master.cf", "milter_default_action = tempfail", "milter_default_action = accept")
    read(setup)
    (found,) = look(setup)
    assert found == Finding(
        "error",
        "setting-milter-default-action",
        "master.cf: a, estafeta-delivery",
        f"milter_default_action is accept and not tempfail: {WHY['milter_default_action']}",
        "start the sandbox anew: it writes the files of its Postfix at each start",
    )


def test_a_relay_for_everybody_and_another_queue_are_warnings(setup: Setup, edit: Edit) -> None:
    edit("main.cf", "mynetworks =", "mynetworks = 127.0.0.0/8 0.0.0.0/0")
    edit("main.cf", "postfix/queue", "postfix/elsewhere")
    assert codes(setup) == [("warning", "queue-directory"), ("warning", "open-mynetworks")]


def test_a_table_with_other_content_is_told(config: Path) -> None:
    config.write_text(config.read_text().replace("[sparkpost]", "[teenvio]"))
    setup = Setup(config)
    place = make(setup)
    assert codes(setup) == []
    for name in tables(setup.config):
        (place.config_directory / name).write_text("")
    assert codes(setup) == [("error", "install-differs")]


def test_a_postfix_without_us_is_told_in_one_finding(setup: Setup, edit: Edit) -> None:
    listener = Listener(dialects=("sparkpost",), port=1587)
    known(setup, config=msgspec.structs.replace(setup.config, listeners={"b": listener}, delivery_port=1588))
    found = read(setup)
    assert found.ours, "its cleanup and split"
    found.wanted[:] = [each for each in found.wanted if each.kind == "inet"]
    assert [(each.code, "postfix install" in each.remedy) for each in look(setup)] == [
        ("not-installed", True)
    ]


def test_every_reason_is_one_of_a_setting_that_we_say(setup: Setup) -> None:
    kinds = {
        name: Listener(dialects=("teenvio",), port=port, tls=name) for port, name in enumerate(TLS, 2500)
    }
    config = msgspec.structs.replace(setup.config, listeners=kinds)
    services = shared.ours(config, Ways(config.delivery_port, ""), "$config_directory")
    assert set(WHY) <= {option for each in services for option in each.options} | {"chroot"}
