from collections.abc import Callable

import pytest

from estafeta_core import secrets
from estafeta_core.config.accounts import Account, Defaults
from estafeta_core.dialects.base import UserName
from estafeta_core.dialects.emitlo import EMITLO
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.rules import credential_active

MakeCredential = Callable[..., Credential]

YOURDOMAIN = Account(account="yourdomain", dialect="emitlo")


@pytest.fixture
def credential(make_credential: MakeCredential) -> Credential:
    return make_credential(dialect="emitlo", username="prod_abc123")


# Logging in


def test_e03_auth_plain_is_the_documented_mechanism() -> None:
    assert EMITLO.mechanisms == ("PLAIN",)


@pytest.mark.parametrize("username", ["prod_abc123", "a", "me@yourdomain.example"])
def test_e04_the_user_name_is_the_credentials(username: str) -> None:
    assert EMITLO.parse_username(username) == UserName(username)
    assert EMITLO.found_by == "username"


def test_e04_a_secret_key_has_emitlos_form_and_is_recognised_by_its_random_part() -> None:
    key = EMITLO.make_key("yourdomain")
    random = key.removeprefix("ek_live_")
    assert len(bytes.fromhex(random)) >= secrets.SECRET_BYTES
    assert secrets.key_prefix(secrets.hash_key(key)) == random[: secrets.PREFIX_LENGTH]


def test_e12_e13_e14_e18_each_reason_of_the_troubleshooting_page_has_its_own_text() -> None:
    at_login = [
        EMITLO.login_refused,
        EMITLO.permission_refused.text,
        credential_active.SUSPENDED.text,
        credential_active.REVOKED.text,
    ]
    assert at_login == [
        "Invalid username or password",
        'Credential lacks the "send" permission',
        "Credential suspended",
        "Credential revoked",
    ]
    domain = EMITLO.sender_refused("hello@other.example", YOURDOMAIN)
    assert (domain.code, domain.status) == (550, "5.7.1")
    assert domain.text.startswith("Sender domain rejected: other.example ")


# Messages


def test_e09_tracking_is_as_over_emitlos_api(credential: Credential) -> None:
    options = EMITLO.options([Header("Subject", b"Hello")], credential)
    assert options == Options(open_tracking=True, click_tracking=True, list_unsubscribe=True)


@pytest.mark.parametrize("wanted", [True, False])
def test_e20_list_unsubscribe_may_be_off_for_a_credential(
    make_credential: MakeCredential, wanted: bool
) -> None:
    credential = make_credential(dialect="emitlo", username="prod", list_unsubscribe=wanted)
    options = EMITLO.options([], credential)
    assert isinstance(options, Options)
    assert options.list_unsubscribe is wanted


def test_the_accounts_defaults_hold(make_credential: MakeCredential) -> None:
    defaults = Defaults(
        open_tracking=False,
        click_tracking=False,
        initial_open_pixel=True,
        transactional=True,
        return_path="domain",
    )
    options = EMITLO.options([], make_credential(defaults, dialect="emitlo", username="prod"))
    assert options == Options(initial_open_pixel=True, transactional=True, return_path="domain")


def test_no_header_changes_anything(credential: Credential) -> None:
    headers = [Header("X-MSYS-API", b"{}"), Header("X-Emitlo-Track", b"no")]
    assert EMITLO.options(headers, credential) == EMITLO.options([], credential)


class Anything:
    """A structure that nobody may need to look at."""


def test_e06_e08_any_structure_is_taken_and_attachments_stay(credential: Credential) -> None:
    assert EMITLO.check_structure(Anything(), YOURDOMAIN) is None  # type: ignore[arg-type] # not looked at
    options = EMITLO.options([], credential)
    assert isinstance(options, Options)
    assert not options.link_attachments
    assert not options.host_images
    assert not options.first_recipient_only  # e7


def test_e16_e17_the_domain_is_looked_at_in_envelope_and_from() -> None:
    assert EMITLO.sender_fields(YOURDOMAIN) == {"mail from", "from"}
    assert EMITLO.sender_check == "domain"


def test_emitlo_has_postfixs_own_words_for_what_its_page_does_not_name() -> None:
    assert EMITLO.command_filter == EMITLO.reject_footers(1) == EMITLO.hidden_keywords == ()
    assert EMITLO.command_refused("FOO") is None
    assert EMITLO.receipt(1) is None
