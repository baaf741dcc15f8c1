"""What the global options say, and the two streams: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

if TYPE_CHECKING:
    from reconciler.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Session:
    """One call of the command line. `colour` is None when nobody chose."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    config: str | None = None
    colour: bool | None = None

    def settings(self) -> Settings:
        from reconciler import compose

        return compose.load(self.config, self.environ)

    def paints(self, stream: TextIO) -> bool:
        """Whether colour goes to the stream: as chosen, else on a terminal that has it, unless NO_COLOR is set."""
        if self.colour is not None:
            return self.colour
        plain = self.environ.get("NO_COLOR") or self.environ.get("TERM") == "dumb"
        return stream.isatty() and not plain

    def colours(self) -> bool:
        """Whether results are coloured."""
        return self.paints(sys.stdout)


class PipeClosed(Exception):
    """Whoever read our results has gone."""


def out(text: str) -> None:
    """Writes a result; the text ends its own lines and has been made safe."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:  # named otherwise, because click ends the process on it
        raise PipeClosed from error


def say(text: str) -> None:
    """Writes lines for the person at the terminal, made safe."""
    from reconciler.render.safe import plain

    sys.stderr.write("".join(f"{plain(line)}\n" for line in text.split("\n")))
    sys.stderr.flush()


def _config(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Session).config = value


def _colour(context: click.Context, _: click.Parameter, value: bool | None) -> None:
    if value is not None:
        context.ensure_object(Session).colour = value


def global_options(*, hidden: bool) -> Callable[[F], F]:
    """The options that may stand before or after the verb."""

    def decorate(command: F) -> F:
        colour = click.option(
            "--color/--no-color",
            default=None,
            expose_value=False,
            hidden=hidden,
            callback=_colour,
            help="Colour or none; decided by the terminal and NO_COLOR when left out.",
        )
        config = click.option(
            "--config",
            metavar="FILE",
            expose_value=False,
            hidden=hidden,
            callback=_config,
            help="Settings of this host; default $RECONCILER_CONFIG, else /etc/reconciler/reconciler.toml.",
        )
        return config(colour(command))

    return decorate


def verb(*examples: str, name: str | None = None) -> Callable[[Callable[..., int]], click.Command]:
    """A command whose function returns its exit code; `examples` are lines shown below its help."""

    def decorate(function: Callable[..., int]) -> click.Command:
        lines = "\n".join(f"  {example}" for example in examples)
        epilog = f"\b\nExamples:\n{lines}" if examples else None
        return click.command(name, epilog=epilog)(global_options(hidden=True)(function))

    return decorate


pass_session = click.make_pass_decorator(Session, ensure=True)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON with stable keys.")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Show what is otherwise only counted.")
