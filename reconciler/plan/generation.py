"""Generations and quarantine: what a wizard should be while the newest declaration of it has failed here.

A generation is what a healthy wizard ran on: its resources with secrets pinned to their versions. When exactly this
expansion of a wizard has failed its gate on this host, its last other generation is what is wanted, until a commit
changes the expansion. With no other generation the files stay and the process stays stopped. Pure; not done here:
recording either of them (engine/).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.plan.change import Cause, Change, Reason
from reconciler.plan.expand import Desired
from reconciler.plan.fields import Secrets, secret_refs
from reconciler.plan.held import Generation, Quarantine, Records
from reconciler.plan.resource import CodebaseVersion, Process, Resource
from reconciler.plan.rings import standing
from reconciler.spec.words import listed


def of_wizard(desired: Desired) -> Mapping[str, tuple[Resource, ...]]:
    """Wizard -> its own resources and the codebase version that it runs, in order."""
    found: dict[str, list[Resource]] = {name: [] for name in desired.wizards}
    versions = {r.path: r for r in desired.resources if isinstance(r, CodebaseVersion)}
    for resource in desired.resources:
        if resource.wizard in found:
            if isinstance(resource, Process) and resource.codebase in versions:
                found[resource.wizard].insert(0, versions[resource.codebase])
            found[resource.wizard].append(resource)
    return {name: tuple(resources) for name, resources in found.items()}


def expansion(resources: tuple[Resource, ...], secrets: Secrets) -> str:
    """Hex digest of all that a wizard is made from, versions of its secrets included."""
    digest = hashlib.sha256()
    for resource in resources:
        digest.update(repr(resource).encode())
        for ref in secret_refs(resource):
            fact = secrets.get(ref)
            digest.update(f"{ref} {fact.digest if fact else ''}".encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Effective:
    """What is really wanted now. `quarantined`: wizard -> why its declaration is not applied here, and the generation
    that is wanted instead (None: stopped)."""

    desired: Desired
    quarantined: Mapping[str, tuple[Quarantine, Generation | None]]


def effective(desired: Desired, records: Records, secrets: Secrets) -> Effective:
    """`desired` itself when nothing of it is quarantined here."""
    if not records.quarantines:
        return Effective(desired, {})
    declared = of_wizard(desired)
    matching = [
        name
        for name, quarantine in sorted(records.quarantines.items())
        if name in declared and expansion(declared[name], secrets) == quarantine.expansion
    ]
    stands = standing(matching, records.quarantines)
    stopped = {n: (q, way_back(records, q)) for n in matching if n in stands and (q := records.quarantines[n])}
    if not stopped:
        return Effective(desired, {})
    return Effective(replace(desired, resources=tuple(_resources(desired, stopped))), stopped)


def way_back(records: Records, quarantine: Quarantine) -> Generation | None:
    """The newest generation of the wizard that is not the quarantined expansion."""
    generations = records.generations.get(quarantine.wizard, ())
    return next((g for g in generations if g.expansion != quarantine.expansion), None)


def _resources(desired: Desired, stopped: Mapping[str, tuple[Quarantine, Generation | None]]) -> Iterator[Resource]:
    """Every resource once; those of a quarantined wizard as its generation had them."""
    seen: set[str] = set()
    older = (r for _, g in stopped.values() if g for r in g.resources if isinstance(r, CodebaseVersion))
    used = {r.codebase for r in desired.resources if isinstance(r, Process) and r.wizard not in stopped}
    for resource in (*older, *desired.resources):
        idle = isinstance(resource, CodebaseVersion) and resource.path not in used and resource.key not in seen
        if resource.key not in seen and not (idle and _only_of(resource, desired, stopped)):
            seen.add(resource.key)
            yield from _one(resource, stopped)
    for name, (_, generation) in stopped.items():
        rest = generation.resources if generation else ()
        yield from (r for r in rest if r.wizard == name and r.key not in seen)


def _only_of(version: Resource, desired: Desired, stopped: Mapping[str, tuple[Quarantine, Generation | None]]) -> bool:
    """Whether only quarantined wizards with a way back declare the version: it need not be installed again."""
    if not isinstance(version, CodebaseVersion):
        return False
    users = {r.wizard for r in desired.resources if isinstance(r, Process) and r.codebase == version.path}
    wanted = {r.key for _, g in stopped.values() if g for r in g.resources}
    return (
        version.key not in wanted
        and bool(users)
        and all(name and name in stopped and stopped[name][1] for name in users)
    )


def _one(resource: Resource, stopped: Mapping[str, tuple[Quarantine, Generation | None]]) -> Iterator[Resource]:
    name = resource.wizard
    if name is None or name not in stopped:
        yield resource
        return
    generation = stopped[name][1]
    if generation is None:
        yield replace(resource, run=False) if isinstance(resource, Process) else resource
        return
    yield from (r for r in generation.resources if r.key == resource.key)


_OF_GIT = frozenset({Cause.DECLARED, Cause.CHANGED, Cause.REMOVED, Cause.EXISTS})


def going_back(change: Change, quarantined: Mapping[str, tuple[Quarantine, Generation | None]]) -> Change:
    """The change of a quarantined wizard with the true reason for people: what it goes back to is not what Git says."""
    why = quarantined.get(change.wizard or "")
    if why is None:
        return change
    generation = why[1]
    text = "quarantined, with no generation to go back to"
    if generation:
        text = f"back to generation {generation.number} (commit {generation.commit[:7]})"
        text += f" with {listed(why[0].ring)}" if why[0].ring else ""
    rest = (reason for reason in change.reasons if reason.cause not in _OF_GIT)
    return replace(change, reasons=(*rest, Reason(Cause.BACK, text)))


def words(quarantine: Quarantine, generation: Generation | None) -> str:
    """For people: what failed, what runs instead, and the mend."""
    instead = (
        f"generation {generation.number} (commit {generation.commit[:7]}) is wanted instead"
        if generation
        else "there is no earlier generation, so it stays stopped and its files stay"
    )
    failed = (
        f"{quarantine.reason} from commit {quarantine.commit[:7]}"
        if quarantine.by_hand
        else f"commit {quarantine.commit[:7]} failed here: {quarantine.reason}"
    )
    what = f"changes {listed(quarantine.follows)}" if quarantine.follows else "changes it"
    together = f", which tries {listed(quarantine.ring)} again with it" if quarantine.ring else ""
    mend = f"push a commit that {what}, or `reconciler retry {quarantine.wizard}`{together}"
    return f"{failed}; {instead}; {mend}"
