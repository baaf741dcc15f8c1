"""What a person may do from the pages: plan now, apply, pause, resume, roll back, retry.

Each shows its plan first. The form carries the digest of exactly that plan; when it is sent, the plan is made again,
and nothing is done unless it is the same. Not done here: doing it; the daemon's queue decides when.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from threading import BoundedSemaphore, Lock
from urllib.parse import quote

from starlette.requests import Request as WebRequest
from starlette.responses import RedirectResponse, Response

from reconciler.engine.demand import Demand
from reconciler.engine.report import Planned
from reconciler.engine.request import Request, retry, rollback
from reconciler.engine.saved import fingerprint
from reconciler.errors import ReconcilerError, Retryable
from reconciler.plan.build import Rules
from reconciler.render.names import counted
from reconciler.render.safe import plain, shorten
from reconciler.render.status_words import minute
from reconciler.spec.words import mend_name, shown
from reconciler.web.pages_form import Form
from reconciler.web.pages_plan import plan_view
from reconciler.web.pages_shell import HEADERS, Shell

LOOKS = 2
"""Plans that are made at once for pages."""
PATIENCE_SECONDS = 30.0
REMEMBERED = 64
"""Plans that were shown and may still be asked for."""
REASON = 200
_FEW = 8


@dataclass(frozen=True, slots=True)
class Action:
    """`request` is what is planned and, with `submits`, asked for. `wizard`: it needs one; `bound`: only done when the
    plan is still the one that was shown."""

    name: str
    title: str
    does: str
    button: str
    request: Callable[[str], Request]
    wizard: bool = True
    submits: bool = True
    bound: bool = True


def _planned(trigger: str) -> Callable[[str], Request]:
    return lambda wizard: Request(trigger, Rules(only=frozenset({wizard}) if wizard else frozenset()), bound=True)


def _resumed(wizard: str) -> Request:
    return Request("resume", Rules(only=frozenset({wizard})), demand=Demand(resume=wizard))


ACTIONS: Mapping[str, Action] = {
    action.name: action
    for action in (
        Action(
            "plan",
            "Plan now",
            "Asks the remote for its newest commit, looks at the host, and shows what a pass would do. "
            "Nothing is changed by looking.",
            "Apply exactly this",
            _planned("asked for on the dashboard"),
            wizard=False,
        ),
        Action(
            "apply",
            "Apply",
            "Does exactly the plan below, now. If anything moves before it begins, it is refused and says what moved.",
            "Apply exactly this",
            _planned("asked for on the dashboard"),
            wizard=False,
        ),
        Action(
            "pause",
            "Pause",
            "It goes on running and is still watched and shown, but no pass changes, restarts or removes it until it "
            "is resumed. Below is what a pass would do to it now, and what is held from then on.",
            "Pause",
            _planned("pause"),
            submits=False,
            bound=False,
        ),
        Action(
            "resume",
            "Resume",
            "Ends the pause. What the next pass then does about it is below, and it begins at once.",
            "Resume",
            _resumed,
            submits=False,
        ),
        Action(
            "rollback",
            "Roll back",
            "Puts it back to what it was healthy on before: owned values, codebase version, secrets. What Git declares "
            "now is not applied here until a commit changes it, or until it is retried. What the agent wrote stays.",
            "Roll back",
            rollback,
        ),
        Action(
            "retry",
            "Retry",
            "Lifts the quarantine and lets changes go on that were stopped because they came back too often. "
            "Git's declaration is tried again.",
            "Retry",
            lambda wizard: retry(frozenset({wizard}) if wizard else frozenset()),
            wizard=False,
        ),
    )
}


@dataclass
class Shown:
    """The plans that were shown lately: digest -> what each is bound to."""

    _plans: OrderedDict[str, Mapping[str, str]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, planned: Planned) -> str:
        parts = {"the commit": planned.plan.commit, **fingerprint(planned.plan, planned.records)}
        digest = sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        with self._lock:
            self._plans[digest] = parts
            self._plans.move_to_end(digest)
            while len(self._plans) > REMEMBERED:
                self._plans.popitem(last=False)
        return digest

    def moved(self, old: str, new: str) -> str:
        """What differs between two plans, in words."""
        with self._lock:
            before, after = self._plans.get(old), self._plans.get(new, {})
        if before is None:
            return "The plan that you saw is no longer remembered; this is the one now."
        names = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
        more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
        return (
            f"Nothing was done, because the plan is no longer the one you saw. Moved: {', '.join(names[:_FEW])}{more}."
        )


class Actions:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._daemon = shell.daemon
        self._shown = Shown()
        self._looks = BoundedSemaphore(LOOKS)

    # Shown

    def show(self, request: WebRequest) -> Response:
        """The plan of an action, with its button."""
        action = ACTIONS.get(str(request.path_params["action"]))
        wizard = request.query_params.get("wizard", "")
        return self._checked(request, action, wizard) or self._page(request, action, wizard, "")

    def _checked(self, request: WebRequest, action: Action | None, wizard: str) -> Response | None:
        if action is None:
            return self._shell.message(request, 404, "There is no such action", (f"There are {', '.join(ACTIONS)}.",))
        known = self._names()
        if (wizard or action.wizard) and wizard not in known:
            mend = mend_name(wizard, known, f"There are {', '.join(known) or 'none yet'}.")
            title = f"There is no wizard {shown(wizard)}" if wizard else "Which wizard?"
            return self._shell.message(request, 404, title, (mend,))
        return None

    def _names(self) -> tuple[str, ...]:
        status = self._daemon.board.view.status
        known = {one.name for one in status.wizards} if status else set[str]()
        return tuple(sorted(known | set(self._daemon.host.ledger.records().pauses)))

    def _page(self, request: WebRequest, action: Action | None, wizard: str, moved: str) -> Response:
        if action is None:
            raise ValueError("an action that was checked before")
        session = self._shell.sessions.of(request)
        values: dict[str, object] = {
            "action": action,
            "wizard": wizard,
            "moved": moved,
            "proof": session.proof if session else "",
            "verbose": request.query_params.get("all") == "1",
        }
        try:
            planned = self._look(action.request(wizard))
        except ReconcilerError as error:
            problems = tuple(str(problem) for problem in getattr(error, "problems", ()))
            values |= {"plan": None, "trouble": str(error), "problems": problems, "shown": "", "back": "", "held": 0}
            values["possible"] = not action.bound
            return self._shell.page(request, "action.html", values, 409 if moved else 200)
        plan = planned.plan
        values |= {
            "plan": plan_view(plan, verbose=bool(values["verbose"])),
            "trouble": "",
            "problems": (),
            "shown": self._shown.add(planned),
            "back": _back(planned, wizard) if action.name == "rollback" else "",
            "held": len(plan.waiting),
            "possible": self._possible(action, planned, wizard),
        }
        return self._shell.page(request, "action.html", values, 409 if moved else 200)

    def _possible(self, action: Action, planned: Planned, wizard: str) -> bool:
        """Whether there is anything to say yes to."""
        paused = wizard in self._daemon.host.ledger.records().pauses
        match action.name:
            case "pause":
                return not paused
            case "resume":
                return paused
            case "plan" | "apply":
                return bool(planned.plan.pending) and not planned.plan.refusals
            case _:
                return not planned.plan.refusals

    def _look(self, asked: Request) -> Planned:
        """Raises what a plan raises, and Retryable when too many look at once."""
        if not self._looks.acquire(timeout=PATIENCE_SECONDS):
            raise Retryable("too many plans are being made at once", mend="try again in a moment")
        try:
            return self._daemon.look(asked)
        finally:
            self._looks.release()

    # Done

    def do(self, request: WebRequest, form: Form) -> Response:
        """Does what the form says, when it is ours and the plan is still the one that was shown."""
        shell = self._shell
        refused = shell.forged(request, shell.sessions.of(request), form.get("proof", ""))
        if refused is not None:
            return refused
        action, wizard = ACTIONS.get(str(request.path_params["action"])), form.get("wizard", "")
        wrong = self._checked(request, action, wizard)
        if wrong is not None or action is None:
            return wrong or self.show(request)
        if not action.bound:
            return self._pause(wizard, form.get("reason", ""))
        try:
            planned = self._look(action.request(wizard))
        except ReconcilerError:
            return self._page(request, action, wizard, "Nothing was done, because no plan can be made now.")
        now = self._shown.add(planned)
        if form.get("shown") != now:
            return self._page(request, action, wizard, self._shown.moved(form.get("shown", ""), now))
        if not self._possible(action, planned, wizard):
            return self._page(request, action, wizard, "Nothing was done.")
        if not action.submits:
            self._daemon.resume(wizard)
            return _to(f"/wizards/{quote(wizard)}?said=resumed")
        ticket = self._daemon.submit(action.request(wizard), planned)
        return _to(f"/?asked={ticket}")

    def _pause(self, wizard: str, reason: str) -> Response:
        """Bound to no plan: it changes nothing, and it must work when no plan can be made."""
        self._daemon.pause(wizard, shorten(plain(reason.strip()), REASON))
        return _to(f"/wizards/{quote(wizard)}?said=paused")


def _back(planned: Planned, wizard: str) -> str:
    found = planned.quarantined.get(wizard)
    generation = found[1] if found else None
    if generation is None:
        return ""
    healthy = f"healthy on commit {generation.commit[:7]} since {minute(generation.at)} UTC"
    changes = counted(len(planned.plan.pending), "change")
    return f"Back to generation {generation.number} of {wizard} ({healthy}), {changes}."


def _to(where: str) -> Response:
    return RedirectResponse(where, 303, HEADERS)
