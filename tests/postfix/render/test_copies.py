import os

import msgspec
import pytest

from estafeta_core.config.schema import Config
from estafeta_postfix.render.copies import AT_A_TIME, CLEANUP, REQUEUE, header_checks, services
from estafeta_postfix.render.listener import MILTER_FAULTS, SMUGGLING
from estafeta_postfix.render.main_cf import SPLIT
from estafeta_postfix.render.outbound import pool_rule
from estafeta_postfix.render.place import Place
from estafeta_postfix.render.service import Service


@pytest.fixture
def split(config: Config, place: Place) -> Service:
    return services(config, place)[0]


@pytest.fixture
def listener(config: Config, place: Place) -> Service:
    return services(config, place)[1]


@pytest.fixture
def cleanup(config: Config, place: Place) -> Service:
    return services(config, place)[2]


@pytest.fixture
def requeue(config: Config, place: Place) -> Service:
    return services(config, place)[3]


def test_a_message_with_a_job_goes_to_the_split_and_one_with_a_pool_to_that(place: Place) -> None:
    assert header_checks(place) == (
        "regexp:{{/^X-Estafeta-Job: / FILTER estafeta-split:[127.0.0.1]:10026}, " + pool_rule(place) + "}"
    )


def test_what_is_handed_on_is_what_lies_in_the_queue(split: Service) -> None:
    assert split.name == SPLIT
    assert split.options["smtp_line_length_limit"] == "0"
    assert split.options["disable_mime_output_conversion"] == "yes"
    assert split.options["smtp_send_xforward_command"] == "yes"


@pytest.mark.parametrize(("processes", "expected"), [(4, 4), (0, os.cpu_count() or 1)])
def test_as_many_copies_are_made_at_a_time_as_the_milter_has_processes_for(
    config: Config, place: Place, processes: int, expected: int
) -> None:
    split = services(msgspec.structs.replace(config, milter_processes=processes), place)[0]
    assert split.process_limit == str(AT_A_TIME * expected)


def test_only_this_host_reaches_the_listener_and_only_the_milter_lets_a_copy_pass(listener: Service) -> None:
    assert listener.name == "127.0.0.1:10026"
    assert listener.options["mynetworks"] == "127.0.0.1/32"
    for kind in ("client", "relay", "recipient"):
        assert listener.options[f"smtpd_{kind}_restrictions"] == "permit_mynetworks, reject"
    assert listener.options["smtpd_sasl_auth_enable"] == "no"
    assert listener.options["smtpd_milters"] == "unix:/run/estafeta/copies.sock"
    assert MILTER_FAULTS.items() <= listener.options.items()
    assert SMUGGLING.items() <= listener.options.items()


def test_nothing_that_was_accepted_is_refused_at_the_handover(
    split: Service, listener: Service, cleanup: Service
) -> None:
    assert split.options["soft_bounce"] == listener.options["soft_bounce"] == "yes"
    assert listener.options["message_size_limit"] == "0"
    assert listener.options["smtpd_client_connection_count_limit"] == "0"
    assert listener.options["smtpd_reject_unlisted_recipient"] == "no"
    assert int(cleanup.options["header_size_limit"]) > 60_000
    assert int(cleanup.options["hopcount_limit"]) > 50 + 1


def test_a_copy_is_led_to_its_pool_and_never_to_the_split_again(
    listener: Service, cleanup: Service, place: Place
) -> None:
    assert listener.options["cleanup_service_name"] == cleanup.name == CLEANUP
    assert cleanup.options["milter_header_checks"] == f"regexp:{{{pool_rule(place)}}}"
    assert "header_checks" not in cleanup.options


def test_what_is_queued_anew_is_led_to_the_split_by_its_own_fields_alone(
    requeue: Service, cleanup: Service, place: Place
) -> None:
    assert requeue.name == REQUEUE
    assert requeue.options["header_checks"] == header_checks(place)
    assert requeue.options["mime_header_checks"] == requeue.options["nested_header_checks"] == ""
    for name in ("header_size_limit", "hopcount_limit", "disable_mime_input_processing"):
        assert requeue.options[name] == cleanup.options[name]


def test_f28_a_bcc_that_the_milter_wrote_stays(cleanup: Service, requeue: Service) -> None:
    """Postfix drops Bcc from what it takes in, and does so with what it has taken in before."""
    assert cleanup.options["message_drop_headers"] == requeue.options["message_drop_headers"] == ""


def test_what_is_handed_over_keeps_its_job(split: Service) -> None:
    assert "smtp_header_checks" not in split.options
