"""`reconciler init --hooks`: which hooks a repository gets, their text, and what became of each.

Not done here: what they do when Git calls them (verbs/hook.py).
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.exits import Exit
from reconciler.cli.session import out

if TYPE_CHECKING:
    from reconciler.protocols.set_up import GitHooks

_BARE = ("pre-receive", "post-receive")
_WITH_FILES = ("pre-commit",)
_CALLS = {
    "pre-receive": "printf '%s\\n' \"$lines\" | {path} || exit 1   # with lines=$(cat) at the top of yours",
    "post-receive": "printf '%s\\n' \"$lines\" | {path}   # with lines=$(cat) at the top of yours",
    "pre-commit": "{path} || exit 1",
}


def install_hooks(path: Path) -> int:
    """Installs what fits the repository. A hook of somebody else stays, and then the exit code is 1."""
    from reconciler.compose.set_up import hook_folder

    folder = hook_folder(path)
    results = [_install(folder, name) for name in (_BARE if folder.bare else _WITH_FILES)]
    return Exit.DONE if all(results) else Exit.ERROR


def _install(folder: GitHooks, name: str) -> bool:
    from reconciler.protocols.set_up import Installed
    from reconciler.render.safe import plain

    target = folder.place(name)
    done = folder.install(name, script(name))
    if done is not Installed.FOREIGN:
        out(plain(f"{done.value:8}{target}") + "\n")
        return True
    beside = target.with_name(f"reconciler-{name}")
    ours = folder.install(beside.name, script(name))
    call = _CALLS[name].format(path=shlex.quote(str(beside)))
    out(plain(f"kept    {target}, which is not ours") + "\n")
    out(plain(f"{ours.value:8}{beside}") + f"\n\nCall it from yours:\n  {plain(call)}\n\n")
    return False


def script(name: str) -> str:
    """The hook's text, with the path of this very command where that can be named: a server's PATH is short."""
    packaged = Path(__file__).parents[1] / "hooks" / name
    text = (packaged if packaged.is_file() else Path(__file__).parents[2] / "hooks" / name).read_text("utf-8")
    command = Path(sys.executable).with_name("reconciler")
    if not command.is_file():
        return text
    return text.replace("${RECONCILER_BIN:-reconciler}", f"${{RECONCILER_BIN:-{shlex.quote(str(command))}}}")
