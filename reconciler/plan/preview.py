"""What a change of the fleet would do to a host that is as the fleet before it says: a plan without a host.

Everything of the fleet before is taken to be there and to run, secrets count as changed when what names them does, and
nothing else listens anywhere. Not done here: drift, pauses, quarantines; only the host itself knows them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.plan.build import Rules, build
from reconciler.plan.change import Plan
from reconciler.plan.expand import expand
from reconciler.plan.fact import Absent, Fact, Observed, Present, ProcessFact, ProcessState, SecretFact
from reconciler.plan.fields import inputs_digest, secret_refs, wanted_fields
from reconciler.plan.held import Held, Origin, Records
from reconciler.plan.resource import Process, Resource
from reconciler.plan.value import SecretRef
from reconciler.spec.desired import DesiredFleet


def preview(before: DesiredFleet, after: DesiredFleet, host: str, rules: Rules | None = None) -> Plan:
    """The plan that takes `host` from one fleet to the other. Raises Terminal when the later one does not know it."""
    new = expand(after, host, None, "")
    old = expand(before, host, new.root, "") if host in before.fleet.hosts else replace(new, resources=())
    secrets = _secrets((*old.resources, *new.resources))
    there = {r.key: r for r in old.resources if _kept(r)}
    held = {key: Held(r, Origin.CREATED, wanted_fields(r, secrets), "before") for key, r in there.items()}
    facts: dict[str, Fact] = {r.key: _absent(r) for r in new.resources}
    facts.update({key: _present(entry, pid) for pid, (key, entry) in enumerate(held.items(), 1)})
    return build(new, Observed(facts, secrets, {}), Records(held), rules)


def _kept(resource: Resource) -> bool:
    """A process that is not to run leaves nothing behind."""
    return not isinstance(resource, Process) or resource.run


def _secrets(resources: Iterable[Resource]) -> Mapping[SecretRef, SecretFact]:
    """A digest of each name in place of the text, which only the host knows."""
    refs = {ref for resource in resources for ref in secret_refs(resource)}
    return {ref: SecretFact(hashlib.sha256(f"{ref.source} {ref.location}".encode()).hexdigest()) for ref in refs}


def _absent(resource: Resource) -> Fact:
    return ProcessFact(ProcessState.STOPPED) if isinstance(resource, Process) else Absent()


def _present(entry: Held, pid: int) -> Fact:
    if isinstance(entry.resource, Process):
        return ProcessFact(ProcessState.RUNNING, pid, 0.0, inputs_digest(entry.fields))
    return Present(entry.fields)
