"""Saved plans: bound to a host, a commit, pauses, quarantines, and to a fingerprint of every difference, so that only
exactly this plan is applied.

The fingerprint covers, for each change, what is done, to which values before and after, and whether it is held or
blocked. No pids, times, or keys that are not ours. What is applied is built again from the same commit and must have
the same fingerprint; the plan in the file is for reading, so a file whose plan says something else is refused as well.
A seal under the host's key covers every byte of meaning, so that nobody without that key can put other words, warnings
or limits into a file.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import cast

from reconciler.errors import Refused, Terminal
from reconciler.plan.build import Rules
from reconciler.plan.change import Cause, Change, Plan
from reconciler.plan.codec import decode_plan, encode_plan, no_repeats
from reconciler.plan.generation import way_back
from reconciler.plan.held import Quarantine, Records
from reconciler.plan.repeat import change_digest

FORMAT = 3
_PASSING = frozenset({Cause.ORPHAN, Cause.ENDED})
"""Causes whose words name pids and exit codes, which may change before the plan is applied."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """`parts` maps what the plan is bound to (the key of each change, each pause and quarantine) to a digest of it.
    `plan` is what a person read; None when it is still in memory. `digest` is of the whole file, and `seal` what the
    host that wrote it made of that."""

    commit: str
    host: str
    rules: Rules
    parts: Mapping[str, str]
    plan: Plan | None = None
    digest: str = ""
    seal: str = ""


Seal = Callable[[str], str]
"""Hex HMAC of a text under the host's key."""


def fingerprint(plan: Plan, records: Records) -> Mapping[str, str]:
    """What the plan is bound to, each with its digest. Pauses and quarantines, with what
    is wanted instead, count where the plan looked."""
    looked_at = frozenset(plan.wizards)
    return {
        **parts(plan),
        **{f"pause of {name}": "paused" for name in records.pauses if name in looked_at},
        **{f"quarantine of {name}": _bound(q, records) for name, q in records.quarantines.items() if name in looked_at},
    }


def _bound(one: Quarantine, records: Records) -> str:
    """What is kept away, and which generation is wanted instead."""
    generation = way_back(records, one)
    return f"{one.expansion} {generation.number}" if generation else one.expansion


def parts(plan: Plan) -> Mapping[str, str]:
    """Resource key -> digest of the change."""
    return {change.key: change_digest(change) for change in plan.changes}


def save(plan: Plan, rules: Rules, records: Records, seal: Seal) -> str:
    """The text of a plan file."""
    document = {
        "format": FORMAT,
        "commit": plan.commit,
        "host": plan.host,
        "only": sorted(rules.only),
        "restart": sorted(rules.restart),
        "deletions": sorted(rules.deletions),
        "restarts": rules.restarts,
        "fingerprint": dict(sorted(fingerprint(plan, records).items())),
        "plan": json.loads(encode_plan(plan)),
    }
    digest = _digest(document)
    return json.dumps({**document, "digest": digest, "seal": seal(_sealed(digest))}, indent=1, sort_keys=True) + "\n"


def load(text: str, where: str) -> SavedPlan:
    """Raises Terminal when the file is no plan of ours, and Refused when it is one that somebody changed."""
    try:
        document = json.loads(text, object_pairs_hook=no_repeats)
        if document["format"] != FORMAT:
            raise Terminal(f"it is of format {document['format']}, not {FORMAT}", where=where, mend="plan again")
        rules = Rules(
            frozenset(map(str, document["only"])),
            frozenset(map(str, document["restart"])),
            frozenset(map(str, document["deletions"])),
            int(document["restarts"]),
        )
        seal, digest = str(document.pop("seal")), document.pop("digest")
        intact = digest == _digest(document)
        bound = {str(key): str(value) for key, value in document["fingerprint"].items()}
        saved = SavedPlan(str(document["commit"]), str(document["host"]), rules, bound, None, str(digest), seal)
    except (OverflowError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Terminal("this is not a saved plan", where=where, mend="write one with `plan --out FILE`") from error
    return replace(saved, plan=_whole(saved, json.dumps(document["plan"]), intact, where))


def _whole(saved: SavedPlan, readable: str, intact: bool, where: str) -> Plan:
    """The plan in the file, when all parts of the file still fit together."""
    try:
        plan = decode_plan(readable)
    except Terminal as error:
        raise Terminal(error.what, where=where, mend="make it again with `reconciler plan --out FILE`") from error
    changed = sorted(set(_unfit(saved, plan)))
    if changed or not intact:
        what = f": what it says of {_few(changed)} does not fit together" if changed else ""
        raise Refused(f"the saved plan was changed after it was written{what}", where=where, mend="plan again")
    return plan


def _unfit(saved: SavedPlan, plan: Plan) -> Iterator[str]:
    if (plan.host, plan.commit) != (saved.host, saved.commit):
        yield "host and commit"
    now = parts(plan)
    then = {key: value for key, value in saved.parts.items() if " of " not in key}
    yield from _different(then, now)


def compare(saved: SavedPlan, plan: Plan, records: Records, seal: Seal) -> None:
    """Raises Refused, saying what moved or differs, unless the plan is the saved one as this host wrote it."""
    if saved.host != plan.host:
        raise Terminal(f"the saved plan is for {saved.host}, and this is {plan.host}", mend="plan on this host")
    moved = _different(saved.parts, fingerprint(plan, records))
    if moved:
        raise Refused(f"the saved plan is stale: {_few(moved)} moved since", mend="plan again")
    differs = _different(_sentences(saved.plan), _sentences(plan)) if saved.plan else []
    if differs:
        what = f"the saved plan says something else than what would be done: {_few(differs)}"
        raise Refused(what, mend="it is stale or was changed; plan again")
    if saved.plan and not hmac.compare_digest(_bytes(saved.seal), _bytes(seal(_sealed(saved.digest)))):
        what = "the saved plan was changed after it was written, or another host or an older key of this one wrote it"
        raise Refused(what, mend="plan again")


def _bytes(seal: str) -> bytes:
    """JSON can hold halves of characters, which are no UTF-8."""
    return seal.encode("utf-8", "surrogatepass")


def _sentences(plan: Plan) -> Mapping[str, str]:
    """All that a plan says will be done, by what it is about; without what changes by itself."""
    lasting = replace(plan, changes=tuple(map(_lasting, plan.changes)), warnings=(), undeclared=())
    document = cast("dict[str, list[object]]", json.loads(encode_plan(lasting)))
    changes = {change.key: json.dumps(said) for change, said in zip(plan.changes, document["changes"], strict=True)}
    rest = {name: json.dumps(said) for name, said in document.items() if name != "changes"}
    return {**changes, **rest, "the order of changes": json.dumps(list(changes))}


def _lasting(change: Change) -> Change:
    reasons = tuple(replace(r, text="") if r.cause in _PASSING else r for r in change.reasons)
    return replace(change, reasons=reasons, obstacle="")


def _different(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _sealed(digest: str) -> str:
    """What is sealed: no secret has this form."""
    return f"saved plan\0{digest}"


def _digest(document: Mapping[str, object]) -> str:
    return sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
