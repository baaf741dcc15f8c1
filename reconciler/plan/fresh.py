"""Secrets of a way back, and of what stands in for a change that waits: pinned to the texts that the wizard was healthy
with, but for those that have come since.

A text that was changed after the failure has failed nowhere, and the old one may be revoked. One that was part of what
failed stays out. A text that comes with a commit, encrypted, is another reference: it waits with its commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.plan.fields import Secrets
from reconciler.plan.held import Generation, SecretTexts
from reconciler.plan.resource import KeyedFile, OwnedKey, Process, Resource
from reconciler.plan.value import FieldPath, Known, SecretRef


def with_fresh_secrets(
    generation: Generation, declared: tuple[Resource, ...], failed: SecretTexts, secrets: Secrets
) -> tuple[Resource, ...]:
    """The generation's resources. Where Git names a secret as it did then, its text of now counts, unless that is one
    of `failed` or can't be read."""
    now = _Now(dict(generation.secrets), dict(failed), secrets)
    known = {resource.key: resource for resource in declared}
    return tuple(_one(resource, known.get(resource.key), now) for resource in generation.resources)


@dataclass(frozen=True, slots=True)
class _Now:
    then: Mapping[SecretRef, str]
    failed: Mapping[SecretRef, str]
    secrets: Secrets

    def value(self, pinned: Known | SecretRef, declared: Known | SecretRef | None) -> Known | SecretRef:
        if not isinstance(pinned, SecretRef) or not isinstance(declared, SecretRef):
            return pinned
        fact = self.secrets.get(declared)
        if fact is None or fact.missing or self.then.get(declared) != pinned.location:
            return pinned
        return pinned if fact.digest in (pinned.location, self.failed.get(declared)) else declared


def _one(resource: Resource, declared: Resource | None, now: _Now) -> Resource:
    match resource, declared:
        case KeyedFile(keys=keys), KeyedFile(keys=others):
            fresh = _keys(keys, others, now)
            return resource if fresh == keys else replace(resource, keys=fresh)
        case Process(start_values=keys, api_key=key), Process(start_values=others, api_key=other):
            found, api_key = _keys(keys, others, now), now.value(key, other)
            if (found == keys and api_key == key) or not isinstance(api_key, SecretRef):
                return resource
            return replace(resource, start_values=found, api_key=api_key)
        case _:
            return resource


def _keys(keys: tuple[OwnedKey, ...], declared: tuple[OwnedKey, ...], now: _Now) -> tuple[OwnedKey, ...]:
    known: dict[FieldPath, Known | SecretRef] = {key.path: key.value for key in declared}
    return tuple(replace(key, value=now.value(key.value, known.get(key.path))) for key in keys)
