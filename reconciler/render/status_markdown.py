"""STATUS.md: what a person reads in the repository's web view. Equal bytes for an unchanged host.

So it holds no ages, no pids and no moment of looking: the commit that carries it says when. Evidence stands only with
wizards that are not settled.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.plan.status import HostStatus, WizardStatus
from reconciler.render.markdown import fence, inline, row
from reconciler.render.names import short_commit
from reconciler.render.safe import plain, shorten
from reconciler.render.status_words import deltas_first, headline, in_force, minute, notes, observed_text

_CELL = 60
_TEXT = 300
_LONG = 800
_COLUMNS = ("Wizard", "Desired", "Observed", "Port", "Model", "Codebase", "Revision", "Since (UTC)")


def status_markdown(status: HostStatus) -> str:
    return "\n".join(_lines(status)) + "\n"


def _lines(status: HostStatus) -> Iterator[str]:
    yield f"# {inline(status.host)}"
    yield ""
    yield f"**{headline(status)}**"
    yield ""
    if status.unused:
        yield f"- Not used: {inline(shorten(plain(status.unused), _LONG))}"
    subject = f": {inline(shorten(plain(status.subject), _TEXT))}" if status.subject else ""
    yield f"- Desired: {inline(in_force(status))}{subject}"
    if status.result:
        yield f"- Last pass: {inline(shorten(plain(status.result), _TEXT))}"
    yield from (f"- Note: {inline(shorten(plain(notice), _TEXT))}" for notice in notes(status))
    if not status.wizards:
        return
    wizards = deltas_first(status)
    yield ""
    yield row(_COLUMNS)
    yield "|" + " --- |" * len(_COLUMNS)
    yield from (row([shorten(plain(text), _CELL) for text in _cells(wizard)]) for wizard in wizards)
    for wizard in wizards:
        yield from _section(wizard)


def _cells(wizard: WizardStatus) -> tuple[str, ...]:
    return (
        wizard.name,
        wizard.desired,
        observed_text(wizard),
        str(wizard.port),
        wizard.model,
        wizard.codebase,
        short_commit(wizard.revision),
        minute(wizard.since) if wizard.since else "",
    )


def _section(wizard: WizardStatus) -> Iterator[str]:
    yield ""
    yield f"## {inline(wizard.name)}"
    yield ""
    if wizard.role:
        yield f"- Role: {inline(shorten(plain(wizard.role), _TEXT))}"
    since = f", since {minute(wizard.since)} UTC" if wizard.since else ""
    yield f"- State: {inline(observed_text(wizard) + since)}"
    if wizard.why:
        yield f"- Why: {inline(shorten(plain(wizard.why), _TEXT))}"
    if wizard.paused:
        yield f"- Paused: {inline(shorten(plain(wizard.paused), _TEXT))}"
    if wizard.quarantined:
        yield f"- Quarantined: {inline(shorten(plain(wizard.quarantined), _LONG))}"
    if wizard.unmanaged:
        yield f"- The agent's own keys, kept: {', '.join(inline(key) for key in wizard.unmanaged)}"
    yield from _unsettled(wizard)


def _unsettled(wizard: WizardStatus) -> Iterator[str]:
    if wizard.settled:
        return
    evidence = [f"{e.source}: {e.text or 'nothing seen'}" for e in wizard.evidence]
    if wizard.differences:
        yield from ("", "Not applied yet:", "", fence(wizard.differences, "diff"))
    if evidence:
        yield from ("", "Seen:", "", fence(evidence, "text"))
