import re
from pathlib import Path

import msgspec
import pytest

from estafeta_core.config.schema import Config
from estafeta_postfix.render import intake
from estafeta_postfix.render.values import RenderError
from estafeta_testing.returned import LINKS


@pytest.mark.parametrize("shared", [True, False])
def test_the_form_of_a_return_path_is_that_of_those_we_write(shared: bool) -> None:
    for id_ in (0, 1, 2**63 - 1):
        local = LINKS.bounce_address(id_, shared=shared).partition("@")[0]
        assert re.fullmatch(intake.RETURN_PATH, local)


def test_mail_goes_to_the_socket(config: Config) -> None:
    assert intake.destination(config) == "estafeta-lmtp:unix:/run/estafeta/intake.sock"
    assert "command='lmtp'" in repr(intake.transport())


def test_return_paths_elsewhere_are_led_there_and_nothing_else_is_permitted(config: Config) -> None:
    found = intake.restrictions(config)
    path, people = r"/^b\+[a-z2-7]{47}@/", r"/^(postmaster|abuse)@mx\.example\.com$$/"
    permitted = f"check_recipient_access regexp:{{{{{path} OK}}, {{{people} OK}}}}"
    there = f"check_recipient_access regexp:{{{{{path} FILTER {intake.destination(config)}}}}}"
    last = f"{permitted}, reject_unauth_destination"
    assert found == {
        "smtpd_relay_restrictions": f"permit_auth_destination, {there}, {last}",
        "smtpd_recipient_restrictions": f"permit_auth_destination, {last}",
    }


def test_a_run_dir_that_postfix_would_take_apart_is_refused(config: Config) -> None:
    with pytest.raises(RenderError, match="run_dir"):
        intake.destination(msgspec.structs.replace(config, run_dir=Path("/run/a b")))


def test_mail_for_people_at_the_hosts_own_name_is_theirs_at_the_bounce_domain(config: Config) -> None:
    assert intake.aliases(config)["virtual_alias_maps"] == (
        r"regexp:{{/^(postmaster|abuse)@mx\.example\.com$$/ $$1@bounce.example.com}}"
    )
