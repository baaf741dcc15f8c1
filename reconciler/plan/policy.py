"""Blast radius: how much one plan may take away or interrupt before a person has to say yes.

Beyond the fleet's policy the plan is refused whole, and the refusal names the commit trailer and the flag that lift it.
Healing (an orphan, a process that ended) is not counted: it interrupts nothing that runs as it should. Not done here:
how trailers read (trailers.py), removals that look like renames (rename.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reconciler.plan.canary import moves
from reconciler.plan.change import Action, Cause, Change, Disposition, Refusal
from reconciler.plan.held import Records
from reconciler.plan.resource import Process
from reconciler.plan.retire import attic_key, body_key, folder_key
from reconciler.plan.trailers import DELETION_TRAILER, RESTART_TRAILER, Slip, told
from reconciler.spec.kinds import Policy

_COUNTED = frozenset({Cause.NEEDS, Cause.CHANGED, Cause.DRIFT})


@dataclass(frozen=True, slots=True)
class Lifted:
    """What is allowed beyond the policy: removals of these wizards, so many restarts. `slips` were meant to allow
    more."""

    deletions: frozenset[str] = frozenset()
    restarts: int = 0
    slips: tuple[Slip, ...] = ()


def deletions(gone: Iterable[str], policy: Policy, lifted: Lifted) -> Iterator[Refusal]:
    """Why a plan that removes these wizards may not be applied; nothing when it may."""
    beyond = [name for name in gone if name not in lifted.deletions]
    if len(beyond) > policy.max_deletions:
        names = ", ".join(beyond)
        mend = (
            f"put the trailer `{DELETION_TRAILER}: {names}` into the commit, "
            f"or say --allow-delete {' --allow-delete '.join(beyond)}"
        )
        yield Refusal(
            f"it would remove {len(beyond)} wizard{'s'[: len(beyond) != 1]} ({names}); "
            f"the fleet allows {policy.max_deletions} at once",
            told(mend, lifted.slips, DELETION_TRAILER, beyond),
        )


def removed_wizards(changes: Iterable[Change], *, waiting: bool = False) -> tuple[str, ...]:
    """The wizards that the changes take off the host, sorted; with `waiting`, also those whose removal is held or
    blocked now. Of a wizard that stays, body and folder never go."""
    return tuple(sorted({c.wizard for c in changes if c.wizard and _removes(c, c.wizard, waiting)}))


def _removes(change: Change, wizard: str, waiting: bool) -> bool:
    if not waiting and change.disposition is not Disposition.APPLY:
        return False
    gone = any(reason.cause is Cause.REMOVED for reason in change.reasons)
    return gone and change.key in (attic_key(wizard), folder_key(wizard), body_key(wizard))


def restarts(stopped: Sequence[str], policy: Policy, lifted: Lifted) -> Iterator[Refusal]:
    """The same for a plan that interrupts these wizards."""
    limit = max(policy.max_restarts, lifted.restarts)
    if len(stopped) > limit:
        mend = (
            f"put the trailer `{RESTART_TRAILER}: {len(stopped)}` into the commit, "
            f"or say --allow-restarts {len(stopped)}"
        )
        yield Refusal(
            f"it would restart or stop {len(stopped)} running wizards ({', '.join(stopped)}); "
            f"the fleet allows {limit} at once",
            told(mend, lifted.slips, RESTART_TRAILER),
        )


def interrupted(changes: Iterable[Change], records: Records, commit: str) -> tuple[str, ...]:
    """The running wizards that the changes of a plan for the commit stop or restart, as the policy counts them."""
    return tuple(sorted({c.wizard for c in changes if c.wizard and _interrupts(c, records, commit)}))


def _interrupts(change: Change, records: Records, commit: str) -> bool:
    planned = change.action in (Action.RESTART, Action.STOP) and change.disposition is Disposition.APPLY
    counted = planned and any(reason.cause in _COUNTED for reason in change.reasons)
    return counted and not (moves(change) and _behind_a_canary(change, records, commit))


def _behind_a_canary(change: Change, records: Records, commit: str) -> bool:
    """Whether the codebase moves under one wizard after the other: in a chain of this plan, or as the last of one that
    an earlier pass for the commit began, and in which another has held on the version since."""
    if any(reason.cause is Cause.TURN for reason in change.reasons):
        return True
    process = change.resource
    return isinstance(process, Process) and any(
        entry.resource.codebase == process.codebase
        for key, entry in records.held.items()
        if isinstance(entry.resource, Process) and key != change.key and entry.commit == commit and not entry.left
    )
