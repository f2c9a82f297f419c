import msgspec
import pytest

from estafeta_core.config.schema import Config, Listener
from estafeta_core.tickets import LISTENER
from estafeta_postfix.receipt import upstream, wording
from estafeta_postfix.render import receipt
from estafeta_postfix.render.listener import (
    CLEANUP,
    MILTER_CONTENT_TIMEOUT,
    PROXY_TIMEOUT,
    SMUGGLING,
    listener_service,
)
from estafeta_postfix.render.service import Service


@pytest.fixture
def giving(config: Config) -> Config:
    """A configuration with two listeners that give receipts."""
    listeners = {
        "teenvio": Listener(dialects=("teenvio",), port=2500, receipt=True),
        "teenvio-ssl": Listener(
            dialects=("teenvio",), port=46500, receipt=True, recipients_per_message=5000, tls="implicit"
        ),
        "submission": Listener(dialects=("sparkpost",), port=587, recipients_per_message=9000),
    }
    return msgspec.structs.replace(config, listeners=listeners)


@pytest.fixture
def behind(giving: Config) -> Service:
    (service,) = receipt.services(giving)
    return service


def test_without_receipts_there_is_no_listener_behind_a_proxy(config: Config) -> None:
    assert receipt.services(config) == []


def test_one_listener_serves_all_and_is_no_port(behind: Service) -> None:
    assert (behind.name, behind.kind, behind.private) == (LISTENER, "unix", "n")


def test_it_tells_the_milter_that_nobody_has_logged_in_here(behind: Service) -> None:
    assert behind.options["milter_macro_daemon_name"] == LISTENER
    assert behind.options["smtpd_sasl_auth_enable"] == "no"
    assert behind.options["milter_default_action"] == "tempfail"


def test_it_takes_what_the_public_listeners_have_taken(behind: Service) -> None:
    assert behind.options["message_size_limit"] == "0"
    assert behind.options["smtpd_recipient_limit"] == "5000", "the most of those before the proxy"
    assert behind.options["cleanup_service_name"] == CLEANUP


def test_a1_it_is_no_easier_about_line_ends(behind: Service) -> None:
    assert SMUGGLING.items() <= behind.options.items()


def test_only_who_asks_for_receipts_has_the_proxy(giving: Config) -> None:
    filters = {
        name: listener_service(giving, name).options["smtpd_proxy_filter"] for name in giving.listeners
    }
    socket = "unix:/run/estafeta/receipt.sock"
    assert filters == {"teenvio": socket, "teenvio-ssl": socket, "submission": ""}


def test_the_proxy_gets_whole_messages(giving: Config) -> None:
    assert listener_service(giving, "teenvio").options["smtpd_proxy_options"] == "speed_adjust"


def test_who_waits_waits_longer_than_whom_it_waits_for_and_the_client_the_longest() -> None:
    assert MILTER_CONTENT_TIMEOUT < upstream.REPLY
    assert upstream.REPLY + wording.LOOK_UP < PROXY_TIMEOUT < 60
