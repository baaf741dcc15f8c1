"""Blast radius: how much one plan may take away or interrupt before a person has to say yes.

Beyond the fleet's policy the plan is refused whole, and the refusal names the commit trailer and the flag that lift it.
Healing (an orphan, a process that ended) is not counted: it interrupts nothing that runs as it should.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from reconciler.plan.canary import moves
from reconciler.plan.change import Action, Cause, Change, Disposition, Refusal
from reconciler.plan.retire import attic_key, body_key, folder_key
from reconciler.spec.kinds import Policy

DELETION_TRAILER = "Allow-Delete"
RESTART_TRAILER = "Allow-Restarts"
_COUNTED = frozenset({Cause.NEEDS, Cause.CHANGED, Cause.DRIFT})


def refusals(
    changes: Sequence[Change], policy: Policy, deletions: frozenset[str], restarts: int
) -> tuple[Refusal, ...]:
    """Why the plan may not be applied; empty when it may."""
    return (*_deletions(changes, policy, deletions), *_restarts(changes, policy, restarts))


def deletions_allowed(trailers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Wizards whose removal a commit's trailers allow."""
    values = (value for key, value in trailers if key.lower() == DELETION_TRAILER.lower())
    return tuple(name for value in values for name in re.split(r"[,\s]+", value) if name)


def restarts_allowed(trailers: Iterable[tuple[str, str]]) -> int:
    """How many restarts a commit's trailers allow; 0 when they say nothing of it."""
    values = (value.strip() for key, value in trailers if key.lower() == RESTART_TRAILER.lower())
    return max((int(value) for value in values if re.fullmatch(r"[0-9]{1,9}", value)), default=0)


def _deletions(changes: Sequence[Change], policy: Policy, allowed: frozenset[str]) -> Iterator[Refusal]:
    beyond = [name for name in removed_wizards(changes) if name not in allowed]
    if len(beyond) > policy.max_deletions:
        names = ", ".join(beyond)
        yield Refusal(
            f"it would remove {len(beyond)} wizard{'s'[: len(beyond) != 1]} ({names}); "
            f"the fleet allows {policy.max_deletions} at once",
            f"put the trailer `{DELETION_TRAILER}: {names}` into the commit, "
            f"or say --allow-delete {' --allow-delete '.join(beyond)}",
        )


def removed_wizards(changes: Sequence[Change]) -> tuple[str, ...]:
    """The wizards that the changes take off the host, sorted. Of a wizard that stays, body and folder never go."""
    return tuple(sorted({c.wizard for c in changes if c.wizard and _removes(c, c.wizard)}))


def _removes(change: Change, wizard: str) -> bool:
    if change.disposition is not Disposition.APPLY or not any(r.cause is Cause.REMOVED for r in change.reasons):
        return False
    return change.key in (attic_key(wizard), folder_key(wizard), body_key(wizard))


def _restarts(changes: Sequence[Change], policy: Policy, allowed: int) -> Iterator[Refusal]:
    stopped = sorted({c.wizard for c in changes if _interrupts(c) and c.wizard})
    limit = max(policy.max_restarts, allowed)
    if len(stopped) > limit:
        yield Refusal(
            f"it would restart or stop {len(stopped)} running wizards ({', '.join(stopped)}); "
            f"the fleet allows {limit} at once",
            f"put the trailer `{RESTART_TRAILER}: {len(stopped)}` into the commit, "
            f"or say --allow-restarts {len(stopped)}",
        )


def _interrupts(change: Change) -> bool:
    if moves(change):
        return False  # a codebase moves behind a canary, one wizard at a time
    planned = change.action in (Action.RESTART, Action.STOP) and change.disposition is Disposition.APPLY
    return planned and any(reason.cause in _COUNTED for reason in change.reasons)
