"""What came of a pass, in lines: what was done, what was not and why, what still differs. Not done here: plans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from reconciler.cli.exits import Exit
from reconciler.plan.change import SIGNS, Change, Disposition
from reconciler.protocols.ledger import Result
from reconciler.render.names import counted
from reconciler.render.paint import Style, paint
from reconciler.render.safe import plain
from reconciler.render.wording import summary_line

if TYPE_CHECKING:
    from reconciler.engine.apply import Outcome
    from reconciler.engine.report import Report

_NAMED = 10


def exit_code(report: Report) -> int:
    """0 when the host is as Git wants it, pauses and what a person rolled back aside."""
    blocked = any(change.disposition is Disposition.BLOCKED for change in report.left.changes)
    if report.applied.result is Result.INTERRUPTED:
        return Exit.INTERRUPTED
    done = report.done and not blocked and not report.left.pending and not report.unsigned and not report.stuck
    return Exit.DONE if done else Exit.ERROR


def report_text(report: Report, *, colour: bool = False) -> str:
    """The summary first; ends with a line end."""
    lines = [paint(_summary(report), Style.BOLD, colour), *_details(report, colour)]
    return "\n".join(lines) + "\n"


def _summary(report: Report) -> str:
    if not report.applied.outcomes:
        return summary_line(report.plan)
    return f"{report.plan.host}, commit {report.plan.commit[:7]}: {report.status.result}."


def _details(report: Report, colour: bool) -> Iterator[str]:
    if report.applied.failures:
        yield paint("Not done:", Style.ALERT, colour)
        yield from (f"  {_failure(outcome)}" for outcome in report.applied.failures)
    skipped = [o for o in report.applied.outcomes if o.result is Result.SKIPPED]
    if skipped:
        yield paint("Left out because of that:", Style.CHANGE, colour)
        yield from (f"  {line}" for line in _skipped(skipped))
    if report.left.quarantined:
        yield paint("Quarantined:", Style.ALERT, colour)
        yield from (f"  {plain(name)}: {plain(why)}" for name, why in report.left.quarantined)
    if report.left.waiting:
        yield paint("Held or blocked:", Style.CHANGE, colour)
        yield from (f"  {line}" for line in _some(list(_waiting(report.left.waiting))))
    if report.left.pending and report.done:
        yield paint("Still different:", Style.ALERT, colour)
        yield from (f"  {line}" for line in _some([_line(change) for change in report.left.pending]))
    yield from (f"{paint('note:', Style.CHANGE, colour)} {plain(notice)}" for notice in report.notices)


def _failure(outcome: Outcome) -> str:
    place = "" if outcome.step.key in outcome.text else f"{outcome.step.key}: "
    return plain(f"{place}{outcome.step.operation.value} {outcome.result.value}: {outcome.text}")


def _skipped(outcomes: list[Outcome]) -> Iterator[str]:
    """Steps counted by wizard: each of them only waits for another one that is told above."""
    owned = sorted(outcomes, key=lambda outcome: outcome.step.wizard or "")
    for wizard, group in groupby(owned, key=lambda outcome: outcome.step.wizard):
        steps = list(group)
        names = ", ".join(dict.fromkeys(outcome.step.operation.value for outcome in steps))
        yield plain(f"{wizard or 'shared'}: {counted(len(steps), 'step')} ({names}); {steps[0].text}")


def _waiting(changes: Sequence[Change]) -> Iterator[str]:
    """One line for what stands in the way of several changes of a wizard."""
    by_obstacle: dict[tuple[str | None, str, str], list[Change]] = {}
    for change in changes:
        by_obstacle.setdefault((change.wizard, change.disposition.value, change.obstacle), []).append(change)
    for (wizard, disposition, obstacle), found in by_obstacle.items():
        first = found[0]
        what = f"{SIGNS[first.action]} {first.key}"
        if len(found) > 1:
            what = f"{wizard or 'shared'}: {counted(len(found), 'change')}"
        yield plain(f"{what} {disposition}: {obstacle}")


def _line(change: Change) -> str:
    reasons = "; ".join(reason.text for reason in change.reasons)
    return plain(f"{SIGNS[change.action]} {change.action.value} {change.key} ({reasons})")


def _some(lines: list[str]) -> list[str]:
    more = len(lines) - _NAMED
    return [*lines[:_NAMED], f"and {more} more; `reconciler plan` shows them"] if more > 0 else lines
