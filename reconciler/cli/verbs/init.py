"""`reconciler init`: a fleet repository to begin with, in a folder or at a forge; hooks for one that there is."""

from __future__ import annotations

import platform
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, out, pass_session, verb

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


@verb(
    "reconciler init my-fleet --host vps-1 --wizard ada",
    "reconciler init my-fleet --gitea http://127.0.0.1:3000 --repo sovereign/fleet --token-file token --protect",
    "reconciler init --hooks /srv/git/fleet.git",
)
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path))
@_name_option("--host", "The fleet's first host; default: the name of this machine.")
@_name_option("--wizard", "The fleet's first wizard; default: merlin.")
@click.option("--gitea", metavar="URL", help="Set the repository up at this Gitea or Forgejo; DIR gets a clone.")
@click.option("--repo", "repository", metavar="OWNER/NAME", help="Which; made (private) when there is none.")
@click.option("--branch", metavar="NAME", help="Branch that hosts follow; default: main.")
@click.option(
    "--token-file", metavar="FILE", help="File with an access token; default: gitea.token, else $GITEA_TOKEN."
)
@click.option("--webhook-url", metavar="URL", help="Where Gitea reaches the daemon; default: web.url, else web.bind.")
@click.option("--secret-file", metavar="FILE", help="Where the webhook's secret is kept; default: web.webhook_secret.")
@click.option("--ca-file", metavar="FILE", help="Certificates to trust for https.")
@click.option("--protect", is_flag=True, help="Let nothing be merged into the branch without a plan.")
@click.option(
    "--hooks",
    metavar="[GIT_DIR]",
    is_flag=False,
    flag_value=".",
    help="Install Git hooks in a repository of this machine, bare or with files; default: here.",
)
@pass_session
def init(session: Session, /, directory: Path | None, host: str | None, wizard: str | None, **options: Any) -> int:
    """Make a folder a fleet repository.

    DIR gets one host, one codebase, one model and one wizard: valid, and ready to be changed. Files that are
    there already stay as they are.

    With --gitea, the same becomes the first commit of a repository there, with a webhook that wakes the daemon. With
    --hooks, an invalid fleet can't be pushed or committed. Whatever is as it should be stays; run it again any time.
    """
    from reconciler.spec.scaffold import safe_name

    fleet = (host or safe_name(platform.node().partition(".")[0], "my-host"), wizard or "merlin")
    hooks, gitea = options.pop("hooks"), options.pop("gitea")
    if hooks is not None:
        if directory or gitea:
            raise click.UsageError("--hooks goes alone")
        return _hooks(hooks)
    if gitea is not None:
        from reconciler.cli.forge import set_up_forge
        from reconciler.cli.forge_place import Asked

        return set_up_forge(session, Asked(gitea, folder=directory, host=fleet[0], wizard=fleet[1], **options))
    if alone := next((name for name, value in options.items() if value), None):
        raise click.UsageError(f"--{alone.replace('_', '-')} counts only with --gitea")
    if directory is None:
        raise click.UsageError("Missing argument 'DIR'")
    return _scaffold(directory, *fleet)


def _scaffold(directory: Path, host: str, wizard: str) -> int:
    from reconciler.cli.newfiles import write_new
    from reconciler.spec.scaffold import SETTINGS, NewFleet, fleet_repository, safe_name

    name = safe_name(directory.absolute().name, "fleet")
    if (directory / "fleet").is_dir():
        out(f"{directory / 'fleet'} is there already; nothing was changed\n")
        return Exit.DONE
    files = fleet_repository(NewFleet(name, host, wizard))
    for path, text in files.items():
        written = write_new(directory / path, text)
        if not path.startswith("schemas/"):
            out(f"{'wrote' if written else 'kept '} {directory / path}\n")
    out(f"wrote {directory / 'schemas'} (for your editor)\n")
    out(_NEXT.format(directory=shlex.quote(str(directory)), host=host, settings=SETTINGS))
    return Exit.DONE


def _hooks(where: str) -> int:
    from reconciler.cli.hooks import install_hooks

    return install_hooks(Path(where))
