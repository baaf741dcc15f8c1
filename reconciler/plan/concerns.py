"""What a change of the fleet means beyond its plan: limits it loosens, keys it changes, trailers it carries.

These are for a reviewer's eyes before all else. Not done here: deciding whether any of it is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.plan.trailers import DELETION_TRAILER, RESTART_TRAILER
from reconciler.spec.desired import DesiredFleet

_SIGNING = ("allowed_signers", "allowed_keys", ".asc", ".gpg", ".pub")
_LIFTING = {DELETION_TRAILER.lower(): DELETION_TRAILER, RESTART_TRAILER.lower(): RESTART_TRAILER}


def concerns(before: DesiredFleet | None, after: DesiredFleet, host: str) -> tuple[str, ...]:
    """What changes of the policy, and of what the host itself is; nothing when there was no valid fleet before."""
    if before is None:
        return ()
    return (*_policy(before, after), *_host(before, after, host))


def _policy(before: DesiredFleet, after: DesiredFleet) -> Iterator[str]:
    old, new = before.fleet.policy, after.fleet.policy
    for name in type(new).model_fields:
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            yield f"It changes the policy: {name} {was} -> {now}"


def _host(before: DesiredFleet, after: DesiredFleet, host: str) -> Iterator[str]:
    old, new = before.fleet.hosts.get(host), after.fleet.hosts.get(host)
    if old is None or new is None:
        return
    if old.age != new.age:
        yield f"It changes the key that secrets of {host} are encrypted to"
    if old.root != new.root:
        yield f"It moves the wizards of {host}: {old.root} -> {new.root}"


def signing_files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[str, ...]:
    """Files of keys that may sign, as far as their names say so, that the change touches."""
    touched = (path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return tuple(f"It changes {path}, which looks like keys that may sign" for path in sorted(touched) if _signs(path))


def _signs(path: str) -> bool:
    return path.lower().endswith(_SIGNING)


def lifted(trailers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The limits that trailers of its commits lift."""
    found = ((_LIFTING.get(key.lower()), value) for key, value in trailers)
    said = dict.fromkeys(f"{name}: {value}" for name, value in found if name)
    return tuple(f"Its commits lift a limit, if the merge keeps them: {text}" for text in said)
