"""What the status renderings share: order, the words of one wizard, ages and times as people read them."""

from __future__ import annotations

import re

from reconciler.plan.status import HostStatus, WizardStatus
from reconciler.render.names import commit_name, counted, short_commit
from reconciler.render.safe import plain

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(\.\d+)?(Z|\+00:00)?")
COLUMNS = ("NAME", "DESIRED", "OBSERVED", "PORT", "MODEL", "CODEBASE", "SINCE", "WHY")


def deltas_first(status: HostStatus) -> tuple[WizardStatus, ...]:
    """Wizards that are not settled first; otherwise by name."""
    return tuple(sorted(status.wizards, key=lambda wizard: (wizard.settled, wizard.name)))


def cells(wizard: WizardStatus, at: str) -> tuple[str, ...]:
    """One row of the table, in the order of COLUMNS, seen at the moment `at`."""
    return (
        wizard.name,
        wizard.desired,
        "unhealthy" if _ails(wizard) else wizard.observed.value,
        str(wizard.port),
        wizard.model,
        wizard.codebase,
        short_time(wizard.since, at),
        wizard.why,
    )


def observed_text(wizard: WizardStatus) -> str:
    """The observed state, and whether it ails although it is as desired."""
    return f"{wizard.observed.value}, unhealthy" if _ails(wizard) else wizard.observed.value


def _ails(wizard: WizardStatus) -> bool:
    return wizard.observed.value == wizard.desired and not wizard.healthy


def minute(time: str) -> str:
    """`2026-04-01 08:00` of an ISO 8601 time in UTC; anything else as it is, "-" for nothing."""
    match = _TIME.fullmatch(time)
    return f"{match[1]} {match[2]}" if match else plain(time) or "-"


def short_time(time: str, now: str) -> str:
    """The time of day when it was on the same day as `now`, without the year when in the same year."""
    text, today = minute(time), minute(now)
    if text[:10] == today[:10] and len(text) == 16:
        return text[11:]
    return text[5:] if text[:5] == today[:5] and len(text) == 16 else text


def age_text(seconds: float) -> str:
    """`12 s ago`, `3 min ago`, `2 h ago`, `4 d ago`."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{max(int(seconds), 0)} s ago"


def headline(status: HostStatus) -> str:
    """`3 wizards: all as desired.` or `3 wizards: 1 not as desired.`, after a word on a head that is not used."""
    total = len(status.wizards)
    if not status.commit and status.unused:
        return f"No commit may be used, so nothing is changed. {counted(total, 'wizard')} as left here."
    head = f"The newest commit is not used; {short_commit(status.commit)} is in force. " if status.unused else ""
    if not total:
        return f"{head}No wizards on this host."
    off = sum(not wizard.settled for wizard in status.wizards)
    if not off:
        return f"{head}{counted(total, 'wizard')}: {'as' if total == 1 else 'all as'} desired."
    return f"{head}{counted(total, 'wizard')}: {off} not as desired."


def notes(status: HostStatus) -> tuple[str, ...]:
    """The notices, but for the one that stands above all."""
    return tuple(notice for notice in status.notices if notice != status.unused)


def in_force(status: HostStatus) -> str:
    """`commit 1a2b3c4`, or that there is none."""
    return "no commit" if not status.commit and status.unused else commit_name(status.commit)
