"""The verbs as `--help` lists them, in the order in which people meet them.

Only this table is read for the list: a verb's own module is imported when the verb is called, because `--help` has a
start-up budget. A test holds the table to what the verbs say of themselves.
"""

from __future__ import annotations

from importlib import import_module

import click

SECTIONS = {
    "Begin": {
        "demo": "Run a whole fleet in a folder: no root, no systemd, no key.",
        "init": "Make a folder a fleet repository.",
        "new": "Add a wizard to a fleet folder.",
        "validate": "Check a fleet folder.",
    },
    "Look": {
        "plan": "Show what a pass would change on this host.",
        "status": "Show what Git wants of each wizard beside what is seen.",
        "why": "Tell why a wizard is as it is.",
        "history": "Show the last passes of this host and what each did.",
        "logs": "Print the last lines of a wizard's gateway log.",
    },
    "Act": {
        "apply": "Bring this host to what Git declares.",
        "run": "Follow Git: bring this host to what it declares, and keep it there.",
        "restart": "Restart wizards.",
        "rollback": "Put a wizard back to its last generation.",
        "retry": "Try again what failed here.",
        "ask": "Say something to a running wizard and print its answer.",
        "pause": "Leave a wizard as it is until it is resumed.",
        "resume": "End a pause.",
    },
    "Set up": {
        "secret": "Encrypt secrets for Git, and renew those of this host.",
        "schema": "Write the JSON Schemas of fleet files, for editors.",
        "completion": "Print the completion script for a shell.",
    },
}
_MODULES = {"why": "history", "resume": "pause", "retry": "rollback"}
"""Verbs that share a module with another."""
_HIDDEN = frozenset({"hook"})
"""Verbs that programs call, and no list shows."""


class Verbs(click.Group):
    """Finds a verb in its module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the shape is click's
        return [name for verbs in SECTIONS.values() for name in verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx) and cmd_name not in _HIDDEN:
            return None
        module = import_module(f"reconciler.cli.verbs.{_MODULES.get(cmd_name, cmd_name)}")
        command = getattr(module, cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__}.{cmd_name} is no command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(f"there is no verb {args[0]!r}{self._nearest(ctx, args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def _nearest(self, ctx: click.Context, name: str) -> str:
        import difflib

        close = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
        return f"; did you mean {close[0]}?" if close else ""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(len(name) for name in self.list_commands(ctx))
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), text) for name, text in verbs.items()])
