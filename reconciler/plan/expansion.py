"""The expansion of a wizard: all that Git declares for it, as a digest, and beside it the texts of its secrets now.

A secret that can't be read is unknown, which is not another one. Not done here: what follows from an expansion that
has failed (generation.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.plan.codec import RESOURCE
from reconciler.plan.expand import Desired
from reconciler.plan.fields import Secrets, secret_refs
from reconciler.plan.held import Generation, Quarantine, SecretTexts
from reconciler.plan.resource import CodebaseVersion, Process, Resource, TextFile
from reconciler.plan.value import SecretRef

FORM = "2"
"""How a digest is made. Another number where equal declarations would have another digest than before."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """`digest` is of what Git declares, references of secrets included and their texts not. `secrets` are those that
    can be read, with an empty digest while they are to be made anew; `missing` says of the others why they can't."""

    digest: str
    secrets: SecretTexts = ()
    missing: tuple[tuple[SecretRef, str], ...] = ()


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


def expansion(resources: tuple[Resource, ...], secrets: Secrets, company: str = "") -> Expansion:
    """`company` is the line of its soul that comes of other wizards (`Desired.company`): one that joins or leaves is no
    change of this one."""
    digest = hashlib.sha256()
    for resource in resources:
        digest.update(RESOURCE.canonical(_alone(resource, company)).encode())
    refs = sorted({ref for resource in resources for ref in secret_refs(resource)})
    facts = [(ref, fact) for ref in refs if (fact := secrets.get(ref))]
    return Expansion(
        f"{FORM}:{digest.hexdigest()}",
        tuple((ref, fact.digest) for ref, fact in facts if not fact.missing),
        tuple((ref, fact.missing) for ref, fact in facts if fact.missing),
    )


def _alone(resource: Resource, company: str) -> Resource:
    if not company or not isinstance(resource, TextFile):
        return resource
    return replace(resource, text=resource.text.replace(f"{company}\n", "", 1))


def same(one: Generation | Quarantine, other: Expansion | Generation | Quarantine) -> bool:
    """Whether both are of one declaration, and no secret is known to have another text."""
    digest = other.digest if isinstance(other, Expansion) else other.expansion
    return one.expansion == digest and not _differ(one.secrets, other.secrets)


def _differ(some: SecretTexts, others: SecretTexts) -> bool:
    known = dict(others)
    return any(ref in known and known[ref] != text for ref, text in some)


def comparable(one: Quarantine) -> bool:
    """False for one whose digest was made otherwise, by another version of this program."""
    return one.expansion.startswith(f"{FORM}:")
