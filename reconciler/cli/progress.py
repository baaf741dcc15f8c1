"""Progress of a pass on stderr: one line for each step, and on a terminal a line that says what is going on now.

Not done here: results.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from reconciler.cli.session import Session
from reconciler.protocols.events import Event, Events, Level
from reconciler.render.paint import Style, paint

if TYPE_CHECKING:
    from rich.status import Status

_STYLES = {Level.DETAIL: Style.DIM, Level.INFO: Style.NONE, Level.WARNING: Style.CHANGE, Level.ERROR: Style.ALERT}
_LABELS = {Level.WARNING: "warning: ", Level.ERROR: "error: "}


class Lines:
    """Prints each event on a line of its own; steps run in several threads."""

    def __init__(self, *, colour: bool, verbose: bool) -> None:
        self._colour = colour
        self._verbose = verbose
        self._lock = Lock()
        self.status: Status | None = None

    def emit(self, event: Event) -> None:
        if event.level is Level.DETAIL and not self._verbose:
            return
        line = paint(_text(event), _STYLES[event.level], self._colour) + "\n"
        with self._lock:
            if self.status is None:
                sys.stderr.write(line)
                sys.stderr.flush()
            else:
                self._above(self.status, event, line)

    def _above(self, status: Status, event: Event, line: str) -> None:
        """Prints the line above the moving one, which says it as long as nothing newer happens."""
        from rich.text import Text

        status.console.print(Text.from_ansi(line.rstrip("\n")), soft_wrap=True)
        if event.level is Level.INFO:
            status.update(Text(_text(event), style="dim", no_wrap=True, overflow="ellipsis"))


def _text(event: Event) -> str:
    place = event.key if event.key and event.key not in event.text else ""
    return _LABELS.get(event.level, "") + (f"{place}: " if place else "") + event.text


@contextmanager
def progress(session: Session, *, verbose: bool = False) -> Iterator[Events]:
    """Events that are shown while the block runs."""
    lines = Lines(colour=session.paints(sys.stderr), verbose=verbose)
    if not sys.stderr.isatty() or session.environ.get("TERM") == "dumb":
        yield lines
        return
    from rich.console import Console  # late: it costs more than the rest of the start

    console = Console(stderr=True, no_color=not session.paints(sys.stderr), highlight=False)
    with console.status("working") as lines.status:
        yield lines
