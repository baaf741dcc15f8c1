"""`reconciler completion`: the script that makes a shell complete verbs and options."""

from __future__ import annotations

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import out, verb

_VARIABLE = "_RECONCILER_COMPLETE"


@verb(
    'eval "$(reconciler completion bash)"        in ~/.bashrc',
    'eval "$(reconciler completion zsh)"         in ~/.zshrc',
    "reconciler completion fish > ~/.config/fish/completions/reconciler.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the completion script for a shell."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    root = context.find_root()
    out(found(root.command, {}, root.info_name or "reconciler", _VARIABLE).source() + "\n")
    return Exit.DONE
