"""The daemon's log on a stream: one line an event, as JSON or to read, each with the revision and the wizard.

Not done here: what is worth a line, rotating files (the service manager keeps what we write to stderr).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Literal, TextIO

from reconciler.protocols.events import Event, Level, Stage

if TYPE_CHECKING:
    from structlog.typing import Processor

Format = Literal["text", "json"]
_ORDER = (Level.DETAIL, Level.INFO, Level.WARNING, Level.ERROR)


class StreamLog:
    """An `Events` sink. `level` is the least that is written. The revision is that of the pass that runs or ran
    last."""

    def __init__(self, stream: TextIO, form: Format, level: Level, *, colour: bool = False) -> None:
        import structlog

        self._least = _ORDER.index(level)
        self._lock = Lock()
        self._revision = ""
        renderer = structlog.processors.JSONRenderer() if form == "json" else _readable(colour)
        self._log = structlog.wrap_logger(
            structlog.PrintLogger(stream), processors=[renderer], wrapper_class=structlog.BoundLogger
        )

    def emit(self, event: Event) -> None:
        if event.progress is not None and event.progress.stage is Stage.FETCHED:
            self._revision = event.progress.commit[:12]
        if _ORDER.index(event.level) >= self._least:
            self._write(event.level.value, event.text, {"wizard": event.wizard, "key": event.key} | _stage(event))

    def bug(self, error: BaseException) -> None:
        """What nobody expected, with where it happened."""
        import traceback

        where = "".join(traceback.format_exception(error))
        self._write("bug", f"{type(error).__name__}: {error}", {"traceback": where, "report": "this is a bug"})

    def _write(self, level: str, text: str, more: dict[str, str | None]) -> None:
        now = time.time()
        at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields = {name: value for name, value in {"revision": self._revision, **more}.items() if value}
        with self._lock:
            self._log.msg(text, timestamp=at, level=level, **fields)


def _stage(event: Event) -> dict[str, str | None]:
    progress = event.progress
    if progress is None:
        return {}
    step = progress.step.operation.value if progress.step else None
    return {"stage": progress.stage.value, "step": step, "result": progress.result.value if progress.result else None}


def _readable(colour: bool) -> Processor:
    import structlog

    return structlog.dev.ConsoleRenderer(colors=colour, sort_keys=False, pad_event_to=0, pad_level=True)
