from collections.abc import Callable

import pytest

from estafeta_core import secrets
from estafeta_core.config.accounts import Account, Defaults
from estafeta_core.dialects.base import UserName
from estafeta_core.dialects.perfit import PERFIT
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.options import Options

MakeCredential = Callable[..., Credential]

MICUENTA = Account(account="micuenta", dialect="perfit")


@pytest.fixture
def credential(make_credential: MakeCredential) -> Credential:
    return make_credential(dialect="perfit", key=secrets.hash_key(PERFIT.make_key("acme")))


# Logging in


def test_p06_the_user_name_is_always_apikey() -> None:
    assert PERFIT.parse_username("apikey") == UserName("apikey")


@pytest.mark.parametrize("username", ["", "APIKEY", "apikey ", " apikey", "apikey\n", "api-key", "micuenta"])
def test_p06_any_other_is_refused(username: str) -> None:
    assert PERFIT.parse_username(username) is None


def test_p07_the_account_is_found_from_the_key_alone() -> None:
    assert PERFIT.found_by == "key"


@pytest.mark.parametrize("account", ["micuenta", "a", "mi.cuenta_2-x", "x" * 64])
def test_p08_a_key_has_the_form_of_the_example(account: str) -> None:
    key = PERFIT.make_key(account)
    assert key.startswith(f"{account}-tr-")
    random = key.removeprefix(f"{account}-tr-")
    assert random.isalnum()
    assert len(bytes.fromhex(random)) >= secrets.SECRET_BYTES
    assert PERFIT.make_key(account) != key


def test_p09_keys_of_one_account_are_recognised_by_their_random_part() -> None:
    first, second = (secrets.hash_key(PERFIT.make_key("micuenta")) for _ in range(2))
    assert secrets.key_prefix(first) != secrets.key_prefix(second)


def test_p04_p05_auth_login_is_the_only_mechanism() -> None:
    assert PERFIT.mechanisms == ("LOGIN",)


def test_p27_mail_before_the_login_is_refused() -> None:
    assert str(PERFIT.authentication_required) == "530 5.7.0 Authentication required"


# What a listener tells of itself


def test_p15_the_greeting_is_that_of_the_example() -> None:
    assert PERFIT.banner == "localhost ESMTP Perfit v2"


def test_p16_every_keyword_of_postfix_but_those_of_the_example_is_hidden() -> None:
    """Postfix 3.7 announces these besides AUTH, SIZE, 8BITMIME, and STARTTLS where a listener offers it.

    ETRN and CHUNKING are hidden at every listener.
    """
    announced = {"pipelining", "vrfy", "enhancedstatuscodes", "dsn", "smtputf8"}
    assert set(PERFIT.hidden_keywords) == announced


def test_p18_the_size_announced_is_that_of_the_example() -> None:
    assert PERFIT.size_limit + PERFIT.size_headroom == 10_000
    assert PERFIT.too_large(10_000, MICUENTA).code == 552


def test_p21_p29_no_command_of_the_telnet_example_is_changed() -> None:
    assert PERFIT.command_filter == ()
    assert PERFIT.command_refused("FOO") is None
    assert PERFIT.reject_footers(10_000) == ()
    assert PERFIT.receipt(1) is None  # its last reply is a bare 250


# Messages


def test_p10_p11_opens_and_clicks_are_tracked(credential: Credential) -> None:
    expected = Options(open_tracking=True, click_tracking=True, transactional=True)
    assert PERFIT.options([Header("Subject", b"este es el asunto")], credential) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-MSYS-API", b'{"options": {"open_tracking": false}, "tags": ["a"]}'),
        ("X-Teenvio-TrackingOpening", b"no"),
        ("X-SMTPAPI", b'{"filters": {"clicktrack": {"settings": {"enable": 0}}}, "category": ["a"]}'),
        ("X-Mailgun-Track", b"no"),
        ("X-MC-Track", b"none"),
        ("X-Perfit-Tags", b"a"),
    ],
)
def test_p10_p11_p13_no_header_of_the_client_changes_that(
    credential: Credential, name: str, value: bytes
) -> None:
    assert PERFIT.options([Header(name, value)], credential) == PERFIT.options([], credential)


def test_p12_nothing_is_replaced_in_the_text(credential: Credential) -> None:
    options = PERFIT.options([], credential)
    assert isinstance(options, Options)
    assert not options.merge_tags
    assert options.missing_tags == options.head == options.foot == ""


def test_the_operator_may_decide_otherwise(make_credential: MakeCredential) -> None:
    defaults = Defaults(
        open_tracking=False,
        click_tracking=False,
        initial_open_pixel=True,
        transactional=False,
        return_path="keep",
    )
    options = PERFIT.options([], make_credential(defaults, dialect="perfit"))
    assert options == Options(initial_open_pixel=True, return_path="keep")


class Anything:
    """A structure that nobody may need to look at."""


def test_p14_p25_any_structure_is_taken() -> None:
    assert PERFIT.check_structure(Anything(), MICUENTA) is None  # type: ignore[arg-type] # it is not looked at
    assert not PERFIT.structure_required


def test_from_must_show_a_verified_domain_and_the_envelope_may_say_anything() -> None:
    assert PERFIT.sender_fields(MICUENTA) == {"from"}
    assert PERFIT.sender_check == "domain"
    refused = PERFIT.sender_refused("yo@otro.example", MICUENTA)
    assert str(refused) == "550 5.7.1 Sender not verified for this account: <yo@otro.example>"
