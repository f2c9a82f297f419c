"""With every request it is asked again who may look."""

import re

import msgspec
import pytest

from estafeta_core.config.load import Snapshot
from estafeta_core.directory import Directory
from estafeta_core.store.reader import LATEST
from estafeta_core.suppression import MAIL
from estafeta_testing import site as sites
from estafeta_testing.history import FORM, PLACES, History, record, sign_in
from estafeta_testing.site import KEYS, OTHER_KEY, Site
from estafeta_web.pages.gate import Missing, local_path, number


def changed(site: Site, **settings: object) -> None:
    """Reload with other settings of acme/main."""
    [acme, *others] = sites.accounts()
    main = msgspec.structs.replace(acme.credentials["main"], **settings)
    acme = msgspec.structs.replace(acme, credentials=acme.credentials | {"main": main})
    config = sites.snapshot(str(site.http.base_url)).config
    site.service.access.take(Snapshot(config, Directory([acme, *others])))


@pytest.mark.parametrize("path", PLACES)
def test_h10_no_page_is_shown_to_nobody(site: Site, path: str) -> None:
    assert site.http.get(path).status_code == 401


def test_h10_no_page_of_one_thing_is_shown_to_nobody(site: Site) -> None:
    for path in record(site).paths:
        assert site.http.get(path).status_code == 401, path


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({}, 200),
        ({"status": "revoked"}, 401),
        ({"status": "suspended"}, 401),
        ({"allow_from": ("192.0.2.0/24",)}, 401),
        ({"permissions": ("send",)}, 403),
    ],
)
def test_a_credential_that_changed_shows_nothing_from_then_on(
    desk: Site, settings: dict[str, object], status: int
) -> None:
    assert desk.http.get("/").status_code == 200
    changed(desk, **settings)
    for path in PLACES:
        assert desk.http.get(path).status_code == status


def test_h10_another_accounts_session_sees_nothing_and_learns_nothing(site: Site) -> None:
    theirs = record(site, text="Their own")
    assert sign_in(site, OTHER_KEY).status_code == 303
    for path in theirs.paths:
        answer, never = site.http.get(path), site.http.get(re.sub(r"\d{10,}", "1" * 18, path))
        assert (answer.status_code, answer.text) == (404, never.text), path
    words = (theirs.messages[0].rcpt_to, theirs.transmission.queue_id)
    asked = [f"/search?q={word}" for word in (*words, theirs.messages[0].message_id)]
    for path in (*PLACES, "/?period=year", "/suppressions?q=alice@example.net", *asked):
        page = site.http.get(path)
        assert page.status_code == 200, path
        assert "Their own" not in page.text
        assert not {str(theirs.transmission.transmission_id), "hard.acme"} & set(page.text.split("/"))


def test_away_is_503_and_says_when_to_come_back(desk: Site) -> None:
    (desk.folder / "estafeta.db").rename(desk.folder / "away")
    for path in PLACES:
        if path != "/search":
            answer = desk.http.get(path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
            assert "does not answer in time" in answer.text
    (desk.folder / "away").rename(desk.folder / "estafeta.db")
    assert desk.http.get("/").status_code == 200


def test_h14_a_form_of_another_site_changes_nothing(desk: Site, history: History) -> None:
    fields = {"recipient": "x@example.net", "transactional": "1"}
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        assert desk.http.post("/suppressions", data=fields, headers=headers).status_code == 403
    assert desk.store.suppressions_of("acme", [""], "x@example.net", MAIL) == []


def test_a_session_that_ended_is_asked_to_begin_again_and_not_to_repeat_the_form(site: Site) -> None:
    answer = site.http.post("/suppressions", data={"recipient": "x@example.net"}, headers=FORM)
    assert answer.status_code == 401
    assert 'name="to" value="/"' in answer.text


def test_who_may_read_only_changes_nothing(site: Site) -> None:
    assert sign_in(site, KEYS["reader"]).status_code == 303
    answer = site.http.post("/suppressions", data={"recipient": "x@example.net"}, headers=FORM)
    assert answer.status_code == 403
    assert "may not do this" in answer.text


@pytest.mark.parametrize("text", ["", "x", "-1", "1.0", "²", str(LATEST + 1), " 1", "1" * 5000])
def test_what_is_no_id_is_not_there(text: str) -> None:
    with pytest.raises(Missing):
        number(text)


def test_paths_lead_to_this_host(desk: Site) -> None:
    assert local_path("/sends/1") == "/sends/1"
    assert {local_path(path) for path in ("", "x", "//x", "/\\x", "/\nx", "http://x")} == {"/"}
