"""What somebody wishes to be done: the plan of it as it is now, its fingerprint, and what moved since it was shown.

Not done here: carrying it out (api_act.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from reconciler.engine.report import Planned
from reconciler.engine.request import Request
from reconciler.engine.saved import fingerprint
from reconciler.errors import ReconcilerError, Terminal
from reconciler.web.api_bodies import Action
from reconciler.web.api_problem import ApiProblem
from reconciler.web.api_wizard import names, unknown
from reconciler.web.app import Problem

if TYPE_CHECKING:
    from reconciler.engine.daemon import Daemon


@dataclass(frozen=True, slots=True)
class Shown:
    """What a fingerprint stands for: the commit, and what the plan is bound to."""

    commit: str
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wish:
    """An action with its plan's request. `do` carries it out and gives the ticket of its pass, or says whether there
    was anything to do. `lenient`: possible even while no plan can be made. `more`: what else was asked for."""

    action: Action
    request: Request
    wizards: tuple[str, ...]
    do: Callable[[Planned | None], str | bool]
    lenient: bool = False
    more: str = ""


def look(daemon: Daemon, wish: Wish) -> tuple[Planned | None, str]:
    """The plan as it is now, or why there is none."""
    seen = daemon.board.view.seen
    try:
        planned = daemon.look(wish.request)
    except ReconcilerError as error:
        if seen is not None:
            _check(daemon, wish.wizards, seen)
        if not wish.lenient:
            raise ApiProblem.of(error) from error
        _check_recorded(daemon, wish, seen)
        return None, str(error)
    _check(daemon, wish.wizards, planned)
    return planned, ""


def _check(daemon: Daemon, wanted: tuple[str, ...], planned: Planned) -> None:
    """Raises ApiProblem, 404. The records of a look may foresee a pause, which makes no wizard."""
    known = names(planned.wanted.desired, daemon.host.ledger.records())
    for name in wanted:
        if name not in known:
            raise unknown(name, known, daemon.host.name)


def _check_recorded(daemon: Daemon, wish: Wish, seen: Planned | None) -> None:
    """Before the first pass, only what was done on this host tells which names there are."""
    if seen is None and not any(daemon.host.ledger.entries(name, 1) for name in wish.wizards):
        words = Terminal(f"nothing is known of {', '.join(wish.wizards)} yet", where=f"host {daemon.host.name}")
        raise ApiProblem.of(words, 404)


def permit(planned: Planned | None, wish: Wish) -> None:
    if planned is not None and planned.plan.refusals and wish.action not in (Action.PAUSE, Action.RESUME):
        what = "; ".join(one.what for one in planned.plan.refusals)
        mend = "; ".join(one.mend for one in planned.plan.refusals)
        raise ApiProblem(Problem(409, f"the plan is refused whole: {what}", mend=mend))


def shown_now(planned: Planned | None) -> Shown:
    if planned is None:
        return Shown("", {})
    return Shown(planned.plan.commit, fingerprint(planned.plan, planned.records))


def mark(wish: Wish, shown: Shown) -> str:
    rules = wish.request.rules
    asked = [sorted(rules.only), sorted(rules.deletions), rules.restarts, wish.request.reread, wish.more]
    content = [wish.action.value, asked, shown.commit, sorted(shown.parts.items())]
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def moved(before: Shown, now: Shown) -> tuple[str, ...]:
    keys = before.parts.keys() | now.parts.keys()
    found = sorted(key for key in keys if before.parts.get(key) != now.parts.get(key))
    if before.commit != now.commit:
        found.insert(0, f"the branch ({before.commit[:7]} to {now.commit[:7]})")
    return tuple(found)
