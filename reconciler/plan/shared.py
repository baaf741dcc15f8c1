"""Secrets that no two wizards may share, compared by their digests on this host: a bot that two gateways answer for.

What the YAML alone can tell is an error of the fleet (spec/checks/secrets.py); that two references lead to one text,
only the host knows. Who holds the token already keeps it; the others are held. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.agents import AGENTS
from reconciler.plan.expand import Desired
from reconciler.plan.fact import SecretFact
from reconciler.plan.fields import KEY
from reconciler.plan.held import Records
from reconciler.plan.resource import Format, KeyedFile
from reconciler.plan.value import Hidden, SecretRef

_EXCLUSIVE = frozenset(name for agent in AGENTS.values() for name in agent.exclusive)


def sharing(desired: Desired, records: Records, secrets: Mapping[SecretRef, SecretFact]) -> Mapping[str, str]:
    """Wizard -> why it is held: the secret is another wizard's."""
    users: dict[tuple[str, str], list[str]] = {}
    for wizard, name, ref in _secrets(desired):
        fact = secrets.get(ref)
        if fact is not None and fact.digest:
            users.setdefault((name, fact.digest), []).append(wizard)
    found: dict[str, str] = {}
    for (name, digest), wizards in users.items():
        if len(wizards) > 1:
            first = min(wizards, key=lambda wizard: (not _holds(wizard, name, digest, records), wizard))
            why = f"its {name} is the one of {first}; give each wizard a bot of its own"
            found |= {wizard: why for wizard in wizards if wizard != first}
    return found


def _secrets(desired: Desired) -> Iterator[tuple[str, str, SecretRef]]:
    for resource in desired.resources:
        if isinstance(resource, KeyedFile) and resource.format is Format.ENV and resource.wizard:
            for key in resource.keys:
                if key.path[-1] in _EXCLUSIVE and isinstance(key.value, SecretRef):
                    yield resource.wizard, key.path[-1], key.value


def _holds(wizard: str, name: str, digest: str, records: Records) -> bool:
    entry = records.held.get(f"wizard/{wizard}/file/home/.env")
    return entry is not None and ((KEY, name), Hidden(digest)) in entry.fields
