"""Saved plans: bound to a commit and to a fingerprint of every difference, so that only exactly this plan is applied.

The fingerprint covers, for each change, what is done, to which values before and after, and whether it is held or
blocked. No pids, times, or keys that are not ours. The plan in the file is for reading; what is applied is built again
from the same commit and must have the same fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.errors import Refused, Terminal
from reconciler.plan.build import Rules
from reconciler.plan.change import Plan
from reconciler.plan.codec import encode_plan
from reconciler.plan.repeat import change_digest

FORMAT = 1


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """`parts` maps each change's key to the digest of what it does."""

    commit: str
    host: str
    rules: Rules
    parts: Mapping[str, str]


def fingerprint(plan: Plan) -> Mapping[str, str]:
    """Resource key -> digest of the change."""
    return {change.key: change_digest(change, waiting=True) for change in plan.changes}


def save(plan: Plan, rules: Rules) -> str:
    """The text of a plan file."""
    document = {
        "format": FORMAT,
        "commit": plan.commit,
        "host": plan.host,
        "only": sorted(rules.only),
        "restart": sorted(rules.restart),
        "deletions": sorted(rules.deletions),
        "restarts": rules.restarts,
        "fingerprint": dict(sorted(fingerprint(plan).items())),
        "plan": json.loads(encode_plan(plan)),
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def load(text: str, where: str) -> SavedPlan:
    """Raises Terminal when the file is no plan of ours."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise Terminal(f"it is of format {document['format']}, not {FORMAT}", where=where, mend="plan again")
        rules = Rules(
            frozenset(document["only"]),
            frozenset(document["restart"]),
            frozenset(document["deletions"]),
            int(document["restarts"]),
        )
        return SavedPlan(str(document["commit"]), str(document["host"]), rules, dict(document["fingerprint"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Terminal("this is not a saved plan", where=where, mend="write one with `plan --out FILE`") from error


def compare(saved: SavedPlan, plan: Plan) -> None:
    """Raises Refused, saying what moved, unless the plan is the saved one."""
    if saved.host != plan.host:
        raise Terminal(f"the saved plan is for {saved.host}, and this is {plan.host}", mend="plan on this host")
    now = fingerprint(plan)
    moved = sorted(key for key in saved.parts.keys() | now.keys() if saved.parts.get(key) != now.get(key))
    if moved:
        more = f" and {len(moved) - 5} more" if len(moved) > 5 else ""
        raise Refused(f"the saved plan is stale: {', '.join(moved[:5])}{more} moved since", mend="plan again")
