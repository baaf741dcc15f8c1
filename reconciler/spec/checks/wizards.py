"""A wizard and its cron lines on their own: names that mean something else, states that it can't have, schedules."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.spec.checks.schedule import wrong_field
from reconciler.spec.draft import Draft, Entry
from reconciler.spec.kinds import DesiredState, Wizard
from reconciler.spec.position import Problem

RESERVED = frozenset({"all", "none", "fleet", "reconciler", "supervisord"})
"""Words that commands, logs and process lists use for something else."""


def check_wizards(draft: Draft) -> Iterator[Problem]:
    for entry in draft.wizards.values():
        if entry.record.name in RESERVED:
            what = f"{entry.record.name} can't be the name of a wizard: commands use it for something else"
            yield entry.error("name/reserved", ("name",), what, "choose another name")
        yield from _robe(entry)
    for cron in draft.crons.values():
        wrong = wrong_field(cron.record.schedule)
        if wrong:
            yield cron.error("cron/schedule", ("schedule",), wrong, "write five fields such as */15 * * * *")


def _robe(entry: Entry[Wizard]) -> Iterator[Problem]:
    wizard = entry.record
    if wizard.desired in (DesiredState.ROBED, DesiredState.LOBSTER) and wizard.robe is None:
        what = f"desired {wizard.desired.value} needs a Robe, and wizard {wizard.name} has none"
        yield entry.error("wizard/no-robe", ("desired",), what, "add robe: {port: ...}, or write desired: unrobed")
