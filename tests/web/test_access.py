import asyncio
import base64
from typing import Any

import msgspec
import pytest

from estafeta_core.config.load import Snapshot
from estafeta_core.directory import Directory
from estafeta_testing import site
from estafeta_testing.site import KEYS, OTHER_KEY, PASSWORD
from estafeta_web.access import Access, Caller, Forbidden, TooManyGuesses, Unknown

HERE = "192.0.2.1"


def basic(username: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{secret}".encode()).decode()


def ask(access: Access, authorization: str, permission: Any = "events", **more: Any) -> Caller:
    return asyncio.run(access.authorized(authorization, permission, more.pop("address", HERE), **more))


@pytest.fixture
def access() -> Access:
    return Access(site.snapshot())


@pytest.mark.parametrize(
    "authorization",
    [
        KEYS["main"],
        f" {KEYS['main']} ",
        f"Bearer {KEYS['main']}",
        f"bearer {KEYS['main']}",
        basic(KEYS["main"], ""),
        basic("SMTP_Injection", KEYS["main"]),
    ],
)
def test_an_api_key_is_taken_as_sparkposts_clients_send_it(access: Access, authorization: str) -> None:
    caller = ask(access, authorization)
    assert (caller.account, caller.credential.name, caller.subaccount) == ("acme", "main", None)


def test_a_user_name_and_its_password_are_taken_where_passwords_are_chosen(access: Access) -> None:
    assert ask(access, basic("usuario.plan", PASSWORD)).account == "plan"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "x" * 48,
        KEYS["main"][:-1],
        f"Digest {KEYS['main']}",
        "Basic !!!",
        "Basic /w==",
        basic("usuario.plan", "wrong"),
        basic("nobody.plan", PASSWORD),
        basic("usuario.plan", ""),
        KEYS["revoked"],
    ],
)
def test_everybody_else_is_unknown(access: Access, authorization: str) -> None:
    with pytest.raises(Unknown):
        ask(access, authorization)


def test_a_credential_may_do_what_its_permissions_say(access: Access) -> None:
    assert ask(access, KEYS["reader"], "events").account == "acme"
    with pytest.raises(Forbidden):
        ask(access, KEYS["reader"], "manage")
    with pytest.raises(Forbidden):
        ask(access, KEYS["sender"], "events")


def test_a_credential_is_used_from_its_networks_alone() -> None:
    [acme, *_] = site.accounts()
    bound = msgspec.structs.replace(acme.credentials["main"], allow_from=("198.51.100.0/24",))
    acme = msgspec.structs.replace(acme, credentials={"main": bound})
    access = Access(Snapshot(site.snapshot().config, Directory([acme])))
    assert ask(access, KEYS["main"], address="198.51.100.9").account == "acme"
    with pytest.raises(Unknown):
        ask(access, KEYS["main"], address=HERE)


def test_a_revoked_credential_opens_nothing_after_a_reload(access: Access) -> None:
    ask(access, OTHER_KEY)
    access.take(Snapshot(site.snapshot().config, Directory([])))
    with pytest.raises(Unknown):
        ask(access, OTHER_KEY)


def test_a_subaccount_is_one_of_the_callers_own(access: Access) -> None:
    assert ask(access, KEYS["main"], subaccount="123").subaccount == "123"
    assert ask(access, KEYS["main"], subaccount="0").subaccount == ""
    with pytest.raises(Forbidden):
        ask(access, KEYS["main"], subaccount="124")
    with pytest.raises(Forbidden):
        ask(access, OTHER_KEY, subaccount="123")


def test_an_address_that_guesses_passwords_is_stopped_and_keys_still_work(access: Access) -> None:
    for number in range(20):
        with pytest.raises(Unknown):
            ask(access, basic("usuario.plan", f"guess {number}"))
    with pytest.raises(TooManyGuesses):
        ask(access, basic("usuario.plan", PASSWORD))
    assert ask(access, basic("usuario.plan", PASSWORD), address="198.51.100.1").account == "plan"
    assert ask(access, KEYS["main"]).account == "acme"
