"""Signing in and out over real HTTP."""

import re

import pytest

from estafeta_testing.history import FORM, sign_in
from estafeta_testing.site import KEYS, OTHER_KEY, PASSWORD, Site


def test_without_a_session_there_is_the_form_and_nothing_else(site: Site) -> None:
    page = site.http.get("/")
    assert page.status_code == 401
    assert '<input id="secret" name="secret" type="password"' in page.text
    assert "/sends" not in page.text


@pytest.mark.parametrize(
    ("secret", "username", "who"),
    [
        (KEYS["main"], "", "acme/main"),
        (f" {KEYS['main']}\n", "", "acme/main"),
        (KEYS["main"], "SMTP_Injection", "acme/main"),
        (KEYS["reader"], "", "acme/reader"),
        (OTHER_KEY, "", "other/main"),
        (PASSWORD, "usuario.plan", "plan/usuario"),
    ],
)
def test_a_key_or_a_password_begins_a_session(site: Site, secret: str, username: str, who: str) -> None:
    answer = sign_in(site, secret, username)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = site.http.get("/")
    assert page.status_code == 200
    assert f"<bdi>{who}</bdi>" in page.text


@pytest.mark.parametrize(
    ("secret", "username", "status", "text"),
    [
        ("", "", 401, "opens nothing"),
        ("x" * 48, "", 401, "opens nothing"),
        (KEYS["revoked"], "", 401, "opens nothing"),
        (PASSWORD, "", 401, "opens nothing"),
        (PASSWORD + " ", "usuario.plan", 401, "opens nothing"),
        (KEYS["sender"], "", 403, "may not read events"),
    ],
)
def test_anything_else_begins_none(site: Site, secret: str, username: str, status: int, text: str) -> None:
    answer = sign_in(site, secret, username)
    assert answer.status_code == status
    assert text in answer.text
    assert "set-cookie" not in answer.headers
    assert secret.strip() not in answer.text or not secret.strip()
    assert site.http.get("/").status_code == 401


def test_h14_who_guesses_passwords_is_stopped_and_told(site: Site) -> None:
    for number in range(20):
        assert sign_in(site, f"guess {number}", "usuario.plan").status_code == 401
    answer = sign_in(site, PASSWORD, "usuario.plan")
    assert answer.status_code == 429
    assert "Too many wrong passwords" in answer.text
    assert sign_in(site, KEYS["main"]).status_code == 303


def test_h8_the_cookie_is_for_this_host_alone_and_no_script_reads_it(site: Site) -> None:
    cookie = sign_in(site, KEYS["main"]).headers["set-cookie"]
    assert re.fullmatch(r"estafeta=[\w-]+; HttpOnly; Max-Age=43200; Path=/; SameSite=strict", cookie)
    assert KEYS["main"] not in cookie


def test_where_browsers_come_by_tls_the_cookie_goes_by_nothing_else(site: Site) -> None:
    site.links.base_url = "https://click.example.com"
    cookie = sign_in(site, KEYS["main"]).headers["set-cookie"]
    assert cookie.startswith("__Host-estafeta=")
    assert cookie.endswith("; Secure")


def test_signing_out_ends_the_session_in_this_browser(desk: Site) -> None:
    answer = desk.http.post("/sign-out", headers=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert desk.http.get("/").status_code == 401


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}]
)
def test_h14_no_other_site_signs_anybody_in_or_out(desk: Site, headers: dict[str, str]) -> None:
    assert desk.http.post("/sign-out", headers=headers).status_code == 403
    assert desk.http.get("/").status_code == 200
    answer = desk.http.post("/sign-in", data={"secret": OTHER_KEY}, headers=headers)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("/sends/12", "/sends/12"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_h1_who_signs_in_goes_on_here_and_nowhere_else(site: Site, to: str, location: str) -> None:
    answer = site.http.post("/sign-in", data={"secret": KEYS["main"], "to": to}, headers=FORM)
    assert answer.headers["location"] == location


def test_the_form_of_a_page_leads_back_to_that_page(site: Site) -> None:
    assert 'name="to" value="/sends/12"' in site.http.get("/sends/12").text


def test_h9_a_form_that_is_too_long_is_refused(site: Site) -> None:
    answer = site.http.post("/sign-in", content=b"x" * 20_000, headers=FORM)
    assert answer.status_code == 413
