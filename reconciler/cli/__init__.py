"""The command line: parses, calls, shows. Not done here: deciding anything."""

from __future__ import annotations

from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; `args` default to those of the process."""
    from reconciler.cli.app import run

    return run(args)
