"""`reconciler init`: a fleet repository to begin with."""

from __future__ import annotations

import platform
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import out, verb

_NEXT = """
Next:
  cd {directory}
  reconciler validate
  git init -b main && git add . && git commit -m "The fleet"
  git remote add origin ADDRESS && git push -u origin main

On host {host}, write /etc/reconciler/reconciler.toml as in {settings}, put the key of the
model into /etc/reconciler/anthropic-key, and look: reconciler plan
"""


def _name(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuses what the kinds would refuse, before a file is written."""
    from reconciler.spec.kinds import NAME, PATTERNS

    if value is not None and not (re.fullmatch(NAME, value) and len(value) <= 40):
        raise click.BadParameter(PATTERNS[NAME][1])
    return value


def _name_option(flag: str, text: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    return click.option(flag, metavar="NAME", callback=_name, help=text)


@verb("reconciler init my-fleet", "reconciler init my-fleet --host vps-1 --wizard ada")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@_name_option("--host", "The fleet's first host; default: the name of this machine.")
@_name_option("--wizard", "The fleet's first wizard; default: merlin.")
def init(directory: Path, host: str | None, wizard: str | None) -> int:
    """Make a folder a fleet repository.

    DIR gets one host, one codebase, one model and one wizard: valid, and ready to be changed. Files that are
    there already stay as they are.
    """
    from reconciler.cli.newfiles import write_new
    from reconciler.spec.scaffold import SETTINGS, NewFleet, fleet_repository, safe_name

    name = safe_name(directory.absolute().name, "fleet")
    host = host or safe_name(platform.node().partition(".")[0], "my-host")
    if (directory / "fleet").is_dir():
        out(f"{directory / 'fleet'} is there already; nothing was changed\n")
        return Exit.DONE
    files = fleet_repository(NewFleet(name, host, wizard or "merlin"))
    for path, text in files.items():
        written = write_new(directory / path, text)
        if not path.startswith("schemas/"):
            out(f"{'wrote' if written else 'kept '} {directory / path}\n")
    out(f"wrote {directory / 'schemas'} (for your editor)\n")
    out(_NEXT.format(directory=shlex.quote(str(directory)), host=host, settings=SETTINGS))
    return Exit.DONE
