"""The end of a wizard's log, for its page. Not done here: masking secrets (engine/log_secrets.py), following a log."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.engine.board import View
from reconciler.engine.host import Host
from reconciler.engine.log_secrets import log_place, masking
from reconciler.errors import ReconcilerError
from reconciler.render.safe import plain, shorten

LINE = 600
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\^_])")


@dataclass(frozen=True, slots=True)
class LogView:
    """`trouble` says why there is nothing to show."""

    path: str
    lines: tuple[str, ...]
    trouble: str = ""


def log_view(host: Host, view: View, wizard: str, lines: int) -> LogView:
    place = log_place(view.seen.records, view.seen.desired.resources, wizard) if view.seen else None
    if place is None:
        return LogView("", (), "This wizard has no process yet.")
    try:
        text = masking(host, place.home)(host.files.tail(place.log, lines))
    except ReconcilerError as error:
        return LogView(place.log, (), str(error))
    shown = tuple(shorten(plain(_ESCAPE.sub("", line).expandtabs(4)), LINE) for line in text.splitlines())
    return LogView(place.log, shown, "" if shown else "It is empty.")
