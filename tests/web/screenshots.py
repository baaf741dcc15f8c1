"""Makes docs/screenshots/*.png: `python -m tests.web.screenshots [FOLDER]`. Needs Chromium; see browser.py."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import BrowserContext, Page

from tests.web.browser import MISSING, chromium
from tests.web.serving import TOKEN, served
from tests.web.stage import Stage

HOME = Path("/srv/fleet")
"""Paths are shown on pages, so they should be ones of a host. It must not be there, and is gone afterwards."""
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 360, "height": 1500}
PAGES = {
    "fleet": "/",
    "plan": "/plan",
    "wizard": "/wizards/allegro",
    "quarantined": "/wizards/ezra",
    "history": "/history",
    "pass": "/history/3",
    "ports": "/ports",
    "services": "/services",
    "login": "/login",
}
ACTIONS = {"pause": "/actions/pause?wizard=allegro", "rollback": "/actions/rollback?wizard=allegro-primus"}


def main(folder: Path) -> None:
    if MISSING:
        raise SystemExit(MISSING)
    folder.mkdir(parents=True, exist_ok=True)
    HOME.mkdir(parents=True)
    try:
        stage = Stage(HOME)
        with stage.performed() as daemon, served(daemon) as address:
            for scheme, suffix in (("light", ""), ("dark", "-dark")):
                with chromium(viewport=DESKTOP, color_scheme=scheme, base_url=address) as browser:
                    _desktop(
                        browser, folder, suffix, PAGES if not suffix else {"fleet": "/", "wizard": "/wizards/allegro"}
                    )
            with chromium(viewport=PHONE, device_scale_factor=2, base_url=address) as browser:
                _shots(browser.new_page(), folder, "-phone", {"fleet": "/", "wizard": "/wizards/ezra"})
    finally:
        shutil.rmtree(HOME)


def _desktop(browser: BrowserContext, folder: Path, suffix: str, pages: dict[str, str]) -> None:
    page = browser.new_page()
    _shots(page, folder, suffix, pages)
    if not suffix:
        page.goto("/login")
        page.fill("#token", TOKEN)
        page.click("#enter")
        _shots(page, folder, suffix, ACTIONS)


def _shots(page: Page, folder: Path, suffix: str, pages: dict[str, str]) -> None:
    for name, path in pages.items():
        page.goto(path)
        page.wait_for_timeout(400)
        page.screenshot(path=folder / f"{name}{suffix}.png", full_page=suffix != "-phone")
        print(folder / f"{name}{suffix}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screenshots"))
