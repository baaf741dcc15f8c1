"""What is the matter with a wizard, in words with the mend: quarantine, pause, block, drift, bad health.

Read from what the last pass saw; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.engine.board import View
from reconciler.plan.change import Action, Cause, Change, Disposition, Plan
from reconciler.plan.generation import words
from reconciler.plan.held import Records
from reconciler.plan.repeat import stopped
from reconciler.plan.status import WizardState, WizardStatus
from reconciler.render.difference import shown_fields
from reconciler.render.names import counted, local_name
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
    about: str = ""
    """What the rows are about, where there is no room for them."""


def matters(wizard: WizardStatus, view: View) -> tuple[Matter, ...]:
    """Worst first; empty when all is well."""
    plan, records = plan_of(view, wizard.name), view.seen.records if view.seen else Records()
    mine = tuple(c for c in plan.changes if c.wizard == wizard.name) if plan else ()
    now = "the pass now running" if plan is not None and plan is not view.left else "the next pass"
    found = [
        *_quarantined(wizard, view),
        *_unseen(wizard),
        *_stopped(wizard, mine, records),
        *_blocked(mine, records, plan),
        *_ill(wizard),
        *_drifted(mine, plan, now),
        *_pending(mine, plan, now),
        *_paused(wizard, records, mine, plan),
    ]
    return tuple(found)


def plan_of(view: View, wizard: str) -> Plan | None:
    """The plan of the pass now running, where that looks at the wizard; else what the last one left."""
    running = view.running.plan if view.running else None
    return running if running is not None and wizard in running.wizards else view.left


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
        Matter("warn", "Blocked", obstacle, "it is tried again by itself", None, rows(changes, commit), about(changes))
        for obstacle, changes in by_obstacle.items()
    ]


def _ill(wizard: WizardStatus) -> list[Matter]:
    off = wizard.desired not in (wizard.observed.value, "removed")
    quiet = wizard.healthy or (wizard.quarantined and not off)
    if quiet or wizard.observed is WizardState.UNKNOWN:
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


def _drifted(mine: tuple[Change, ...], plan: Plan | None, now: str) -> list[Matter]:
    found = tuple(change for change in _applies(mine) if _is_drift(change))
    if not found or plan is None:
        return []
    mend = f"{now} puts back what Git declares; to keep it, commit it"
    return [
        Matter("warn", "Drift", "The host is not as it was left.", mend, None, rows(found, plan.commit), about(found))
    ]


def _pending(mine: tuple[Change, ...], plan: Plan | None, now: str) -> list[Matter]:
    found = tuple(change for change in _applies(mine) if not _is_drift(change))
    if not found or plan is None:
        return []
    text = f"{counted(len(found), 'change')} of Git {'waits' if len(found) == 1 else 'wait'} for {now}."
    return [Matter("info", "Pending", text, "", None, rows(found, plan.commit), about(found))]


def _paused(wizard: WizardStatus, records: Records, mine: tuple[Change, ...], plan: Plan | None) -> list[Matter]:
    pause = records.pauses.get(wizard.name)
    if pause is None:
        return []
    held = tuple(change for change in mine if change.disposition is Disposition.HELD)
    what = f"{counted(len(held), 'change')} held." if held else "Nothing is held back so far."
    text = f"Since {minute(pause.since)} UTC{': ' if pause.reason else ''}{pause.reason}. {what}"
    action = (f"/actions/resume?wizard={wizard.name}", f"Resume {wizard.name}…")
    return [Matter("held", "Paused", text, "", action, rows(held, plan.commit) if plan else (), about(held))]


def about(changes: Iterable[Change]) -> str:
    """`home/config.yaml (4 keys), start body`"""
    return ", ".join(_about(change) for change in changes)


def _about(change: Change) -> str:
    name = local_name(change.resource)
    if change.action not in (Action.CREATE, Action.UPDATE, Action.DELETE):
        return f"{change.action.value} {name}"
    fields = shown_fields(change) if change.action is Action.UPDATE else ()
    return f"{name} ({counted(len(fields), 'field')})" if fields else f"{name} ({change.action.value})"
