"""The fleet at one moment as a page shows it: each wizard, the pass now running, the queue, what was said.

Values only, read from the board and the ledger. Not done here: HTML, and what is the matter (pages_matters.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.engine.board import Running, StepView, View
from reconciler.engine.daemon import Daemon
from reconciler.engine.queue import Kind, Waiting
from reconciler.plan.presence import Presence, Uptime
from reconciler.plan.status import WizardState, WizardStatus
from reconciler.protocols.events import Level
from reconciler.protocols.ledger import Result
from reconciler.render.names import short_commit
from reconciler.render.status_words import observed_text
from reconciler.render.uptime import enough, percent, uptime_text
from reconciler.web.pages_matters import Matter, matters

DAY = 86_400.0
STRIP = 240
"""Width of the picture of a day, in its own units."""
SAID = 12


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the picture of a day."""

    left: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class UptimeView:
    """`fine` is None when nothing was watched."""

    percent: str
    text: str
    fine: bool | None
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Sign:
    """A state as a class of the style sheet, a shape and words; colour alone says nothing."""

    tone: str
    shape: str
    words: str


@dataclass(frozen=True, slots=True)
class WizardView:
    status: WizardStatus
    sign: Sign
    uptime: UptimeView
    matters: tuple[Matter, ...]
    busy: str

    @property
    def off(self) -> bool:
        """Whether it is not as desired; a pause alone is no difference."""
        return not self.status.settled or any(m.tone in ("bad", "warn") or m.rows for m in self.matters)


@dataclass(frozen=True, slots=True)
class StepLine:
    sign: Sign
    wizard: str
    what: str
    key: str
    began: float | None
    seconds: float | None
    text: str


@dataclass(frozen=True, slots=True)
class QueueLine:
    what: str
    why: str
    seconds: float
    failures: int


SIGNS = {
    "good": Sign("good", "●", "as desired"),
    "bad": Sign("bad", "▲", ""),
    "warn": Sign("warn", "◆", ""),
    "held": Sign("held", "‖", ""),
    "off": Sign("off", "○", ""),
    "unknown": Sign("unknown", "?", "unknown"),
}


def wizards(daemon: Daemon, view: View) -> tuple[WizardView, ...]:
    """Those that are not as desired first, the worst of them at the top."""
    if view.status is None:
        return ()
    found = (wizard_view(daemon, view, one) for one in view.status.wizards)
    return tuple(sorted(found, key=lambda one: (_URGENT.get(one.sign.tone, 9), not one.matters, one.status.name)))


_URGENT = {"bad": 0, "unknown": 1, "warn": 2, "held": 3}


def wizard_view(daemon: Daemon, view: View, status: WizardStatus) -> WizardView:
    found = matters(status, view)
    return WizardView(status, _sign(status, found), uptime(daemon, status.name, DAY), found, _busy(view, status.name))


def _sign(status: WizardStatus, found: tuple[Matter, ...]) -> Sign:
    words = observed_text(status)
    if status.observed is WizardState.UNKNOWN:
        return Sign("unknown", "?", words)
    tones = {matter.tone for matter in found}
    for tone in ("bad", "warn", "held"):
        if tone in tones:
            return Sign(tone, SIGNS[tone].shape, words)
    if status.healthy and status.observed is WizardState.DEAD:
        return Sign("off", "○", words)
    return Sign("good" if status.healthy else "bad", "●" if status.healthy else "▲", words)


def uptime(daemon: Daemon, wizard: str, seconds: float) -> UptimeView:
    now = daemon.host.clock.now()
    seen = daemon.host.ledger.uptime(wizard, now - seconds)
    text = uptime_text(seen, seconds)
    return UptimeView(percent(seen.ratio), text, enough(seen), tuple(_spans(seen, now - seconds, seconds)))


def _spans(seen: Uptime, since: float, seconds: float) -> list[Span]:
    ends = [at for at, _ in seen.changes[1:]] + [since + seconds]
    found = []
    for (at, state), end in zip(seen.changes, ends, strict=False):
        left = (max(at, since) - since) / seconds * STRIP
        width = (end - max(at, since)) / seconds * STRIP
        if state is not Presence.UNWATCHED and width > 0:
            found.append(Span(round(left, 2), round(max(width, 0.8), 2), state.value))
    return found


def _busy(view: View, wizard: str) -> str:
    """What the running pass does to it just now."""
    steps = view.running.steps if view.running else ()
    now = [s for s in steps if s.step.wizard == wizard and s.began is not None and s.result is None]
    return f"{now[0].step.operation.value} {_local(now[0].step.key)}" if now else ""


STEP_SIGNS = {
    Result.DONE: Sign("good", "✓", "done"),
    Result.FAILED: Sign("bad", "✗", "failed"),
    Result.BLOCKED: Sign("warn", "◆", "blocked"),
    Result.SKIPPED: Sign("off", "–", "skipped"),
    Result.INTERRUPTED: Sign("warn", "◆", "interrupted"),
}


def steps(running: Running, now: float) -> tuple[StepLine, ...]:
    return tuple(_step(view, now) for view in running.steps)


def _step(view: StepView, now: float) -> StepLine:
    if view.result is not None:
        sign = STEP_SIGNS[view.result]
    elif view.began is not None:
        sign = Sign("run", "▶", "running")
    else:
        sign = Sign("off", "·", "waiting")
    seconds = None if view.began is None else (view.ended or now) - view.began
    step, text = view.step, view.text if view.result in (Result.FAILED, Result.BLOCKED, Result.SKIPPED) else ""
    return StepLine(sign, step.wizard or "shared", step.operation.value, _local(step.key), view.began, seconds, text)


def _local(key: str) -> str:
    """The key without its wizard."""
    return key.split("/", 2)[2] if key.startswith("wizard/") and key.count("/") > 1 else key


_QUEUED = {
    Kind.PASS: "pass",
    Kind.ASKED: "pass that was asked for",
    Kind.PREVIEW: "preview of pull request",
    Kind.REFRESH: "look at open pull requests",
    Kind.REPORT: "tell the forge about",
}


def queue(daemon: Daemon) -> tuple[QueueLine, ...]:
    return tuple(_queued(one) for one in (*daemon.passes.waiting(), *daemon.desk.queue.waiting()))


def _queued(one: Waiting) -> QueueLine:
    name = short_commit(one.key.name) if one.key.kind is Kind.REPORT else one.key.name
    what = f"{_QUEUED[one.key.kind]} {name if one.key.kind is not Kind.ASKED else ''}".strip()
    return QueueLine(what, ", ".join(one.triggers), one.seconds, one.failures)


@dataclass(frozen=True, slots=True)
class SaidLine:
    at: float
    sign: Sign
    wizard: str
    text: str


def said(daemon: Daemon, view: View) -> tuple[SaidLine, ...]:
    """What was told lately, newest first."""
    tones = {Level.ERROR: SIGNS["bad"], Level.WARNING: SIGNS["warn"]}
    redact = daemon.host.secrets.redact
    return tuple(
        SaidLine(s.at, tones.get(s.event.level, SIGNS["off"]), s.event.wizard or "", redact(s.event.text))
        for s in reversed(view.said[-SAID:])
    )


def asked(daemon: Daemon, view: View, ticket: str) -> str:
    """How far the pass of this ticket has come, in words; "" when there is none."""
    mark = f"[{ticket}]"
    if view.running is not None and mark in view.running.trigger:
        return "What you asked for is being done now."
    if any(mark in trigger for one in daemon.passes.waiting() for trigger in one.triggers):
        return "What you asked for is next in the queue."
    ended = view.answer(ticket)
    if ended is not None:
        trouble = f": {ended.trouble}" if ended.trouble else ""
        return f"What you asked for ended: {ended.result}{trouble}."
    if any(mark in one.trigger for one in daemon.host.ledger.passes(50)):
        return "What you asked for has been done; the history says what."
    return ""
