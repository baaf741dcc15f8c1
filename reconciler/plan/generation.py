"""Generations and quarantine: what a wizard should be while the newest declaration of it has failed here.

A generation is what a healthy wizard ran on: its resources with secrets pinned to their versions. When exactly this
expansion of a wizard has failed its gate on this host, what it was healthy on before is what is wanted, until a commit
changes the expansion. With no other generation the files stay and the process stays stopped. Pure; not done here:
recording either of them (engine/), and wizards whose change only waits (stand_in.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.plan.change import Cause, Change, Reason
from reconciler.plan.expand import Desired
from reconciler.plan.expansion import comparable, expansion, of_wizard, same
from reconciler.plan.fact import SecretFact
from reconciler.plan.fields import PINNED, Secrets, in_the_open, secret_refs, wanted_fields
from reconciler.plan.fresh import with_fresh_secrets
from reconciler.plan.held import Generation, Held, Quarantine, Records
from reconciler.plan.resource import CodebaseVersion, Process, Resource
from reconciler.plan.retire import body_key
from reconciler.plan.rings import standing
from reconciler.spec.words import listed

Instead = Mapping[str, tuple[Resource, ...] | None]
"""Wizard -> the resources that are wanted instead of those that Git declares; None: those of Git, stopped."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """A wizard that can't be what Git declares: why not, the generation that is wanted until it can, all that differs
    from what Git declares, and what is wanted instead of that (None: it was healthy on that). `fresh`: with texts of
    secrets that have come since."""

    why: str
    generation: Generation
    changes: tuple[Change, ...]
    resources: tuple[Resource, ...] | None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Effective:
    """What is really wanted now. `quarantined`: wizard -> why its declaration is not applied here, and the generation
    that is wanted instead (None: stopped). `standing`: wizard -> what it runs on while its declaration has to wait."""

    desired: Desired
    quarantined: Mapping[str, tuple[Quarantine, Generation | None]]
    standing: Mapping[str, StandIn] = field(default_factory=dict)


def effective(desired: Desired, records: Records, secrets: Secrets) -> Effective:
    """`desired` itself when nothing of it is quarantined here."""
    if not records.quarantines:
        return Effective(desired, {})
    declared = of_wizard(desired)
    stopped: dict[str, tuple[Quarantine, Generation | None]] = {}
    instead: dict[str, tuple[Resource, ...] | None] = {}
    quarantines = records.quarantines
    matching = [
        name
        for name, one in sorted(quarantines.items())
        if name in declared and stands(one, declared[name], desired, records, secrets)
    ]
    for name in sorted(standing(matching, quarantines)):
        one, back = quarantines[name], way_back(records, quarantines[name])
        stopped[name] = (one, back)
        instead[name] = with_fresh_secrets(back, declared[name], one.secrets, secrets) if back else None
    return Effective(wanted_instead(desired, instead), stopped)


def stands(
    one: Quarantine, declared: tuple[Resource, ...], desired: Desired, records: Records, secrets: Secrets
) -> bool:
    """Whether a quarantine is about what Git declares now.

    It is by what Git declares. Only where that is what the wizard was healthy on before, the text of a secret has
    failed: then another text is another try. One by hand is also about what a refused commit declared when it was made.
    """
    if not comparable(one):
        return one.commit == desired.commit
    now = expansion(declared, secrets, desired.company.get(one.wizard, ""))
    if one.beside == now.digest:
        return True
    back = way_back(records, one)
    by_text = back is not None and back.expansion == one.expansion
    return same(one, now) if by_text else one.expansion == now.digest


def way_back(records: Records, quarantine: Quarantine) -> Generation | None:
    """What the wizard was last healthy on that is not the quarantined expansion, and that nobody has rejected."""
    generations = records.generations.get(quarantine.wizard, ())
    return next((g for g in generations if not g.rejected and not same(g, quarantine)), None)


def runs_on(wizard: str, records: Records) -> Generation | None:
    """The generation that it was last healthy on, where that is what it was last started on; also with texts of secrets
    that have come since."""
    newest, held = next(iter(records.generations.get(wizard, ())), None), records.held.get(body_key(wizard))
    for process in newest.resources if newest and held else ():
        if isinstance(process, Process) and held and _started_on(process, held):
            return newest
    return None


def _started_on(process: Process, held: Held) -> bool:
    wanted = wanted_fields(process, as_pinned(process))
    stood = any(ref.source == PINNED for ref in secret_refs(held.resource))
    return held.fields == wanted or (stood and in_the_open(held.fields) == in_the_open(wanted))


def as_pinned(resource: Resource) -> Secrets:
    """The secrets of a resource of a generation, with the texts of its time."""
    return {ref: SecretFact(ref.location) for ref in secret_refs(resource)}


def named(generation: Generation) -> str:
    return f"generation {generation.number} (commit {generation.commit[:7]})"


def rejections(records: Records, wizard: str) -> frozenset[int]:
    """Numbers of the generations that a person has rolled back from."""
    return frozenset(g.number for g in records.generations.get(wizard, ()) if g.rejected)


def wanted_instead(desired: Desired, instead: Instead) -> Desired:
    """`desired` itself when nothing is wanted instead of it."""
    return replace(desired, resources=tuple(_resources(desired, instead))) if instead else desired


def _resources(desired: Desired, instead: Instead) -> Iterator[Resource]:
    """Every resource once; those of a wizard that is to be something else as that has them."""
    seen: set[str] = set()
    declared = {r.key for r in desired.resources}  # of one source that both name, Git says where it comes from
    found = (r for resources in instead.values() for r in resources or () if isinstance(r, CodebaseVersion))
    older = (version for version in found if version.key not in declared)
    used = {r.codebase for r in desired.resources if isinstance(r, Process) and r.wizard not in instead}
    for resource in (*older, *desired.resources):
        idle = isinstance(resource, CodebaseVersion) and resource.path not in used and resource.key not in seen
        if resource.key not in seen and not (idle and _only_of(resource, desired, instead)):
            seen.add(resource.key)
            yield from _one(resource, instead)
    for name, resources in instead.items():
        yield from (r for r in resources or () if r.wizard == name and r.key not in seen)


def _only_of(version: Resource, desired: Desired, instead: Instead) -> bool:
    """Whether only wizards with a way back declare the version: it need not be installed again."""
    if not isinstance(version, CodebaseVersion):
        return False
    users = {r.wizard for r in desired.resources if isinstance(r, Process) and r.codebase == version.path}
    wanted = {r.key for resources in instead.values() for r in resources or ()}
    return version.key not in wanted and bool(users) and all(name and instead.get(name) for name in users)


def _one(resource: Resource, instead: Instead) -> Iterator[Resource]:
    name = resource.wizard
    if name is None or name not in instead:
        yield resource
        return
    resources = instead[name]
    if resources is None:
        yield replace(resource, run=False) if isinstance(resource, Process) else resource
        return
    yield from (r for r in resources if r.key == resource.key)


OF_GIT = frozenset({Cause.DECLARED, Cause.CHANGED, Cause.REMOVED, Cause.EXISTS})


def going_back(change: Change, quarantined: Mapping[str, tuple[Quarantine, Generation | None]]) -> Change:
    """The change of a quarantined wizard with the true reason for people: what it goes back to is not what Git says."""
    why = quarantined.get(change.wizard or "")
    if why is None:
        return change
    generation = why[1]
    text = "quarantined, with no generation to go back to"
    if generation:
        text = f"back to {named(generation)}"
        text += f" with {listed(why[0].ring)}" if why[0].ring else ""
    rest = (reason for reason in change.reasons if reason.cause not in OF_GIT)
    return replace(change, reasons=(*rest, Reason(Cause.BACK, text)))


def words(quarantine: Quarantine, generation: Generation | None) -> str:
    """For people: what failed, what runs instead, and the mend."""
    instead = (
        f"{named(generation)} is wanted instead"
        if generation
        else "there is no earlier generation, so it stays stopped and its files stay"
    )
    failed = (
        f"{quarantine.reason} from commit {quarantine.commit[:7]}"
        if quarantine.by_hand
        else f"commit {quarantine.commit[:7]} failed here: {quarantine.reason}"
    )
    if quarantine.fell:
        failed = f"commit {quarantine.commit[:7]} failed here: {quarantine.reason}; rolled back further by hand"
    what = f"changes {listed(quarantine.follows)}" if quarantine.follows else "changes it"
    together = f", which tries {listed(quarantine.ring)} again with it" if quarantine.ring else ""
    mend = f"push a commit that {what}, or `reconciler retry {quarantine.wizard}`{together}"
    return f"{failed}; {instead}; {mend}"
