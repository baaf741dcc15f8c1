"""The whole system in a folder: a Git remote, real Hermes gateways under supervisord, and a stand-in model. No root.

Uses the engine as any face does; nothing in the engine knows about it.
"""

from __future__ import annotations

from pathlib import Path


def main(once: bool, directory: Path | None) -> int:
    """Runs the demo; see `show.run`. Returns the exit code."""
    from reconciler.demo.show import run

    return run(once, directory)
