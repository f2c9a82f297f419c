"""The pages in a browser: as people see them, with and without scripts, and what axe-core finds in them."""

import re
import shutil
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from estafeta_core.store import open_store
from estafeta_core.suppression import MAIL
from estafeta_testing.history import AGENT, PLACES, REASON, History, record
from estafeta_testing.relay import Relay, wait
from estafeta_testing.site import KEYS, OTHER_KEY, Site, serving
from estafeta_testing.smtp import queue_id
from estafeta_testing.stored import IDS
from estafeta_web.unsubscribe import TEXTS

BROWSER = shutil.which("chromium-headless-shell") or shutil.which("chromium")
DESKTOP, PHONE = (1280, 860), (360, 740)
GRAVE = {"serious", "critical"}
HOSTILE = b"""<html><head><script>document.title = 'ran'; parent.ran = 1</script></head>
<body onload='parent.ran = 2'><img src=x onerror='parent.ran = 3'><svg onload='parent.ran = 4'></svg>
<iframe srcdoc='<script>parent.parent.ran = 5</script>'></iframe><a href='javascript:parent.ran = 6'>x</a>
<form action='/sign-out' method=post><button>out</button></form><p>Hello</p></body></html>"""

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no browser is installed (Debian package chromium-headless-shell)"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    store = open_store(f"sqlite:///{folder}/estafeta.db", timeout=5)
    with serving(folder, store) as running:
        yield running
    store.close()


@pytest.fixture(scope="module")
def history(site: Site) -> History:
    return record(site, markup=HOSTILE)


def context(
    browser: Browser, size: tuple[int, int] = DESKTOP, scheme: str = "light", **options: object
) -> BrowserContext:
    width, height = size
    return browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type] # one of its words
        **({"locale": "en"} | options),  # type: ignore[arg-type] # likewise
    )


def visit(place: BrowserContext, base: str, key: str, username: str = "") -> Page:
    """Return a page on which somebody has just signed in."""
    page = place.new_page()
    page.goto(base)
    page.fill("#secret", key)
    page.fill("#username", username)
    page.click("main button")
    return page


def base(site: Site) -> str:
    return str(site.http.base_url).rstrip("/")


def everything(history: History) -> list[str]:
    questions = ["/?period=year", "/search?q=alice@example.net", "/search?q=nobody@example.net", "/sends/1"]
    return [*PLACES, *questions, *(path for path in history.paths if not path.endswith("/html"))]


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        pytest.param(DESKTOP, "light", id="desktop-light"),
        pytest.param(PHONE, "dark", id="phone-dark"),
        pytest.param(DESKTOP, "dark", id="desktop-dark", marks=pytest.mark.release),
        pytest.param(PHONE, "light", id="phone-light", marks=pytest.mark.release),
    ],
)
def test_no_page_has_a_grave_fault_an_error_or_more_width_than_there_is(
    browser: Browser, site: Site, history: History, scheme: str, size: tuple[int, int]
) -> None:
    with context(browser, size, scheme) as place:
        page, said = place.new_page(), []
        page.goto(base(site))
        assert grave(page) == []
        page = visit(place, base(site), KEYS["main"])
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        for path in everything(history):
            said.clear()  # axe-core is not silent itself: it speaks to frames of another origin
            page.goto(base(site) + path)
            assert [text for text in said if not expected(text)] == [], path
            assert grave(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def expected(text: str) -> bool:
    """Return whether a browser says this on purpose: what is refused to a message, a page not there."""
    return "sandboxed" in text or "Content Security Policy" in text or "404" in text


def grave(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in GRAVE]


@pytest.mark.parametrize("language", ["es", "ru"])
def test_other_languages_fit_a_phone(browser: Browser, site: Site, history: History, language: str) -> None:
    with context(browser, (320, 640), locale=language) as place:
        page = visit(place, base(site), KEYS["main"])
        for path in everything(history):
            page.goto(base(site) + path)
            assert page.evaluate("document.documentElement.lang") == language
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_everything_works_without_scripts(browser: Browser, site: Site, history: History) -> None:
    with context(browser, java_script_enabled=False) as place:
        page = visit(place, base(site), "wrong")
        assert "opens nothing here" in page.inner_text("[role=alert]")
        page = visit(place, base(site), KEYS["main"])
        page.click("text=Week")
        assert page.inner_text("[aria-current=true]") == "Week"
        assert "Chart: delivered" in (page.text_content("svg title") or "")
        page.click("summary")
        assert page.locator("details table").is_visible()
        page.fill("header [name=q]", "bob@example.net")
        page.click("header .find button")
        page.click("main tbody a")
        assert REASON in page.inner_text(".timeline")
        page.goto(f"{base(site)}/messages/{history.messages[0].message_id}")
        assert "by a program, not a person" in page.inner_text(".timeline")
        assert AGENT in page.inner_text(".timeline")
        page.click("nav >> text=Suppressions")
        page.fill("#recipient", "new@example.net")
        page.click("text=Add >> nth=-1")
        assert page.inner_text("[role=status]") == "The address has been added."
        page.click('[aria-label^="Remove: new@example.net"]')
        assert page.inner_text("[role=status]") == "The address has been removed."
        page.click("text=Русский")
        assert page.inner_text("h1") == "Стоп-лист"
        page.click("text=English")
        page.click("text=Sign out")
        page.goto(f"{base(site)}/sends")
        assert page.inner_text("h1") == "Sign in"


def test_h4_a_stored_message_is_shown_and_does_nothing(
    browser: Browser, site: Site, history: History
) -> None:
    with context(browser) as place:
        page = visit(place, base(site), KEYS["main"])
        for path in (f"/contents/{history.transmission.transmission_id}", history.paths[-1]):
            page.goto(base(site) + path)
            frame = page.frames[1] if page.locator("iframe.content").count() else page.main_frame
            assert "Hello" in frame.inner_text("body")
            assert page.evaluate("[window.ran, document.title === 'ran']") == [None, False]
            assert frame.evaluate("origin") == "null"


def test_h10_another_accounts_session_sees_nothing(browser: Browser, site: Site, history: History) -> None:
    with context(browser) as place:
        page = visit(place, base(site), OTHER_KEY)
        for path in history.paths:
            answer = page.goto(base(site) + path)
            assert answer is not None
            assert (answer.status, page.inner_text("h1")) == (404, "Not found"), path


def test_a_form_on_another_site_does_nothing(browser: Browser, site: Site) -> None:
    with context(browser) as place:
        page = visit(place, base(site), KEYS["main"])
        page.goto("about:blank")
        page.set_content(
            f'<form method=post action="{base(site)}/suppressions"><input name=recipient value=x@example.net>'
            "<input name=transactional value=1><button>go</button></form>"
        )
        page.click("button")
        page.wait_for_url("**/suppressions")
        assert site.store.suppressions_of("acme", [""], "x@example.net", MAIL) == []


@pytest.mark.parametrize(("number", "language"), [("3", "es"), ("7", "de"), ("18", "eu")])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "none"])
def test_who_unsubscribes_is_spoken_to_in_the_language_of_the_message(
    relay: Relay, browser: Browser, number: str, language: str, scripts: bool
) -> None:
    url = unsubscribe_url(relay, number)
    with context(browser, PHONE, java_script_enabled=scripts) as place:
        page = place.new_page()
        page.goto(url)
        assert page.inner_text("h1") == TEXTS[language]["question"]
        if scripts:
            assert grave(page) == []
        page.click("button")
        assert page.inner_text("h1") == TEXTS[language]["done"]


def unsubscribe_url(relay: Relay, number: str) -> str:
    content = (
        b"From: remitente@dominio.example\r\nSubject: x\r\nX-Teenvio-Language: " + number.encode() + b"\r\n"
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nHola\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<html><body><p>Hola</p></body></html>\r\n--b--\r\n"
    )
    with relay.session("plan/usuario", listener="teenvio-58700") as connection:
        reply = connection.message("remitente@dominio.example", [f"reader.{IDS.next()}@example.net"], content)
    header = str(relay.copy(queue_id(reply)).parsed()["List-Unsubscribe"])
    url: str = re.findall("<(http[^>]+)>", header)[0]
    return url


def test_a_message_that_went_through_postfix_is_found_with_its_life(relay: Relay, browser: Browser) -> None:
    sent = relay.send(
        b"From: news@acme.example\r\nSubject: Through Postfix\r\n\r\nHello\r\n", "page@example.net"
    )
    wait(lambda: "delivery" in {event["type"] for event in relay.events(sent)}, True, "a delivery")
    credential = next(each for each in relay.description["credentials"] if each["id"] == "acme/readonly")
    with context(browser, java_script_enabled=False) as place:
        page = visit(place, relay.web, credential["password"])
        page.fill("header [name=q]", sent)
        page.click("header .find button")
        assert page.inner_text("h1 bdi") == "Through Postfix"
        page.click("main tbody a")
        assert "Delivered" in page.inner_text(".timeline")
        assert page.locator("form[action='/suppressions']").count() == 0


def test_a_password_opens_the_pages_of_its_account(relay: Relay, browser: Browser) -> None:
    unsubscribe_url(relay, "4")
    credential = next(each for each in relay.description["credentials"] if each["id"] == "plan/usuario")
    with context(browser, java_script_enabled=False) as place:
        page = visit(place, relay.web, credential["password"], credential["username"])
        for path, heading in (("/groups", "Groups"), ("/contents", "Contents"), ("/sends", "Sends")):
            page.goto(relay.web + path)
            assert page.inner_text("h1") == heading
            assert page.locator("tbody tr").count() > 0
        page.click("main tbody a")
        page.click("main .links a")
        assert "Hola" in page.frame_locator("iframe.content").locator("body").inner_text()
