"""What stands beside a plan's changes: the agent's own keys, what is not enforced, what is never touched.

Not done here: refusals and warnings, which each face places for itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from reconciler.plan.change import Copies, Plan
from reconciler.render.names import counted
from reconciler.render.safe import plain, shorten

_NEVER = "Never touched: memories, skills, sessions, databases, logs."
_RESTORED = "Never touched: memories, skills, logs. Databases of a version that never held go back to what they were: "
_NAMED = 5
_TEXT_LIMIT = 300


def notes(plan: Plan, *, verbose: bool) -> list[str]:
    """Paragraphs of lines; an indented line belongs to the one above it."""
    return [
        *quarantine_notes(plan),
        *unmanaged_notes(plan, verbose=verbose),
        *unenforced_notes(plan, verbose=verbose),
        never_touched(plan),
    ]


def never_touched(plan: Plan) -> str:
    """The last line of every plan."""
    back = sorted({c.wizard for c in plan.pending if c.wizard and c.databases is Copies.PUT_BACK})
    return f"{_RESTORED}{', '.join(map(plain, back))}." if back else _NEVER


def quarantine_notes(plan: Plan) -> list[str]:
    """What is not applied here because it failed, what is wanted instead, and the mend."""
    return [f"Quarantined: {plain(name)}: {plain(why)}" for name, why in plan.quarantined]


def unmanaged_notes(plan: Plan, *, verbose: bool) -> list[str]:
    """Keys that belong to the agents; a few are named, the others counted."""
    found = [(key, paths) for key, paths in plan.undeclared if paths]
    if not found:
        return []
    lines = ["Kept, because the agent wrote them and Git does not declare them:"]
    return [*lines, *(f"  {_file(key)}: {_few(paths, verbose)}" for key, paths in found)]


def _file(key: str) -> str:
    match = re.fullmatch(r"wizard/([^/]+)/file/(.+)", key)
    return plain(f"{match[1]} {match[2]}" if match else key)


def _few(paths: Sequence[str], verbose: bool) -> str:
    if verbose or len(paths) <= _NAMED:
        return ", ".join(plain(path) for path in paths)
    named = ", ".join(shorten(plain(path), _TEXT_LIMIT) for path in paths[:_NAMED])
    return f"{named} and {len(paths) - _NAMED:,} more (-v names each)"


def unenforced_notes(plan: Plan, *, verbose: bool) -> list[str]:
    """Declared, not enforced by this version: counted by kind, or each."""
    if not plan.unenforced:
        return []
    title = "Declared, not enforced by this version"
    if verbose:
        return [f"{title}:", *(f"  {plain(text)}" for text in plan.unenforced)]
    return [f"{title}: {kinds_text(plan.unenforced)} (-v names each)"]


def kinds_text(texts: Sequence[str]) -> str:
    """`4 Cron, 2 Service`: texts counted by their first word."""
    counts = Counter(shorten(plain((re.split(r"[\s:/]", text, maxsplit=1) or [""])[0]), 40) for text in texts)
    return ", ".join(f"{number:,} {kind or 'other'}" for kind, number in counts.items())


def refusal_title(plan: Plan) -> str:
    return f"Refused: nothing of this plan is applied, for {counted(len(plan.refusals), 'reason')}."
