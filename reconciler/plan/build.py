"""Builds the Plan: every difference of a host, what stands in its way, what policy says, and the steps in order.

Pure: desired, observed and held in, a Plan out; the same input gives the same plan. Not done here: executing anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.plan.as_before import in_old_place, under_old_name, with_both_names
from reconciler.plan.behind import held_back
from reconciler.plan.block import Blocked, block
from reconciler.plan.canary import Chain, chains, in_turn, last_version, moves, never_held_since
from reconciler.plan.change import Action, Cause, Change, Copies, Disposition, FieldChange, Plan, Reason, Refusal
from reconciler.plan.codebases import CODEBASE, move_text
from reconciler.plan.diff import diff, unmanaged
from reconciler.plan.expand import ATTIC, Desired
from reconciler.plan.fact import Fact, Observed, ProcessFact, Unknown
from reconciler.plan.formerly import rename_changes, under_new_name, whole_or_not
from reconciler.plan.generation import going_back, words
from reconciler.plan.held import Held, Records
from reconciler.plan.order import order
from reconciler.plan.part import with_rings
from reconciler.plan.policy import Lifted, deletions, interrupted, removed_wizards, restarts
from reconciler.plan.ports import Ports, Waits, ports_of
from reconciler.plan.programs import with_programs
from reconciler.plan.proof import Proof, Quarantined
from reconciler.plan.prune import prune
from reconciler.plan.rename import homes_left, renames
from reconciler.plan.resource import CodebaseVersion, Directory, Process, Resource
from reconciler.plan.retire import folder_key, retire, retire_wizard, return_wizard
from reconciler.plan.rings import rings
from reconciler.plan.shared import sharing
from reconciler.plan.trailers import Slip
from reconciler.plan.unproven import extra
from reconciler.plan.value import known
from reconciler.spec.words import listed

Rings = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a person or a commit says about this one plan.

    `only`: wizards to look at (empty: all). `restart`: wizards to restart even though nothing differs. `deletions` and
    `restarts`: what commit trailers or flags allow beyond the fleet's policy. `slips`: lines of commits that were meant
    to allow something, and do not.
    """

    only: frozenset[str] = frozenset()
    restart: frozenset[str] = frozenset()
    deletions: frozenset[str] = frozenset()
    restarts: int = 0
    slips: tuple[Slip, ...] = ()


@dataclass(slots=True)
class Memory:
    """Remembers each resource's comparison while its inputs are the same objects, and the last plan with what it was
    made of, for a pass with nothing to do. Dropping it changes the time that a plan takes, never the plan."""

    seen: dict[str, tuple[Resource, Fact, Held | None, object, Change | None, tuple[str, ...]]] = field(
        default_factory=dict
    )
    last: tuple[Desired, Observed, Records, Rules, Plan] | None = None

    def plan(self, desired: Desired, observed: Observed, records: Records, rules: Rules) -> Plan | None:
        """The last plan when it was made of the same; facts are mostly the same objects, so that comparing is cheap."""
        if self.last is None or self.last[0] is not desired or self.last[2] is not records:
            return None
        return self.last[4] if self.last[3] == rules and self.last[1] == observed else None


def build(
    desired: Desired,
    observed: Observed,
    records: Records,
    rules: Rules | None = None,
    memory: Memory | None = None,
    quarantined: Quarantined | None = None,
) -> Plan:
    """The whole plan for one host. Every desired and held resource must have a fact in `observed`.

    `records` come from `formerly.renamed`, `desired` and `quarantined` from `generation.effective`.
    """
    rules, memory = rules or Rules(), memory or Memory()
    rules = replace(rules, only=with_both_names(rules.only, records)) if records.renamings else rules
    plan = memory.plan(desired, observed, records, rules)
    if plan is None:
        plan = _build(desired, observed, records, rules, memory, quarantined or {})
        memory.last = (desired, observed, records, rules, plan)
    return plan


def _build(
    desired: Desired, observed: Observed, records: Records, rules: Rules, memory: Memory, quarantined: Quarantined
) -> Plan:
    comparison = _compare(desired, observed, records, rules, memory)
    renaming = under_old_name(rename_changes(observed, records), desired, observed, records, rules.restart)
    moves_first = [*renaming, *_returns(desired, observed, records)]
    compared = in_old_place(comparison.changes, desired, observed, records, rules.restart)
    compared = (under_new_name(change, records) for change in compared)
    changes = [*whole_or_not([*moves_first, *compared], records), *_removals(desired, observed, records)]
    changes += extra(changes, desired, observed, records)
    changes = [_with_databases(c, records) for c in _requested(changes, desired, observed, rules)]
    changes = with_programs(changes, desired, records)
    ports = ports_of(changes, desired, observed, records, quarantined)
    if rules.only:
        rules = replace(rules, only=with_rings(rules.only, changes, ports))
        changes = [c for c in changes if c.wizard in rules.only or (c.wizard is None and _used(c, desired, rules))]
    proof = Proof(desired, records, quarantined, observed.unsteady)
    blocked = _blocked(changes, observed, proof, ports, rules)
    unused = () if rules.only else prune(desired, observed, records, blocked.changes)
    doable = [c for c in (*blocked.changes, *unused) if c.disposition is Disposition.APPLY]
    one_by_one = chains(doable, desired, records, blocked.waits.together(), proof.owed())
    together = _rings(desired, blocked.waits)
    return Plan(
        host=desired.host,
        commit=desired.commit,
        changes=(*(_told(c, quarantined, one_by_one, together) for c in blocked.changes), *unused),
        steps=order(doable, blocked.waits, one_by_one),
        refusals=_refusals([in_turn(c, one_by_one) for c in blocked.changes], desired, observed, records, rules),
        warnings=observed.exposed,
        undeclared=comparison.unmanaged,
        quarantined=tuple((n, words(*why)) for n, why in quarantined.items() if not rules.only or n in rules.only),
        unenforced=desired.unenforced,
        wizards=tuple(name for name in desired.wizards if not rules.only or name in rules.only),
        rings=together,
    )


def _blocked(changes: list[Change], observed: Observed, proof: Proof, ports: Ports, rules: Rules) -> Blocked:
    """Only when it is known what is stuck can be told who waits for it, and those may keep others waiting in turn."""
    desired, records = proof.desired, proof.records
    waiting = sharing(desired, records, observed.secrets)
    while True:
        blocked = block(changes, desired, observed.resting, records, waiting, ports)
        found = held_back(blocked.changes, proof, rules.only)
        if found.keys() <= waiting.keys():
            return blocked
        waiting = {**found, **waiting}


def _refusals(
    changes: Sequence[Change], desired: Desired, observed: Observed, records: Records, rules: Rules
) -> tuple[Refusal, ...]:
    """Why the plan may not be applied. Whether a wizard is renamed or removed is asked before how many are removed."""
    lifted = Lifted(rules.deletions, rules.restarts, rules.slips)
    asked = renames(changes, desired, records, lifted)
    gone = [name for name in removed_wizards(changes) if name not in asked]
    return (
        *(refusal for found in asked.values() for refusal in found),
        *homes_left(desired, observed, records),
        *deletions(gone, desired.policy, lifted),
        *restarts(interrupted(changes, records, desired.commit), desired.policy, lifted),
    )


def _rings(desired: Desired, waits: Waits) -> Rings:
    """The wizards of each ring of ports, by name."""
    circles = frozenset(rings(waits.together()).values())
    owners = {r.key: r.wizard for r in desired.resources if isinstance(r, Process) and r.wizard} if circles else {}
    return tuple(sorted(tuple(sorted(owners[key] for key in circle if key in owners)) for circle in circles))


def _told(change: Change, quarantined: Quarantined, one_by_one: tuple[Chain, ...], rings: Rings) -> Change:
    """The change with all that people are told about why and when."""
    change = in_turn(going_back(change, quarantined), one_by_one)
    ring = next((ring for ring in rings if change.wizard in ring), ())
    if not ring or not isinstance(change.resource, Process):
        return change
    others = listed([name for name in ring if name != change.wizard])
    return replace(change, reasons=(*change.reasons, Reason(Cause.TURN, f"exchanges ports with {others}")))


def _with_databases(change: Change, records: Records) -> Change:
    """A codebase that moves leaves a copy of the databases behind; who goes back without having held gets them back."""
    change = _after_a_rest(change, records)
    if not moves(change) or not isinstance(change.resource, Process):
        return change
    back = never_held_since(change.key, records) == change.resource.codebase
    return replace(change, databases=Copies.PUT_BACK if back else Copies.MADE)


def _after_a_rest(change: Change, records: Records) -> Change:
    """What has been stopped for good starts on another version than it was last healthy on: that is a move as well."""
    process = change.resource
    if change.action is not Action.START or not isinstance(process, Process) or change.key in records.held:
        return change
    before = last_version(change.wizard or "", records)
    if before in ("", process.codebase):
        return change
    moved = FieldChange(CODEBASE, known(before), known(process.codebase), Cause.CHANGED)
    reason = Reason(Cause.NEEDS, f"codebase {move_text(before, process.codebase)}")
    return replace(change, fields=(*change.fields, moved), reasons=(*change.reasons, reason))


@dataclass(frozen=True, slots=True)
class _Comparison:
    changes: tuple[Change, ...]
    unmanaged: tuple[tuple[str, tuple[str, ...]], ...]


def _compare(desired: Desired, observed: Observed, records: Records, rules: Rules, memory: Memory) -> _Comparison:
    changes, keys = [], []
    only = rules.only
    facts, held, secrets, seen = observed.facts, records.held, observed.secrets, memory.seen
    for resource in desired.resources:
        key = resource.key
        fact, entry = facts[key], held.get(key)
        old = seen.get(key)
        if old is None or not (old[0] is resource and old[1] is fact and old[2] is entry and old[3] is secrets):
            change = diff(resource, fact, entry, secrets)
            old = seen[key] = (resource, fact, entry, secrets, change, unmanaged(resource, fact, entry))
        if old[4] is not None:
            changes.append(old[4])
        if old[5] and (not only or resource.wizard in only):
            keys.append((key, old[5]))
    return _Comparison(tuple(changes), tuple(keys))


def _returns(desired: Desired, observed: Observed, records: Records) -> Iterator[Change]:
    folders = {r.key: r for r in desired.resources if isinstance(r, Directory)} if records.attic else {}
    renamed = {one.new for one in records.renamings if one.stored}
    for name in desired.wizards:
        stored, folder = records.attic.get(name), folders.get(folder_key(name))
        if stored and folder and name not in renamed:
            facts = observed.facts
            yield return_wizard(stored, folder, facts.get(f"{folder.key}/original"), facts.get(folder.key))


def _removals(desired: Desired, observed: Observed, records: Records) -> Iterator[Change]:
    wanted = {r.key for r in desired.resources}
    gone: dict[str, dict[str, Held]] = {}
    single: list[Held] = []
    names, stays = frozenset(desired.wizards), {one.old for one in records.renamings}
    for key, entry in records.held.items():
        owner = entry.resource.wizard
        if key in wanted or owner in records.attic or owner in stays or isinstance(entry.resource, CodebaseVersion):
            continue  # what becomes of unused versions hangs on the rest of the plan: prune.py
        if owner is None or owner in names:
            single.append(entry)
        else:
            gone.setdefault(owner, {})[key] = entry
    yield from retire(single, observed.facts)
    for name in sorted(gone):
        attic = f"{desired.root}/{ATTIC}/{name}-{desired.commit[:12]}"
        for change in retire_wizard(name, gone[name], observed.facts, attic):
            yield replace(change, reasons=_moved(name, desired) or change.reasons)


def _moved(name: str, desired: Desired) -> tuple[Reason, ...]:
    """Why the wizard leaves this host although Git still has it; empty when Git has not."""
    new = desired.former.get(name, name)
    called = f" as {new}" if new != name else ""
    return (Reason(Cause.REMOVED, f"Git runs it{called} on another host now"),) if new in desired.elsewhere else ()


def _requested(changes: list[Change], desired: Desired, observed: Observed, rules: Rules) -> Iterator[Change]:
    """Adds the restarts that a person asked for, where nothing restarts the process anyway."""
    if not rules.restart:
        yield from changes
        return
    busy = {c.key for c in changes if c.action is not Action.CLAIM}
    asked = {
        r.key: r
        for r in desired.resources
        if isinstance(r, Process) and r.wizard in rules.restart and r.run and r.key not in busy
    }
    yield from (c for c in changes if c.key not in asked)
    for key, process in asked.items():
        fact = observed.facts[key]
        live = isinstance(fact, ProcessFact)
        if live or isinstance(fact, Unknown):
            reason = (Reason(Cause.REQUESTED, "asked for"),)
            change = Change(key, process.wizard, Action.RESTART, process, reason)
            yield change if live else _unknown(change, fact)


def _unknown(change: Change, fact: Fact) -> Change:
    reason = fact.reason if isinstance(fact, Unknown) else ""
    return replace(change, disposition=Disposition.BLOCKED, obstacle=f"could not be observed: {reason}")


def _used(change: Change, desired: Desired, rules: Rules) -> bool:
    """Whether a shared resource is one that the chosen wizards run."""
    used = {r.codebase for r in desired.resources if isinstance(r, Process) and r.wizard in rules.only}
    return not isinstance(change.resource, Process) and change.resource.path in used


def counts(plan: Plan) -> Mapping[Action, int]:
    """How many pending changes of each action the plan has."""
    found: dict[Action, int] = {}
    for change in plan.pending:
        found[change.action] = found.get(change.action, 0) + 1
    return found
