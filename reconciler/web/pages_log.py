"""The end of a wizard's log, for its page. Not done here: masking secrets (engine/log_secrets.py), following a log."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.engine.board import View
from reconciler.engine.host import Host
from reconciler.engine.log_secrets import masking
from reconciler.errors import ReconcilerError
from reconciler.plan.resource import Process
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
    body = _body(view, wizard)
    if body is None:
        return LogView("", (), "This wizard has no process yet.")
    try:
        text = masking(host, body.home)(host.files.tail(body.log, lines))
    except ReconcilerError as error:
        return LogView(body.log, (), str(error))
    shown = tuple(shorten(plain(_ESCAPE.sub("", line).expandtabs(4)), LINE) for line in text.splitlines())
    return LogView(body.log, shown, "" if shown else "It is empty.")


def _body(view: View, wizard: str) -> Process | None:
    """The process as it was last started; else as it is wanted."""
    if view.seen is None:
        return None
    key = f"wizard/{wizard}/body"
    held = view.seen.records.held.get(key)
    if held is not None and isinstance(held.resource, Process):
        return held.resource
    found = (r for r in view.seen.desired.resources if r.key == key)
    return next((r for r in found if isinstance(r, Process)), None)
