"""The commit that stays in force while another one is refused by the policy: what this host runs goes on being healed,
and what people ask of some wizards is about that commit.

A plan for some wizards may be within the policy though the whole is not. But nothing of a refused commit is applied: it
would be taken back by the next pass. Not done here: refusing (plan/policy.py), a tip that can't be used at all
(in_force.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reconciler.engine.demand import NOTHING
from reconciler.engine.desired import DesiredState, Wanted
from reconciler.engine.in_force import InForce
from reconciler.engine.report import Planned
from reconciler.engine.request import Request
from reconciler.errors import Refused, Terminal
from reconciler.plan.build import Rules
from reconciler.plan.change import Plan

Look = Callable[[Wanted, Request], Planned]


class Standing:
    def __init__(self, in_force: InForce, desired: DesiredState, look: Look) -> None:
        self._in_force = in_force
        self._desired = desired
        self._look = look
        self._last: tuple[tuple[str, str], Wanted] | None = None

    def look(self, wanted: Wanted, request: Request) -> tuple[Planned, Plan | None]:
        """The plan of the request. What is asked of some wizards, or of what this host has learnt, is planned for the
        commit in force while the whole plan of what is wanted is refused, which is returned beside it. What is bound to
        what Git declares is refused with the whole, and so is all where no commit can be used instead."""
        whole = self._refused(wanted, request)
        if whole is None:
            return self._look(wanted, request), None
        instead = None if _bound(request, wanted) else self.plan(whole, Request())
        if instead is None:
            planned = self._look(wanted, request)
            return replace(planned, plan=replace(planned.plan, refusals=whole.plan.refusals)), None
        return self._look(instead.wanted, request), whole.plan

    def _refused(self, wanted: Wanted, request: Request) -> Planned | None:
        """The whole plan of which the request asks a part, where that is refused; None where it is not, or where no
        other commit is in force."""
        commit = wanted.desired.commit
        asks = request.saved.rules if request.saved else request.rules
        if request.files is not None or not (asks.only or request.demand):
            return None
        if self._in_force.commits()[:1] in ((), (commit,)):
            return None
        # Whom a person names may be restarted, but that is no word about the others.
        rules = Rules() if request.by_name and asks.only else replace(asks, only=frozenset(), restart=frozenset())
        # The whole pass that follows when a pause ends is what is shown of it.
        demand = request.demand if request.demand.resume else NOTHING
        whole = self._look(wanted, Request(rules=rules, demand=demand))
        return whole if whole.plan.refusals else None

    def plan(self, refused: Planned, request: Request) -> Planned | None:
        """The plan of the first of the commits in force that can be read and is not refused as well; None when there
        is none."""
        for commit in self._in_force.commits():
            if commit == refused.plan.commit:
                continue
            try:
                planned = self._look(self._wanted(commit, refused), request)
            except (Terminal, Refused):
                continue  # a force-push may have taken it away: the refusal is what a person has to know
            if not planned.plan.refusals:
                return planned
        return None

    def _wanted(self, commit: str, refused: Planned) -> Wanted:
        """With a notice; the same object while the same is refused for the same reason."""
        why = f"commit {refused.plan.commit[:7]}: {refusal_of(refused.plan)}"
        notice = f"{why}; until that is mended, commit {commit[:7]} stays in force"
        if self._last is None or self._last[0] != (commit, notice):
            wanted = self._desired.at(commit)
            wanted = replace(wanted, notices=(notice, *wanted.notices), unused=notice, refused=refused.wanted.desired)
            self._last = ((commit, notice), wanted)
        return self._last[1]


def beyond(plan: Plan) -> str:
    """Why a plan is beyond the policy, and what lifts that."""
    return "; ".join(f"{refusal.what}: {refusal.mend}" for refusal in plan.refusals)


def refusal_of(plan: Plan) -> Refused:
    return Refused(f"the plan is refused whole: {beyond(plan)}")


def _bound(request: Request, wanted: Wanted) -> bool:
    """Whether it is about what Git declares now and nothing else: as a person said so, or as they saved it."""
    saved = request.saved is not None and not request.by_name and request.saved.commit == wanted.desired.commit
    return request.bound or saved
