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
    ours = r"/^(b\+[a-z2-7]{47}@|(postmaster|abuse)@mx\.example\.com$$)/"
    assert found["smtpd_relay_restrictions"].split(", ") == [
        "permit_auth_destination",
        f"check_recipient_access regexp:{{{{{ours} FILTER estafeta-lmtp:unix:/run/estafeta/intake.sock}}}}",
        f"check_recipient_access regexp:{{{{{ours} OK}}}}",
        "reject_unauth_destination",
    ]
    assert found["smtpd_recipient_restrictions"].endswith(", reject_unauth_destination")
    assert "FILTER" not in found["smtpd_recipient_restrictions"]


def test_a_run_dir_that_postfix_would_take_apart_is_refused(config: Config) -> None:
    with pytest.raises(RenderError, match="run_dir"):
        intake.destination(msgspec.structs.replace(config, run_dir=Path("/run/a b")))
