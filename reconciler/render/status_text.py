"""The status of a host as text: a table, wizards that differ first, each with its differences and the evidence.

Not done here: watching, looking at a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.plan.status import Evidence, HostStatus, WizardStatus
from reconciler.render.paint import Style, paint
from reconciler.render.safe import plain, shorten
from reconciler.render.status_words import (
    COLUMNS,
    age_text,
    cells,
    deltas_first,
    headline,
    in_force,
    minute,
    notes,
)
from reconciler.render.table import table

_SHRINK = ((7, 24), (5, 12), (4, 12), (7, 10), (0, 14), (5, 6), (4, 6), (7, 4), (0, 6))
"""Why gives way first, then codebase and model; names stay whole as long as they can."""
_KEEP_END = frozenset({4, 5})
"""Versions stand at the end of models and codebases."""
_TEXT_LIMIT = 200
_NAMED = 5
"""Keys of an agent that are named without `verbose`."""


def status_text(status: HostStatus, *, colour: bool = False, width: int = 100, verbose: bool = False) -> str:
    """The whole status. `verbose` gives evidence and the agent's own keys for every wizard."""
    return "\n".join(_lines(status, colour, width, verbose)) + "\n"


def _lines(status: HostStatus, colour: bool, width: int, verbose: bool) -> Iterator[str]:
    subject = f" ({shorten(plain(status.subject), 60)})" if status.subject else ""
    yield paint(f"{status.host}, {in_force(status)}{subject}", Style.BOLD, colour)
    yield paint(f"Seen {minute(status.at)} UTC. {headline(status)}", Style.NONE, colour)
    if status.unused:
        yield f"{paint('not used:', Style.ALERT, colour)} {plain(status.unused)}"
    if status.result:
        yield f"Last pass: {plain(status.result)}"
    yield from (f"{paint('note:', Style.CHANGE, colour)} {plain(notice)}" for notice in notes(status))
    yield ""
    if not status.wizards:
        return
    wizards = deltas_first(status)
    lines = [COLUMNS, *(cells(wizard, status.at) for wizard in wizards)]
    head, *rows = table(lines, width=width - 2, shrink=_SHRINK, keep_end=_KEEP_END)
    yield paint(f"  {head}", Style.DIM, colour)
    for wizard, row in zip(wizards, rows, strict=True):
        sign, style = (" ", Style.NONE) if wizard.settled else ("!", Style.ACT)
        yield paint(f"{sign} {row}", style, colour)
        if wizard.paused:
            yield f"    paused: {plain(wizard.paused)}"
        if wizard.quarantined:
            yield f"    {paint('quarantined:', Style.ALERT, colour)} {plain(wizard.quarantined)}"
        if verbose or not wizard.settled:
            yield from _details(wizard, colour, verbose)
    owned = [wizard for wizard in wizards if wizard.unmanaged]
    if owned:
        yield ""
        yield paint("  Unmanaged, kept as the agent left it:", Style.DIM, colour)
        yield from (paint(f"    {w.name}: {_owned(w.unmanaged, verbose)}", Style.DIM, colour) for w in owned)


def _details(wizard: WizardStatus, colour: bool, verbose: bool) -> Iterator[str]:
    yield from (f"    {plain(difference)}" for difference in wizard.differences)
    if wizard.why:
        yield f"    why: {plain(wizard.why)}"
    yield from (paint(f"    {_evidence(evidence)}", Style.DIM, colour) for evidence in wizard.evidence)
    if verbose and wizard.generation is not None:
        yield paint(f"    generation: {wizard.generation}", Style.DIM, colour)
    if verbose and wizard.pid is not None:
        yield paint(f"    pid: {wizard.pid}", Style.DIM, colour)


def _owned(paths: tuple[str, ...], verbose: bool) -> str:
    """The agent's own keys, by name; `verbose` names them all."""
    shown = paths if verbose else paths[:_NAMED]
    more = f" and {len(paths) - len(shown)} more (-v names each)" if len(paths) > len(shown) else ""
    return ", ".join(plain(path) for path in shown) + more


def _evidence(evidence: Evidence) -> str:
    age = f" ({age_text(evidence.age)})" if evidence.age is not None else ""
    return f"{plain(evidence.source)}: {shorten(plain(evidence.text), _TEXT_LIMIT) or 'nothing seen'}{age}"
