"""Chromium for the tests: Debian's, driven by Playwright, with a profile of its own and nothing that phones home.

`make test` installs it where that is possible; elsewhere these tests are skipped, saying so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
MISSING = "" if CHROMIUM.exists() else f"{CHROMIUM} is not there; `apt-get install chromium` as root brings it"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@contextmanager
def chromium(**options: object) -> Iterator[BrowserContext]:
    """A browser with a new profile. Options are those of Playwright's contexts."""
    with (
        tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile,
        sync_playwright() as playwright,
    ):
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=str(CHROMIUM), args=ARGUMENTS, **options
        )
        context.set_default_timeout(30_000)
        try:
            yield context
        finally:
            context.close()
