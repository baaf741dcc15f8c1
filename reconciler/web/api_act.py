"""Actions: each shows its plan and a fingerprint of it, and does exactly that when it is given the fingerprint.

Without a fingerprint nothing is changed. With one, it is planned again, and compared with what was shown: whatever
moved since is told, and nothing is done. The pass that follows compares once more. Not done here: the pass.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from reconciler.engine.demand import Demand
from reconciler.engine.report import Planned
from reconciler.engine.request import Request, retry, rollback
from reconciler.errors import Retryable
from reconciler.plan.build import Rules
from reconciler.web.api_bodies import (
    ActBody,
    Action,
    ApplyBody,
    DoneAnswer,
    PauseBody,
    PlanBody,
    RetryBody,
    ShownAnswer,
)
from reconciler.web.api_plan import plan_answer
from reconciler.web.api_problem import ApiProblem
from reconciler.web.api_shape import FORMAT, Shape
from reconciler.web.api_wish import Shown, Wish, look, mark, moved, permit, shown_now
from reconciler.web.app import Problem

if TYPE_CHECKING:
    from reconciler.engine.daemon import Daemon
    from reconciler.web.api_operation import Asked

REMEMBERED = 64
"""Shown plans that can still be applied; as many as several people look at, and no more."""


@dataclass
class Actions:
    """Remembers what was shown. Safe to use from many threads."""

    _shown: OrderedDict[str, Shown] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def plan(self, daemon: Daemon, asked: Asked) -> Shape:
        assert isinstance(asked.body, PlanBody)  # noqa: S101 - what the operation declares
        return self._answer(daemon, _apply(daemon, asked.body), None)

    def apply(self, daemon: Daemon, asked: Asked) -> Shape:
        assert isinstance(asked.body, ApplyBody)  # noqa: S101 - what the operation declares
        return self._answer(daemon, _apply(daemon, asked.body), asked.body.fingerprint)

    def pause(self, daemon: Daemon, asked: Asked) -> Shape:
        assert isinstance(asked.body, PauseBody)  # noqa: S101 - what the operation declares
        name, reason = asked.names["name"], asked.body.reason

        def do(_: Planned | None) -> bool:
            daemon.pause(name, reason)
            return True

        wish = Wish(Action.PAUSE, _foresee(name, Demand(pause=name)), (name,), do, lenient=True, more=reason)
        return self._answer(daemon, wish, asked.body.fingerprint)

    def resume(self, daemon: Daemon, asked: Asked) -> Shape:
        assert isinstance(asked.body, ActBody)  # noqa: S101 - what the operation declares
        name = asked.names["name"]
        request = _foresee(name, Demand(resume=name))
        wish = Wish(Action.RESUME, request, (name,), lambda _: daemon.resume(name), lenient=True)
        return self._answer(daemon, wish, asked.body.fingerprint)

    def rollback(self, daemon: Daemon, asked: Asked) -> Shape:
        assert isinstance(asked.body, ActBody)  # noqa: S101 - what the operation declares
        name = asked.names["name"]
        wish = _submitted(daemon, Action.ROLLBACK, rollback(name), (name,))
        return self._answer(daemon, wish, asked.body.fingerprint)

    def retry_one(self, daemon: Daemon, asked: Asked) -> Shape:
        assert isinstance(asked.body, ActBody)  # noqa: S101 - what the operation declares
        name = asked.names["name"]
        wish = _submitted(daemon, Action.RETRY, retry(frozenset({name})), (name,))
        return self._answer(daemon, wish, asked.body.fingerprint)

    def retry(self, daemon: Daemon, asked: Asked) -> Shape:
        assert isinstance(asked.body, RetryBody)  # noqa: S101 - what the operation declares
        wish = _submitted(daemon, Action.RETRY, retry(frozenset(asked.body.wizards)), asked.body.wizards)
        return self._answer(daemon, wish, asked.body.fingerprint)

    def _answer(self, daemon: Daemon, wish: Wish, given: str | None) -> Shape:
        planned, trouble = look(daemon, wish)
        now = shown_now(planned)
        sign = mark(wish, now)
        if given is None:
            self._remember(sign, now)
            plan = plan_answer(planned.plan) if planned else None
            return ShownAnswer(
                format=FORMAT, action=wish.action.value, dry=True, fingerprint=sign, plan=plan, trouble=trouble
            )
        self._agree(given, sign, now)
        permit(planned, wish)
        outcome = wish.do(planned)
        ticket = outcome if isinstance(outcome, str) else None
        return DoneAnswer(
            format=FORMAT,
            action=wish.action.value,
            dry=False,
            done=bool(outcome),
            ticket=ticket,
            commit=now.commit,
        )

    def _remember(self, sign: str, shown: Shown) -> None:
        with self._lock:
            self._shown[sign] = shown
            self._shown.move_to_end(sign)
            while len(self._shown) > REMEMBERED:
                self._shown.popitem(last=False)

    def _agree(self, given: str, sign: str, now: Shown) -> None:
        """Raises ApiProblem, 409, saying what moved, unless what was shown is still so."""
        if given == sign:
            return
        with self._lock:
            before = self._shown.get(given)
        if before is None:
            what = "nothing that was shown here lately has this fingerprint"
            raise ApiProblem(Problem(409, what, mend="ask for the dry form again"), "stale")
        gone = moved(before, now)
        words = ", ".join(gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
        what = f"stale: {words} moved since" if gone else "this fingerprint was given for another request"
        raise ApiProblem(Problem(409, what, mend="ask for the dry form again"), "stale", gone)


def _apply(daemon: Daemon, body: PlanBody) -> Wish:
    rules = Rules(frozenset(body.wizards), frozenset(), frozenset(body.allow_delete), body.allow_restarts)
    request = Request("asked for over the web", rules, reread=body.reread, bound=True)
    return _submitted(daemon, Action.APPLY, request, body.wizards)


def _submitted(daemon: Daemon, action: Action, request: Request, wizards: tuple[str, ...]) -> Wish:
    def do(planned: Planned | None) -> str:
        if planned is None:
            raise ApiProblem.of(Retryable("there is no plan to apply"))
        return daemon.submit(request, planned)

    return Wish(action, request, wizards, do)


def _foresee(name: str, demand: Demand) -> Request:
    return Request("asked for over the web", Rules(only=frozenset({name})), demand=demand)
