"""The commit that stays in force while another one is refused by the policy: what this host runs goes on being healed.

Not done here: refusing (plan/policy.py), a tip that can't be used at all (reconcile.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from reconciler.engine.desired import DesiredState, Wanted
from reconciler.engine.report import Planned
from reconciler.engine.request import Request
from reconciler.errors import Refused, Terminal

Look = Callable[[Wanted, Request], Planned]


class Standing:
    def __init__(self, desired: DesiredState, look: Look) -> None:
        self._desired = desired
        self._look = look
        self._last: tuple[tuple[str, str], Wanted] | None = None

    def plan(self, refused: str, refusal: Refused, commits: Iterable[str | None], request: Request) -> Planned | None:
        """The plan of the first of the commits that can be read and is not refused as well; None when there is none."""
        for commit in dict.fromkeys(commits):
            if not commit or commit == refused:
                continue
            try:
                planned = self._look(self._wanted(commit, refused, refusal), request)
            except (Terminal, Refused):
                continue  # a force-push may have taken it away: the refusal is what a person has to know
            if not planned.plan.refusals:
                return planned
        return None

    def _wanted(self, commit: str, refused: str, refusal: Refused) -> Wanted:
        """With a notice; the same object while the same is refused for the same reason."""
        notice = f"commit {refused[:7]}: {refusal}; until that is mended, commit {commit[:7]} stays in force"
        if self._last is None or self._last[0] != (commit, notice):
            wanted = self._desired.at(commit)
            self._last = ((commit, notice), replace(wanted, notices=(notice, *wanted.notices), unused=notice))
        return self._last[1]
