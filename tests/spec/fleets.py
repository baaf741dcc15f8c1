"""A small fleet that is right, for tests that put one thing wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.spec.desired import Loaded
from reconciler.spec.load import load_fleet

ROOT = Path(__file__).parents[2]

FLEET = """kind: Fleet
name: house
hosts:
  vps: {}
ports:
  first: 8643
  last: 8650
  reserved:
    8645: the next wizard
"""
TWO_HOSTS = FLEET.replace("  vps: {}\n", "  vps: {}\n  lab: {}\n")
TASK = "kind: Task\nname: TASK-1\nwizard: ezra\ntitle: a\n"
PARTS = """kind: Codebase
name: hermes-agent
source: {pypi: hermes-agent, version: 0.19.0, with: [aiohttp]}
---
kind: Model
name: opus
id: claude-opus-4.6
provider: anthropic
---
kind: Service
name: gitea
port: 3000
"""

Changes = Mapping[str, str | bytes | None]
"""Files added to, replaced in or (None) removed from the small fleet."""
Case = tuple[str, Changes, list[str]]
"""What is wrong, the files, and every problem as it is printed, without the folder."""


def wizard(name: str = "ezra", port: int | str = 8643, *more: str) -> str:
    """Lines 1 to 7 are always the same; `more` begins at line 8."""
    lines = [
        "kind: Wizard",
        f"name: {name}",
        f"port: {port}",
        "codebase: hermes-agent",
        "model: opus",
        "soul:",
        "  charter: {identity: a wizard}",
        *more,
    ]
    return "\n".join(lines) + "\n"


def load(changes: Changes) -> Loaded:
    """The small fleet with files added, replaced or (None) removed; names are relative to the folder `fleet`."""
    files: dict[str, str | bytes | None] = {"fleet.yaml": FLEET, "parts.yaml": PARTS, "ezra.yaml": wizard(), **changes}
    raw = {
        f"fleet/{name}": text.encode() if isinstance(text, str) else text
        for name, text in files.items()
        if text is not None
    }
    return load_fleet(raw, "fleet")


def told(changes: Changes) -> list[str]:
    """Every problem as it is printed."""
    return [str(problem) for problem in load(changes).problems]


def rest(line: str, *, port: int = 8643) -> Changes:
    """Wizard ezra with a line 8."""
    return {"ezra.yaml": wizard("ezra", port, line)}


def service(name: str, port: int, *more: str) -> str:
    return "\n".join(["kind: Service", f"name: {name}", f"port: {port}", *more]) + "\n"


def golden() -> dict[str, bytes]:
    """The files of the repository's own fleet."""
    files = sorted(path for path in (ROOT / "fleet").rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in files}
