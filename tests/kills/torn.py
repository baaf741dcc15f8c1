"""What a host looks like right after a kill, before anybody mends it: every file is whole.

A file of the host is as it was, as it will be, or as it is on the way; each agent's own lines are in its files; what is
named by its digest has that digest. Not looked at: temporary files, logs, what gateways write, and installed programs.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.kills.site import Site

Texts = dict[str, str]
_WRITTEN = ("home/config.yaml", "home/.env", "home/SOUL.md", "start-gateway.sh")
OWN = {"config.yaml": "mine:  # by hand\n  kept: {level: 3}\n", ".env": "# by hand\nMINE='kept  as it is'\n"}
"""What an agent has in its own files, at their end: half of such a file can't be made whole again."""


def texts(site: Site) -> Texts:
    """Files that the reconciler writes below the root, by path, as far as they are there."""
    folders = (*site.root.glob("*"), *site.root.glob(".attic/*"))
    paths = [folder / name for folder in folders for name in _WRITTEN]
    return {str(path): path.read_text("utf-8", "backslashreplace") for path in paths if path.is_file()}


def add_own(site: Site) -> None:
    """Each agent writes its lines."""
    for home in site.root.glob("*/home"):
        for name, lines in OWN.items():
            with (home / name).open("a") as file:
                file.write(lines)


def torn(site: Site, whole: frozenset[str] | None) -> Iterator[str]:
    """`whole`: all texts that are right; None where a scene begins without secrets, and so each time has others."""
    for path, text in texts(site).items():
        if whole is not None and text not in whole:
            yield f"right after the kill, {path} is torn: {text!r}"
        if not text.endswith("\n"):
            yield f"right after the kill, {path} has no end: {text!r}"
    for path in (site.state / "kept").glob("[!.]*"):
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
            yield f"right after the kill, {path} is torn"
    for path in (site.state / "secrets").rglob("*"):
        if path.is_file() and not path.name.startswith(".") and not path.read_text().endswith("\n"):
            yield f"right after the kill, {path} is torn"
    for path in (site.state / "generations").glob("*/[!.]*/state.db"):
        if (verdict := _verdict(path)) != "ok":
            yield f"right after the kill, {path}: {verdict}"


def _verdict(path: Path) -> str:
    """Nobody writes to a copy, and looking must not make a journal beside it."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
            empty = database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
            return "empty" if empty else str(database.execute("PRAGMA quick_check").fetchone()[0])
    except sqlite3.Error as error:
        return str(error)
