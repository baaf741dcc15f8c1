"""`formerly`: a wizard that this host holds under a name that Git no longer declares, and that Git calls otherwise now.

`renamed` gives the records as they are once it has its new name: entries under the new keys, last applied values as
they were, the folder still where it is, as if it waited in an attic. What is compared with them is what differs for
other reasons. A wizard is renamed whole or not at all: stop, one move of its folder, then those differences. Pure. Not
done here: what looks like a rename and does not say so (rename.py); moving the folder and the inventory (engine/).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.plan.change import Action, Cause, Change, Disposition, FieldChange, Reason
from reconciler.plan.diff import HAS_PROCESS
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Absent, Fact, Observed, Present, ProcessFact, Unknown
from reconciler.plan.held import Generation, Held, Origin, Records, Renaming, Start, Stored
from reconciler.plan.needs import needs
from reconciler.plan.relocate import Relocation
from reconciler.plan.resource import Directory, Process
from reconciler.plan.retire import body_key, folder_key, movable
from reconciler.plan.value import SecretRef, known

COMES_ALONG = Reason(Cause.CHANGED, "memories come along")
_HEALS = frozenset({Cause.ENDED, Cause.ORPHAN, Cause.DRIFT})
"""Causes that bring a wizard back to what it was here, and no closer to what Git declares of it."""


def rename_key(wizard: str) -> str:
    return f"wizard/{wizard}/rename"


def renamed(desired: Desired, records: Records) -> Records:
    """The records as a plan has to see them; `records` themselves when nobody gets another name here."""
    claims: dict[str, list[str]] = defaultdict(list)
    for old, new in desired.former.items():
        if new in desired.wizards and folder_key(old) in records.held and old not in desired.wizards:
            claims[new].append(old)
    renamings = [one for new, olds in sorted(claims.items()) for one in _renamings(new, olds, desired, records)]
    for one in renamings:
        if one.stored is not None:
            records = _as_renamed(records, one, one.stored)
    return replace(records, renamings=tuple(renamings)) if renamings else records


def lived(wizard: str, records: Records) -> bool:
    """Whether the wizard may have memories of its own here: it waits in the attic, was started, or had a folder before
    us. What was only made for it, and never started, has none."""
    if wizard in records.attic:
        return True
    entries = [entry for entry in records.held.values() if entry.resource.wizard == wizard]
    was_started = wizard in records.generations or body_key(wizard) in records.starts
    return any(
        was_started
        or isinstance(entry.resource, Process)
        or (isinstance(entry.resource, Directory) and entry.origin is Origin.CLAIMED)
        for entry in entries
    )


def _renamings(new: str, olds: Sequence[str], desired: Desired, records: Records) -> Iterator[Renaming]:
    if lived(new, records):
        for old in olds:
            mend = (
                f"choose a name that is free; or take {old} out of its formerly, and {old} goes into the attic; "
                f"or declare {old} again"
            )
            yield Renaming(old, new, None, f"a wizard {new} with memories of its own is on this host already; {mend}")
        return
    crowd = ""
    if len(olds) > 1:
        crowd = f"{' and '.join(olds)} are both on this host, and one can become {new}; leave only that in its formerly"
    for number, old in enumerate(olds):
        stored, obstacle = _place(old, new, desired, records)
        yield Renaming(old, new, None if number else stored, crowd or obstacle)


def _place(old: str, new: str, desired: Desired, records: Records) -> tuple[Stored, str]:
    """Where the folder is and where it belongs, and why it can't be moved."""
    held = {key: e for key, e in records.held.items() if e.resource.wizard == old}
    before, after = _folder(held, old), next(r for r in desired.resources if r.key == folder_key(new))
    target = after.path if isinstance(after, Directory) else ""
    attic = records.attic.get(old)
    stored = Stored(new, attic.path if attic else before, target)
    if before.rpartition("/")[0] != target.rpartition("/")[0]:
        return stored, f"its folder would also move from {before} to {target}; take the change of the root back"
    if attic is None and movable(old, held) is None:
        mend = (
            f"keep the name {old}; or stop it, move the folder to {target} by hand, take {old} out of its formerly "
            f"and push that with the trailer `Allow-Delete: {old}`"
        )
        return stored, f"{before} was there before us, and such folders are never moved; {mend}"
    return stored, ""


def _folder(held: Mapping[str, Held], wizard: str) -> str:
    folder = held[folder_key(wizard)].resource
    return folder.path if isinstance(folder, Directory) else ""


def _as_renamed(records: Records, one: Renaming, stored: Stored) -> Records:
    """As it will be, but for the folder and the process: these are still what they are."""
    along = carried(records, one)
    body = {key: entry for key, entry in records.held.items() if key == body_key(one.old)}
    held = {key: e for key, e in records.held.items() if e.resource.wizard not in (one.old, one.new)}
    attic = {name: found for name, found in records.attic.items() if name != one.old}
    pauses = {one.new: records.pauses[one.old]} if one.old in records.pauses else {}
    generations = {name: found for name, found in records.generations.items() if name not in (one.old, one.new)}
    return replace(
        records,
        held={**held, **dict(along.held), **body},
        attic={**attic, one.new: stored},
        pauses={**pauses, **records.pauses},
        generations={**generations, one.new: along.generations} if along.generations else generations,
        quarantines={name: quarantine for name, quarantine in records.quarantines.items() if name != one.old},
        starts={
            **{key: start for key, start in records.starts.items() if key != body_key(one.new)},
            **dict(along.starts),
        },
    )


@dataclass(frozen=True, slots=True)
class Carried:
    """What is known of a wizard, under its new name. What is not here stays behind: the quarantine of an expansion that
    has another name by now, and counts of changes that came back."""

    held: tuple[tuple[str, Held], ...]
    generations: tuple[Generation, ...]
    starts: tuple[tuple[str, Start], ...]


def carried(records: Records, one: Renaming) -> Carried:
    """Last applied values stay what they are. Generations are said for where the wizard is now, and stay a way back."""
    way = _way(one)
    held = ((key, e) for key, e in records.held.items() if e.resource.wizard == one.old)
    start = records.starts.get(body_key(one.old))
    return Carried(
        tuple((way.key(key), replace(e, resource=way.resource(e.resource))) for key, e in held),
        tuple(
            replace(g, wizard=one.new, resources=tuple(way.resource(r) for r in g.resources))
            for g in records.generations.get(one.old, ())
        ),
        ((body_key(one.new), start),) if start else (),
    )


def _way(one: Renaming) -> Relocation:
    target = one.stored.original if one.stored else ""
    return Relocation(one.old, one.new, f"{target.rpartition('/')[0]}/{one.old}", target)


def borrowed(refs: Iterable[SecretRef], records: Records) -> Mapping[SecretRef, SecretRef]:
    """Secret of a wizard that is about to get its name -> the one that was made under the old name and becomes it."""
    found = {}
    for one in records.renamings:
        for ref in refs:
            if ref.source == "generate" and ref.location.startswith(f"{one.new}/") and one.stored is not None:
                found[ref] = replace(ref, location=one.old + ref.location[len(one.new) :])
    return found


def rename_changes(observed: Observed, records: Records) -> Iterator[Change]:
    """Stop under the old name, and the move; `records` come from `renamed`."""
    for one in records.renamings:
        if one.stored is None:
            folder = records.held[folder_key(one.old)].resource
            blocked = Disposition.BLOCKED
            yield Change(
                rename_key(one.old), one.old, Action.RENAME, folder, (COMES_ALONG,), _names(one),
                disposition=blocked, obstacle=one.obstacle, renaming=one,
            )  # fmt: skip
            continue
        body = records.held.get(body_key(one.old))
        if body is not None:
            yield _stop(one, body, observed.facts.get(body.resource.key))
        yield _rename(one, one.stored, records, observed)


def whole_or_not(changes: Iterable[Change], records: Records) -> Iterator[Change]:
    """The changes, in which whoever can't get its new name here waits: what Git declares under that name is meant for
    the memories that it has under the old one, and not for those of another that are here under the new one. That
    other goes on as it was: what only heals it is done."""
    waits = {one.new: one for one in records.renamings if one.stored is None}
    for change in changes:
        one = waits.get(change.wizard or "")
        if one is None or change.disposition is not Disposition.APPLY or _heals(change):
            yield change
        else:
            obstacle = f"waits for {rename_key(one.old)}: {one.obstacle}"
            yield replace(change, disposition=Disposition.BLOCKED, obstacle=obstacle)


def _heals(change: Change) -> bool:
    return {reason.cause for reason in change.reasons} <= _HEALS


def _names(one: Renaming) -> tuple[FieldChange, ...]:
    return (FieldChange(("name",), known(one.old), known(one.new), Cause.CHANGED),)


def _stop(one: Renaming, body: Held, fact: Fact | None) -> Change:
    """Also what has ended: its supervisor has to forget the old name."""
    lives = isinstance(fact, ProcessFact) and fact.state in HAS_PROCESS
    seen = isinstance(fact, ProcessFact)
    why = f"could not be observed: {fact.reason if isinstance(fact, Unknown) else 'it was not looked at'}"
    return Change(
        key=body.resource.key,
        wizard=one.new,
        action=Action.STOP,
        resource=body.resource,
        reasons=(Reason(Cause.CHANGED if lives else Cause.ENDED, f"is {one.new} from now on"),),
        origin=body.origin,
        disposition=Disposition.APPLY if seen else Disposition.BLOCKED,
        obstacle="" if seen else why,
        renaming=one,
    )


def _rename(one: Renaming, stored: Stored, records: Records, observed: Observed) -> Change:
    key = folder_key(one.new)
    facts = observed.facts
    obstacle = one.obstacle or _in_the_way(stored, facts.get(key), facts.get(f"{key}/original"))
    held = records.held[key]
    return Change(
        key=rename_key(one.new),
        wizard=one.new,
        action=Action.RENAME,
        resource=held.resource,
        reasons=(COMES_ALONG,),
        fields=_names(one),
        origin=held.origin,
        disposition=Disposition.BLOCKED if obstacle else Disposition.APPLY,
        obstacle=obstacle,
        stored=stored,
        renaming=one,
    )


def _in_the_way(stored: Stored, there: Fact | None, target: Fact | None) -> str:
    """Why the folder can't be moved: `there` is what stands where it was, `target` what stands where it is to go."""
    taken = f"something stands at {stored.original}"
    if isinstance(there, Absent):
        gone = f"{stored.path} is gone, and its memories with it"
        return f"{gone}; " + (
            f"put it back, or take the old name out of formerly and {stored.wizard} begins anew"
            if isinstance(target, Absent)
            else f"{taken}: if that is the folder, move it back to {stored.path}"
        )
    for path, fact in ((stored.path, there), (stored.original, target)):
        if fact is None or isinstance(fact, Unknown):
            return f"{path} could not be observed: {fact.reason if fact else 'it was not looked at'}"
    if not isinstance(there, Present):
        return f"{stored.path} is no folder any more; move away what stands there and put the folder back"
    return "" if isinstance(target, Absent) else f"{taken}; move it away"


def under_new_name(change: Change, records: Records) -> Change:
    """A start under the new name tells only what differs besides name and place."""
    if not records.renamings or change.action is not Action.START or change.reasons[0].cause is not Cause.ENDED:
        return change
    one = next((r for r in records.renamings if r.new == change.wizard and r.stored), None)
    if one is None:
        return change
    way = _way(one)
    told = tuple(field for field in change.fields if not way.follows(field.before, field.after))
    return replace(change, fields=told, reasons=(Reason(Cause.NEEDS, f"was {one.old} until now"), *needs(told)))
