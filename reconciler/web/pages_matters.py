"""What is the matter with a wizard, in words with the mend: quarantine, pause, block, drift, bad health.

Read from what the last pass saw; nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.engine.board import View
from reconciler.plan.change import Cause, Change, Disposition, Plan
from reconciler.plan.generation import words
from reconciler.plan.held import Records
from reconciler.plan.repeat import stopped
from reconciler.plan.status import WizardState, WizardStatus
from reconciler.render.names import counted
from reconciler.render.status_words import minute
from reconciler.web.pages_plan import Row, rows


@dataclass(frozen=True, slots=True)
class Matter:
    """`tone` is a class of the style sheet: bad, warn, held or info. `action` is (page, label), None if none helps."""

    tone: str
    title: str
    text: str
    mend: str = ""
    action: tuple[str, str] | None = None
    rows: tuple[Row, ...] = ()


def matters(wizard: WizardStatus, view: View) -> tuple[Matter, ...]:
    """Worst first; empty when all is well."""
    plan, records = view.left, view.seen.records if view.seen else Records()
    mine = tuple(c for c in plan.changes if c.wizard == wizard.name) if plan else ()
    found = [
        *_quarantined(wizard, view),
        *_unseen(wizard),
        *_stopped(wizard, mine, records),
        *_blocked(mine, records, plan),
        *_ill(wizard),
        *_drifted(mine, plan),
        *_pending(mine, plan),
        *_paused(wizard, records, mine, plan),
    ]
    return tuple(found)


def _quarantined(wizard: WizardStatus, view: View) -> list[Matter]:
    found = view.seen.quarantined.get(wizard.name) if view.seen else None
    if found is None:
        return []
    one, generation = found
    text, _, mend = words(one, generation).rpartition("; ")
    title = "Rolled back by hand" if one.by_hand else "Quarantined"
    action = (f"/actions/retry?wizard={wizard.name}", f"Retry {wizard.name}…")
    return [Matter("held" if one.by_hand else "bad", title, f"{text}.", mend, action)]


def _unseen(wizard: WizardStatus) -> list[Matter]:
    if wizard.observed is not WizardState.UNKNOWN:
        return []
    why = next((e.text for e in wizard.evidence if e.source == "process"), "")
    mend = "nothing about it is created or removed until it can be seen again"
    return [Matter("bad", "Could not be observed", why, mend)]


def _stopped(wizard: WizardStatus, mine: tuple[Change, ...], records: Records) -> list[Matter]:
    texts = {change.key: stopped(change, records) for change in mine}
    action = (f"/actions/retry?wizard={wizard.name}", f"Retry {wizard.name}…")
    return [Matter("bad", "Stopped: it came back", f"{key} {text}", "", action) for key, text in texts.items() if text]


def _blocked(mine: tuple[Change, ...], records: Records, plan: Plan | None) -> list[Matter]:
    by_obstacle: dict[str, list[Change]] = {}
    for change in mine:
        if change.disposition is Disposition.BLOCKED and not stopped(change, records):
            by_obstacle.setdefault(change.obstacle, []).append(change)
    commit = plan.commit if plan else ""
    return [
        Matter("warn", "Blocked", obstacle, "it is tried again by itself", rows=rows(changes, commit))
        for obstacle, changes in by_obstacle.items()
    ]


def _ill(wizard: WizardStatus) -> list[Matter]:
    off = wizard.observed.value != wizard.desired and wizard.desired != "removed"
    if wizard.healthy or wizard.observed is WizardState.UNKNOWN or (wizard.quarantined and not off):
        return []
    if wizard.desired == "removed":
        return [Matter("info", "Leaves this host", "Git no longer declares it here.")]
    said = [f"{e.source}: {e.text}" for e in wizard.evidence if e.text not in {"ok", ""} and e.source != "heartbeat"]
    if off:
        return [Matter("bad", f"It is {wizard.observed.value}, not {wizard.desired}", "; ".join(said))]
    return [Matter("bad", "Unhealthy", "; ".join(said), f"its log says more: the end of /wizards/{wizard.name}")]


def _is_drift(change: Change) -> bool:
    causes = {field.cause for field in change.fields} | {reason.cause for reason in change.reasons}
    return bool(causes & {Cause.DRIFT, Cause.ENDED, Cause.ORPHAN})


def _applies(mine: tuple[Change, ...]) -> tuple[Change, ...]:
    return tuple(change for change in mine if change.disposition is Disposition.APPLY)


def _drifted(mine: tuple[Change, ...], plan: Plan | None) -> list[Matter]:
    found = tuple(change for change in _applies(mine) if _is_drift(change))
    if not found or plan is None:
        return []
    mend = "the next pass puts back what Git declares; to keep it, commit it"
    return [Matter("warn", "Drift", "The host is not as it was left.", mend, rows=rows(found, plan.commit))]


def _pending(mine: tuple[Change, ...], plan: Plan | None) -> list[Matter]:
    found = tuple(change for change in _applies(mine) if not _is_drift(change))
    if not found or plan is None:
        return []
    text = f"{counted(len(found), 'change')} of Git {'waits' if len(found) == 1 else 'wait'} for the next pass."
    return [Matter("info", "Pending", text, rows=rows(found, plan.commit))]


def _paused(wizard: WizardStatus, records: Records, mine: tuple[Change, ...], plan: Plan | None) -> list[Matter]:
    pause = records.pauses.get(wizard.name)
    if pause is None:
        return []
    held = tuple(change for change in mine if change.disposition is Disposition.HELD)
    what = f"{counted(len(held), 'change')} held." if held else "Nothing is held back so far."
    text = f"Since {minute(pause.since)} UTC{': ' if pause.reason else ''}{pause.reason}. {what}"
    action = (f"/actions/resume?wizard={wizard.name}", f"Resume {wizard.name}…")
    return [Matter("held", "Paused", text, "", action, rows(held, plan.commit) if plan else ())]
