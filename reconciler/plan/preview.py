"""What a change of the fleet would do to a host that is as the fleet before it says: a plan without a host.

Everything of the fleet before is taken to be there and to run, secrets count as changed when what names them does, and
nothing else listens anywhere. Not done here: drift, pauses, quarantines; only the host itself knows them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from reconciler.plan.arrive import arrivals, newcomers
from reconciler.plan.build import Rules, build
from reconciler.plan.change import Plan
from reconciler.plan.expand import expand
from reconciler.plan.fact import Absent, Fact, Observed, Present, ProcessFact, ProcessState, SecretFact
from reconciler.plan.fields import inputs_digest, secret_refs, wanted_fields
from reconciler.plan.formerly import borrowed, renamed
from reconciler.plan.held import Held, Origin, Records
from reconciler.plan.resource import Process, Resource
from reconciler.plan.retire import body_key, folder_key
from reconciler.plan.value import SecretRef
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.words import listed


def preview(before: DesiredFleet | None, after: DesiredFleet, host: str, rules: Rules | None = None) -> Plan:
    """The plan that takes `host` from one fleet to the other; from nothing, where there is none before.

    A host that leaves the fleet changes nothing: its reconciler refuses such a commit. Raises Terminal when neither
    fleet knows the host.
    """
    if before is not None and host in before.fleet.hosts.keys() - after.fleet.hosts.keys():
        return Plan(host, "", (), ())
    new = expand(after, host, None, "")
    known = before is not None and host in before.fleet.hosts
    old = expand(before, host, new.root, "") if before and known else replace(new, resources=())
    secrets = _secrets((*old.resources, *new.resources))
    there = {r.key: r for r in old.resources if _kept(r)}
    held = {key: Held(r, Origin.CREATED, wanted_fields(r, secrets), "before") for key, r in there.items()}
    records = renamed(new, Records(held))
    facts: dict[str, Fact] = {r.key: _absent(r) for r in new.resources}
    facts |= {f"{folder_key(one.new)}/original": Absent() for one in records.renamings}
    facts |= {key: _present(entry, pid) for pid, (key, entry) in enumerate(records.held.items(), 1)}
    facts |= {body_key(one.new): ProcessFact(ProcessState.STOPPED) for one in records.renamings if one.stored}
    secrets |= {ref: secrets[old] for ref, old in borrowed(secrets, records).items() if old in secrets}
    plan = build(new, Observed(facts, secrets, {}), records, rules)
    told = arrivals(newcomers(new, facts, records), new, records, after, [_whereabouts(before)] if before else [])
    return replace(plan, warnings=tuple(text for name, text in told if name in plan.wizards))


def leaving(before: DesiredFleet | None, after: DesiredFleet) -> tuple[str, ...]:
    """What a person has to know about each host that the later fleet no longer has."""
    gone = sorted(before.fleet.hosts.keys() - after.fleet.hosts.keys()) if before else []
    return tuple(_left(host, before) for host in gone if before)


def _left(host: str, before: DesiredFleet) -> str:
    there = [name for name, where in _whereabouts(before).items() if where == host]
    runs = f"; {listed(there)} {'runs' if len(there) == 1 else 'run'} on there" if there else ""
    return (
        f"host {host} leaves the fleet: its reconciler refuses that and keeps the last good one in force{runs}. "
        f"Where it only gets another name, change `host` in its settings too; what it runs ends when declared with "
        f"`desired: dead` first"
    )


def _whereabouts(fleet: DesiredFleet) -> dict[str, str]:
    """Wizard -> host."""
    return {name: fleet.host_of(wizard) for name, wizard in fleet.wizards.items()}


def _kept(resource: Resource) -> bool:
    """A process that is not to run leaves nothing behind."""
    return not isinstance(resource, Process) or resource.run


def _secrets(resources: Iterable[Resource]) -> dict[SecretRef, SecretFact]:
    """A digest of each name in place of the text, which only the host knows."""
    refs = {ref for resource in resources for ref in secret_refs(resource)}
    return {ref: SecretFact(hashlib.sha256(f"{ref.source} {ref.location}".encode()).hexdigest()) for ref in refs}


def _absent(resource: Resource) -> Fact:
    return ProcessFact(ProcessState.STOPPED) if isinstance(resource, Process) else Absent()


def _present(entry: Held, pid: int) -> Fact:
    if isinstance(entry.resource, Process):
        return ProcessFact(ProcessState.RUNNING, pid, 0.0, inputs_digest(entry.fields))
    return Present(entry.fields)
