"""Commit trailers that lift the blast radius: `Allow-Delete: allegro, ezra` and `Allow-Restarts: 12`.

They count on the commits that have not been applied yet, and never later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from reconciler.plan.build import Rules
from reconciler.plan.policy import DELETION_TRAILER, RESTART_TRAILER
from reconciler.protocols.source import Revision


def allowances(rules: Rules, revisions: Iterable[Revision]) -> Rules:
    """The rules with what the commits' trailers add."""
    deletions, restarts = set(rules.deletions), rules.restarts
    for key, value in (trailer for revision in revisions for trailer in revision.trailers):
        if key.lower() == DELETION_TRAILER.lower():
            deletions |= {name for name in re.split(r"[,\s]+", value) if name}
        elif key.lower() == RESTART_TRAILER.lower() and value.strip().isdigit():
            restarts = max(restarts, int(value))
    return replace(rules, deletions=frozenset(deletions), restarts=restarts)
