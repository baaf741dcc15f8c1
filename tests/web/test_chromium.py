"""The pages in a real browser: by keyboard alone, live, without JavaScript, dark, and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from reconciler.engine.daemon import Daemon
from tests.web.browser import MISSING, chromium
from tests.web.house import House, wait_for
from tests.web.serving import TOKEN, served

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(MISSING), reason=MISSING)]
PAGES = ("/", "/plan", "/wizards/ada", "/history", "/history/1", "/ports", "/services", "/login", "/nowhere")
HERE = Path(__file__).parent
BASICS = (HERE / "basics.js").read_text().partition("\n")[2]
CONTRAST = (HERE / "contrast.js").read_text().partition("\n")[2]


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.push("The first of them")
    return made


@pytest.fixture
def daemon(house: House) -> Iterator[Daemon]:
    with house.living() as daemon:
        yield daemon


@pytest.fixture
def address(daemon: Daemon) -> Iterator[str]:
    with served(daemon) as address:
        yield address


def press_to(page: Page, selector: str) -> None:
    """Tab until the element has the focus, which must be visible on each way station."""
    for _ in range(80):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """(selector) => {
              const e = document.activeElement;
              const { outlineStyle, outlineWidth } = getComputedStyle(e);
              return { there: e.matches(selector), outline: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
            }""",
            selector,
        )
        assert seen["outline"], "the focus can't be seen"
        if seen["there"]:
            return
    raise AssertionError(f"{selector} can't be reached with Tab")


def test_pause_and_rollback_with_the_keyboard_alone(house: House, daemon: Daemon, address: str) -> None:
    house.config("ada", skin="loud")
    house.pass_(daemon)
    with chromium(base_url=address) as browser:
        page = browser.new_page()
        page.goto("/")
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()

        press_to(page, 'a.name[href="/wizards/ada"]')
        page.keyboard.press("Enter")
        page.wait_for_url("**/wizards/ada")
        press_to(page, "#act-pause")
        page.keyboard.press("Enter")
        page.wait_for_url("**/login?next=*")
        expect(page.locator("#token")).to_be_focused()
        page.keyboard.type(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_url("**/actions/pause?wizard=ada")
        press_to(page, "#reason")
        page.keyboard.type("by keyboard")
        press_to(page, "#yes")
        page.keyboard.press("Enter")
        page.wait_for_url("**/wizards/ada?said=paused")
        assert daemon.host.ledger.records().pauses["ada"].reason == "by keyboard"
        expect(page.locator("main")).to_contain_text("by keyboard")

        press_to(page, "#act-pause")
        page.keyboard.press("Enter")
        page.wait_for_url("**/actions/resume?wizard=ada")
        press_to(page, "#yes")
        page.keyboard.press("Enter")
        page.wait_for_url("**/wizards/ada?said=resumed")
        assert daemon.host.ledger.records().pauses == {}

        press_to(page, "#act-rollback")
        page.keyboard.press("Enter")
        page.wait_for_url("**/actions/rollback?wizard=ada")
        expect(page.locator("main")).to_contain_text("Back to generation 1 of ada")
        press_to(page, "#yes")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?asked=*")
        wait_for(daemon, lambda v: any("rollback" in one.trigger for one in v.asked))
        assert house.display("ada") is None
        expect(page.locator("#wizard-ada")).to_contain_text("Rolled back by hand")


def test_it_is_live_and_the_focus_stays(house: House, daemon: Daemon, address: str) -> None:
    with chromium(base_url=address) as browser:
        page = browser.new_page()
        page.goto("/")
        expect(page.locator("#link")).to_have_text("live")
        link = page.locator('a.name[href="/wizards/bo"]')
        link.focus()
        page.evaluate("document.querySelector('#wizard-bo').dataset.mine = 'kept'")
        house.config("ada", skin="dark")
        house.pass_(daemon, "webhook")

        expect(page.locator("#wizard-ada")).to_contain_text("skin")
        expect(page.locator("#loop")).to_contain_text("webhook")
        expect(page.locator("#state-words")).to_contain_text("Last pass done")
        expect(link).to_be_focused()
        assert page.locator("#state-words").get_attribute("aria-live") == "polite"


def test_open_details_stay_open(house: House, daemon: Daemon, address: str) -> None:
    with chromium(base_url=address) as browser:
        page = browser.new_page()
        page.goto("/wizards/ada")
        expect(page.locator("#link")).to_have_text("live")
        keys = page.locator("details.keys").first
        keys.locator("summary").click()
        house.config("ada", skin="dark")
        house.pass_(daemon)
        expect(page.locator("main")).to_contain_text("skin")
        expect(keys).to_have_attribute("open", "")


def test_a_form_is_never_swept_away(house: House, daemon: Daemon, address: str) -> None:
    with chromium(base_url=address) as browser:
        page = browser.new_page()
        page.goto("/login?next=/actions/pause%3Fwizard%3Dada")
        page.fill("#token", TOKEN)
        page.click("#enter")
        page.fill("#reason", "half a sen")
        house.pass_(daemon, "webhook")
        expect(page.locator("#state-words")).to_contain_text("Last pass done")
        assert page.input_value("#reason") == "half a sen"


def test_without_javascript_all_of_it_works(house: House, daemon: Daemon, address: str) -> None:
    with chromium(base_url=address, java_script_enabled=False) as browser:
        page = browser.new_page()
        for path in PAGES[:-1]:
            page.goto(path)
            assert page.locator("h1").count() == 1
        page.goto("/wizards/ada")
        page.click("#act-pause")
        page.fill("#token", TOKEN)
        page.click("#enter")
        page.fill("#reason", "no script")
        page.click("#yes")
        assert page.url.endswith("/wizards/ada?said=paused")
        assert daemon.host.ledger.records().pauses["ada"].reason == "no script"
        expect(page.locator("#link")).to_have_text("reload")
        page.click("#link")
        page.goto("/")
        page.click("#logout")
        expect(page.locator("header")).to_contain_text("Log in")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_and_basics(daemon: Daemon, house: House, address: str, scheme: str) -> None:
    daemon.pause("bo", "why not")
    house.gateways.ill = lambda p: "silent" if p.name == "cy-body" else ""
    house.config("cy", skin="ugly")
    house.config("bo", skin="held")
    house.pass_(daemon)
    with chromium(base_url=address, color_scheme=scheme) as browser:
        page = browser.new_page()
        troubles: list[str] = []
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        for path in PAGES:
            page.goto(path)
            assert page.evaluate(BASICS) == [], path
            assert page.evaluate(CONTRAST) == [], path
        dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert dark is (scheme == "dark")
        assert (ground == "rgb(18, 20, 22)") is dark
        assert [t for t in troubles if "404" not in t] == [], "nothing breaks the content security policy"


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_no_page_scrolls_sideways(daemon: Daemon, house: House, address: str, width: int) -> None:
    daemon.pause("bo", "a reason that is long, " * 6)
    house.wizards["ada"]["role"] = "a-role-without-a-single-place-to-break-it-" * 4
    house.config("bo", skin="x" * 120)
    house.pass_(daemon)
    with chromium(base_url=address, viewport={"width": width, "height": 640}) as browser:
        page = browser.new_page()
        page.goto("/login?next=/")
        page.fill("#token", TOKEN)
        page.click("#enter")
        for path in (*PAGES, "/actions/pause?wizard=bo", "/actions/plan"):
            page.goto(path)
            wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide[0] <= wide[1], path
