from collections.abc import Mapping

import msgspec
import pytest

from estafeta_core.config.schema import Config, Listener
from estafeta_core.dialects.devino import DEVINO
from estafeta_postfix.render.listener import (
    CLEANUP,
    HIDDEN,
    SMUGGLING,
    listener_service,
    mechanisms,
    size_limit,
)
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.values import RenderError


@pytest.fixture
def service(config: Config) -> Service:
    return listener_service(config, "submission")


def test_a_fault_of_the_milter_never_lets_mail_through(service: Service) -> None:
    assert service.options["milter_default_action"] == "tempfail"


def test_every_answer_comes_before_a_client_gives_up_after_a_minute(service: Service) -> None:
    timeouts = [
        value for name, value in service.options.items() if name.startswith("milter_") and "timeout" in name
    ]
    assert all(int(value.removesuffix("s")) < 60 for value in timeouts)
    assert "timeout=20s" in service.options["smtpd_recipient_restrictions"]


def test_bare_newlines_are_normalised_for_clients_of_this_host_too(service: Service) -> None:
    assert service.options["smtpd_forbid_bare_newline"] == "normalize"
    assert service.options["smtpd_forbid_bare_newline_exclusions"] == ""
    assert SMUGGLING.items() <= service.options.items()


def test_the_policy_daemon_is_the_last_that_can_refuse_a_recipient(service: Service) -> None:
    restrictions = service.options["smtpd_recipient_restrictions"]
    assert restrictions.startswith(
        "reject_unlisted_recipient, check_policy_service { unix:/run/estafeta/policy.sock,"
    )
    assert restrictions.endswith("policy_context=submission }, permit_sasl_authenticated, reject")


def test_nothing_relies_on_restrictions_at_the_end_of_data(service: Service) -> None:
    assert service.options["smtpd_end_of_data_restrictions"] == ""


def test_every_daemon_learns_which_listener_speaks(service: Service) -> None:
    assert service.options["smtpd_sasl_service"] == "submission"
    assert service.options["milter_macro_daemon_name"] == "submission"
    assert "policy_context=submission" in service.options["smtpd_recipient_restrictions"]


def test_the_milter_is_sent_only_what_it_asks_for(service: Service) -> None:
    sent = {name: value for name, value in service.options.items() if name.endswith("_macros") and value}
    assert sent == {
        "milter_connect_macros": "{daemon_name}",
        "milter_mail_macros": "{auth_authen} {client_addr} {tls_version}",
        "milter_end_of_data_macros": "i",
    }


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        ("none", {"smtpd_tls_security_level": "none", "smtpd_tls_auth_only": "no"}),
        ("starttls", {"smtpd_tls_security_level": "may", "smtpd_tls_auth_only": "no"}),
        ("required", {"smtpd_tls_security_level": "encrypt", "smtpd_tls_auth_only": "yes"}),
        ("implicit", {"smtpd_tls_security_level": "encrypt", "smtpd_tls_wrappermode": "yes"}),
    ],
)
def test_tls_is_what_the_listener_says(config: Config, tls: str, expected: dict[str, str]) -> None:
    listener = msgspec.structs.replace(config.listeners["submission"], tls=tls)
    config = msgspec.structs.replace(config, listeners={"submission": listener})
    options = listener_service(config, "submission").options
    assert expected.items() <= options.items()
    assert ("smtpd_tls_wrappermode" in options) == (tls == "implicit")


def test_a_listener_says_more_than_its_dialects(config: Config) -> None:
    options = listener_service(config, "old").options
    assert options["smtpd_sasl_mechanism_filter"] == "LOGIN"
    assert options["message_size_limit"] == "5"
    assert "{30}s" not in options["smtpd_timeout"]
    assert listener_service(config, "six").options["smtpd_timeout"] == "${stress?{10}:{30}}s"


def test_a_silent_listener_has_what_its_dialects_document() -> None:
    listener = Listener(dialects=("sparkpost",), port=587)
    assert mechanisms(listener) == ("LOGIN", "PLAIN")
    assert size_limit(listener) == 20 * 1024 * 1024


def options_of(config: Config, listener: Listener) -> Mapping[str, str]:
    config = msgspec.structs.replace(config, listeners={"one": listener})
    return listener_service(config, "one").options


def test_of_several_dialects_the_largest_message_is_announced() -> None:
    listener = Listener(dialects=("perfit", "emitlo"), port=587)
    assert size_limit(listener) == 20 * 1024 * 1024
    assert size_limit(msgspec.structs.replace(listener, size_limit=30_000)) == 30_000


def test_what_a_dialect_refuses_in_its_own_words_postfix_lets_through() -> None:
    devino = Listener(dialects=("devino",), port=587, size_limit=100)
    assert size_limit(devino) == 100 + DEVINO.size_headroom
    assert DEVINO.size_headroom > 0


def test_a_listener_of_one_dialect_greets_and_announces_as_the_provider_does(config: Config) -> None:
    perfit = options_of(config, Listener(dialects=("perfit",), port=2525, tls="none"))
    assert perfit["smtpd_banner"] == "localhost ESMTP Perfit v2"
    hidden = perfit["smtpd_discard_ehlo_keywords"].split(", ")
    assert {*HIDDEN, "pipelining"} <= set(hidden)


def test_a_listener_of_several_dialects_greets_for_none_of_them(config: Config) -> None:
    options = options_of(config, Listener(dialects=("perfit", "teenvio"), port=587))
    assert options["smtpd_banner"] == "$myhostname ESMTP"
    assert options["smtpd_discard_ehlo_keywords"] == ", ".join(HIDDEN)


def test_a_listener_may_have_a_host_name_of_its_own(config: Config, service: Service) -> None:
    options = options_of(config, Listener(dialects=("perfit",), port=2525, hostname="smtp.example.com"))
    assert options["myhostname"] == "smtp.example.com"
    assert "myhostname" not in service.options
    with pytest.raises(RenderError, match="hostname of listener one"):
        options_of(config, Listener(dialects=("perfit",), port=2525, hostname="smtp example"))


def test_messages_go_through_our_own_cleanup(service: Service) -> None:
    assert service.options["cleanup_service_name"] == CLEANUP


@pytest.mark.parametrize("name", ["a b", "a\n-o", "a{b}", "a,b"])
def test_a_name_that_would_break_master_cf_is_refused(config: Config, name: str) -> None:
    config = msgspec.structs.replace(config, listeners={name: config.listeners["submission"]})
    with pytest.raises(RenderError):
        listener_service(config, name)


def test_a_listener_behind_a_proxy_is_told_who_its_clients_are_and_any_other_sees_for_itself(
    config: Config,
) -> None:
    name = "smtpd_upstream_proxy_protocol"
    assert name not in listener_service(config, "submission").options
    behind = msgspec.structs.replace(config.listeners["submission"], proxy_protocol=True)
    config = msgspec.structs.replace(config, listeners={"submission": behind})
    assert listener_service(config, "submission").options[name] == "haproxy"
