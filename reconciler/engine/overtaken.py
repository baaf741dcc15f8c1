"""Commits that were the branch's tip for a while and got no pass to its end, because a newer one came too soon.

What became of the newer one is what became of them, and people who merged them want to read it there. Deliveries only
name them; that they belong to the branch is what Git says. Not done here: telling it.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from reconciler.protocols.source import Source

KEPT = 50


class Overtaken:
    """`name` may be called from any thread, `by` from one."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = Lock()
        self._named: OrderedDict[str, None] = OrderedDict()
        self._base = ""

    def name(self, commit: str) -> None:
        """Somebody says that it was the branch's tip."""
        if commit:
            with self._lock:
                self._named[commit] = None
                self._named.move_to_end(commit)
                while len(self._named) > KEPT:
                    self._named.popitem(last=False)

    def by(self, commit: str) -> tuple[str, ...]:
        """Those that a pass on this commit stands for as well, oldest first, each once. Call it with each commit that
        got its pass. May raise what the source raises."""
        base, self._base = self._base, commit
        with self._lock:
            self._named.pop(commit, None)
            named = set(self._named)
        if not named or not base or base == commit:
            return ()
        between = [revision.commit for revision in self._source.since(base, commit)]
        found = tuple(one for one in reversed(between) if one in named)
        with self._lock:
            for one in found:
                self._named.pop(one, None)
        return found
