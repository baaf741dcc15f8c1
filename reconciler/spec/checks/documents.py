"""One Fleet, at least one wizard, every name once."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.spec.draft import Draft
from reconciler.spec.position import Position, Problem
from reconciler.spec.words import shown


def check_documents(draft: Draft, folder: str) -> Iterator[Problem]:
    """`folder` is where a problem stands that is about what is not there."""
    yield from _duplicates(draft)
    yield from _fleets(draft)
    if draft.whole:
        yield from _absences(draft, Position(folder or ".", 1, 1))


def _duplicates(draft: Draft) -> Iterator[Problem]:
    first: dict[tuple[str, str], Position] = {}
    for read in draft.documents:
        if not (read.kind and read.name):
            continue
        at = read.document.at("name")
        earlier = first.setdefault((read.kind, read.name), at)
        if earlier != at and read.kind != "Fleet":
            what = f"{read.kind} {shown(read.name)} is declared twice; the first is at {earlier}"
            yield Problem(at, what, "give one of them another name, or remove it", rule="name/duplicate")


def _fleets(draft: Draft) -> Iterator[Problem]:
    fleets = [read for read in draft.documents if read.kind == "Fleet"]
    for extra in fleets[1:]:
        what = f"a second Fleet document; the first is at {fleets[0].document.at()}"
        yield Problem(extra.document.at(), what, "keep one of them", rule="fleet/second")


def _absences(draft: Draft, at: Position) -> Iterator[Problem]:
    """Nothing declared is refused here, long before it could become a plan that deletes everything."""
    if not draft.documents:
        what = "there is nothing here: an empty fleet would delete every wizard"
        yield Problem(at, what, "check folder and branch, or declare a Fleet and a Wizard", rule="fleet/empty")
        return
    if "Fleet" not in draft.declared:
        mend = "declare one: kind: Fleet, name:, and hosts: with at least one host"
        yield Problem(at, "no document of kind Fleet", mend, rule="fleet/missing")
    if "Wizard" not in draft.declared:
        what = "no wizard is declared: such a fleet would delete every wizard"
        yield Problem(at, what, "to stop a wizard, keep it and write desired: dead", rule="fleet/no-wizards")
