from pathlib import Path

import msgspec
import pytest

from estafeta_core.config.schema import Config
from estafeta_postfix.render.main_cf import main_cf
from estafeta_postfix.render.place import Place
from estafeta_postfix.render.values import RenderError


def settings(config: Config, place: Place) -> dict[str, str]:
    lines = [line for line in main_cf(config, place).splitlines() if not line.startswith("#")]
    return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}


def test_nobody_is_trusted_for_an_address(config: Config, place: Place) -> None:
    assert settings(config, place)["mynetworks"] == ""


def test_nothing_is_delivered_to_users_of_this_host(config: Config, place: Place) -> None:
    found = settings(config, place)
    assert found["mydestination"] == found["alias_maps"] == found["local_recipient_maps"] == ""
    assert found["local_transport"].startswith("error:")


def test_a_queue_id_never_comes_again(config: Config, place: Place) -> None:
    assert settings(config, place)["enable_long_queue_ids"] == "yes"


def test_mail_for_the_bounce_domain_goes_to_the_intake_one_recipient_at_a_time(
    config: Config, place: Place
) -> None:
    found = settings(config, place)
    assert found["virtual_mailbox_domains"] == "bounce.example.com"
    assert found["virtual_transport"] == "estafeta-lmtp:unix:/run/estafeta/intake.sock"
    assert found["estafeta-lmtp_destination_recipient_limit"] == "1"


def test_everything_of_the_instance_is_its_own(config: Config, place: Place) -> None:
    found = settings(config, place)
    assert found["queue_directory"] == str(place.queue_directory)
    assert found["data_directory"] == str(place.data_directory)
    assert found["maillog_file_prefixes"] == str(config.maillog.parent)


def test_copies_are_handed_over_one_by_one_and_wait_for_nobody_else(config: Config, place: Place) -> None:
    found = settings(config, place)
    assert found["estafeta-split_destination_recipient_limit"] == "1"
    assert int(found["qmgr_message_recipient_minimum"]) > 4000, "the most copies of one message there may be"
    assert found["estafeta-split_destination_concurrency_failed_cohort_limit"] == "0"


@pytest.mark.parametrize("path", ["/srv/my mail", "/srv/a,b", "/srv/$x", "/srv/a\nmynetworks=0.0.0.0/0"])
def test_a_path_that_postfix_would_take_apart_is_refused(config: Config, place: Place, path: str) -> None:
    with pytest.raises(RenderError, match="run_dir"):
        main_cf(msgspec.structs.replace(config, run_dir=Path(path)), place)
