"""A wizard that can't get its new name yet goes on under the old one: when it is down, it starts as it did last.

Its folder and files are what they were, because a rename is made whole or not at all. Pure. Not done here: renaming and
what is in its way (formerly.py), and other changes that wait (stand_in.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import replace

from reconciler.plan.change import Action, Cause, Change, Disposition, Reason
from reconciler.plan.diff import HAS_PROCESS
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Observed, ProcessFact
from reconciler.plan.fields import PINNED, Secrets, in_the_open, wanted_fields
from reconciler.plan.held import Held, Records, Renaming
from reconciler.plan.resource import OwnedKey, Process
from reconciler.plan.retire import body_key
from reconciler.plan.value import Hidden, SecretRef


def under_old_name(
    changes: Iterable[Change], desired: Desired, observed: Observed, records: Records, restart: Set[str]
) -> Iterator[Change]:
    """The changes of `formerly.rename_changes`, and the starts of those whose rename is in their way, in place of their
    stops. `restart`: wizards that a person wants restarted."""
    changes = tuple(changes)
    waiting = [c.renaming for c in changes if c.action is Action.RENAME and c.disposition is not Disposition.APPLY]
    obstacles = {c.renaming: c.obstacle for c in changes if c.action is Action.RENAME}
    starts = {}
    for one in waiting:
        found = _start(one, obstacles[one], desired, observed, records, restart) if one else None
        if found is not None:
            starts[found.key] = found
    yield from (change for change in changes if change.key not in starts)
    yield from starts.values()


def with_both_names(only: Set[str], records: Records) -> frozenset[str]:
    """The wizards to look at, by whichever name of one that is about to get another one they were named."""
    both = [{one.old, one.new} for one in records.renamings]
    return frozenset(only).union(*(names for names in both if names & only))


def _start(
    one: Renaming, obstacle: str, desired: Desired, observed: Observed, records: Records, restart: Set[str]
) -> Change | None:
    key = body_key(one.old)
    held, fact = records.held.get(key), observed.facts.get(key)
    if held is None or not isinstance(held.resource, Process) or not isinstance(fact, ProcessFact):
        return None
    asked = bool({one.old, one.new} & restart)
    lives = fact.state in HAS_PROCESS
    if one.new in records.pauses or (lives and not asked) or not _was_healthy(one, held, records):
        return None
    ended = fact.note or ("is not running" if fact.exit_code is None else f"ended with exit code {fact.exit_code}")
    why = Reason(Cause.REQUESTED, "asked for") if lives else Reason(Cause.ENDED, ended)
    runs = Reason(Cause.BACK, f"runs as {one.old} until it can be {one.new}: {obstacle}")
    action = Action.RESTART if lives else Action.START
    process = _as_started(held.resource, held, observed.secrets)
    change = Change(key, one.old, action, process, (why, runs), origin=held.origin)
    other = _owner(process.port, one, desired)
    return change if not other else replace(change, disposition=Disposition.BLOCKED, obstacle=other)


def _was_healthy(one: Renaming, held: Held, records: Records) -> bool:
    """Whether it was last started on what it was last healthy on."""
    name = one.new if one.stored else one.old
    known = records.held.get(body_key(name), held)  # said for where the wizard will be, like its generations
    generation = next((g for g in records.generations.get(name, ()) if not g.rejected), None)
    then = [r for r in generation.resources if isinstance(r, Process)] if generation else []
    return any(r.run and _inputs(r) == _inputs(known.resource) for r in then)


def _inputs(process: object) -> object:
    return in_the_open(wanted_fields(process, {})) if isinstance(process, Process) else None


def _as_started(process: Process, held: Held, secrets: Secrets) -> Process:
    """With the texts of secrets that its files have: they are written anew when it is renamed."""
    if wanted_fields(process, secrets) == held.fields:
        return process
    digests = {path: value.digest for path, value in held.fields if isinstance(value, Hidden)}
    pinned = {
        key.value: SecretRef(PINNED, digests[key.path])
        for key in process.start_values
        if isinstance(key.value, SecretRef) and key.path in digests
    }
    keys = tuple(
        OwnedKey(k.path, pinned.get(k.value, k.value)) if isinstance(k.value, SecretRef) else k
        for k in process.start_values
    )
    return replace(process, start_values=keys, api_key=pinned.get(process.api_key, process.api_key))


def _owner(port: int, one: Renaming, desired: Desired) -> str:
    """Why it can't have its port, where Git has given that to another wizard; else "". What it would go back to once it
    has its new name is kept for it."""
    if one.stored is not None:
        return ""
    name = next((r.wizard for r in desired.resources if isinstance(r, Process) and r.run and r.port == port), None)
    return f"port {port} is {name}'s in Git now; mend what keeps {one.old} from being {one.new}" if name else ""
