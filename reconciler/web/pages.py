"""The pages, by address: which page shows what. Read-only ones here; what a person may do is in pages_actions.py.

Every page is whole without JavaScript, and its state is in its address. Not done here: values (pages_*.py), HTML
(templates/), the web application around it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from reconciler.engine.daemon import Daemon
from reconciler.plan.status import WizardStatus
from reconciler.protocols.ledger import Result
from reconciler.spec.kinds import Wizard
from reconciler.spec.words import mend_name, shown
from reconciler.web import pages_fleet as fleet
from reconciler.web.app import Problem
from reconciler.web.pages_actions import Actions
from reconciler.web.pages_events import Events
from reconciler.web.pages_form import posting
from reconciler.web.pages_log import log_view
from reconciler.web.pages_login import Login
from reconciler.web.pages_plan import plan_view
from reconciler.web.pages_ports import ports_view
from reconciler.web.pages_shell import Shell
from reconciler.web.pages_story import Event, Filter, collapsed, events, pass_row, passes, restarts
from reconciler.web.pages_wizard import resources
from reconciler.web.session import Access, Sessions

WEEK = 7 * fleet.DAY
STORY = 40
RESTARTS = 400
"""Entries that are looked through for the last restarts."""
LOG_LINES = 60
_SAID = {"paused": "It is paused. No pass changes it until it is resumed.", "resumed": "It is resumed."}


def page_routes(daemon: Daemon, access: Access) -> list[BaseRoute]:
    """The routes of the pages alone; see `Dashboard`."""
    return Dashboard(daemon, access).routes


class Dashboard:
    """`routes` of all pages, /login, /logout, /actions, /events and /static; `face` shows a problem as a page does."""

    def __init__(self, daemon: Daemon, access: Access) -> None:
        self._shell = Shell(daemon, Sessions(access, daemon.host.clock.monotonic))
        self.routes = _routes(self._shell)

    def face(self, request: Request, problem: Problem) -> Response:
        """A web.app.Face."""
        if problem.status == 404:
            words = ("Look at the fleet, the plan, the history, the ports or the services.",)
            return self._shell.message(request, 404, "There is no such page", words)
        title = problem.what[:1].upper() + problem.what[1:]
        return self._shell.message(request, problem.status, title, tuple(filter(None, (problem.where, problem.mend))))


def _routes(shell: Shell) -> list[BaseRoute]:
    pages, actions, login = Pages(shell), Actions(shell), Login(shell)
    return [
        Route("/", shell.reading(pages.fleet)),
        Route("/plan", shell.reading(pages.plan)),
        Route("/wizards/{name}", shell.reading(pages.wizard)),
        Route("/history", shell.reading(pages.history)),
        Route("/history/{number}", shell.reading(pages.one_pass)),
        Route("/ports", shell.reading(pages.ports)),
        Route("/services", shell.reading(pages.services)),
        Route("/actions/{action}", shell.acting(actions.show), methods=["GET"]),
        Route("/actions/{action}", posting(shell, actions.do), methods=["POST"]),
        Route("/login", login.show, methods=["GET"]),
        Route("/login", posting(shell, login.enter), methods=["POST"]),
        Route("/logout", posting(shell, login.leave), methods=["POST"]),
        Route("/events", Events(shell)),
        Route("/static/{name}", shell.static),
        Route("/favicon.ico", shell.static_icon),
    ]


class Pages:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._daemon = shell.daemon

    def fleet(self, request: Request) -> Response:
        daemon, view = self._daemon, self._daemon.board.view
        running, now = view.running, daemon.host.clock.now()
        plan = running.plan if running and running.plan else view.left
        values = {
            "view": view,
            "wizards": fleet.wizards(daemon, view),
            "plan": plan_view(plan) if plan is not None and plan.changes else None,
            "refused": plan_view(view.left) if view.left is not None and view.left.refusals else None,
            "steps": fleet.steps(running, now) if running else (),
            "queue": fleet.queue(daemon),
            "said": fleet.said(daemon, view),
            "asked": fleet.asked(daemon, view, request.query_params.get("asked", "")),
            "elsewhere": sorted(view.seen.desired.elsewhere) if view.seen else (),
            "trouble": view.ended.trouble if view.ended else "",
        }
        return self._shell.page(request, "fleet.html", values)

    def plan(self, request: Request) -> Response:
        view, wizard = self._daemon.board.view, request.query_params.get("wizard", "")
        verbose = request.query_params.get("all") == "1"
        plan = plan_view(view.left, verbose=verbose) if view.left is not None else None
        sections = tuple(s for s in plan.sections if not wizard or s.wizard == wizard) if plan else ()
        names = tuple(w.name for w in view.status.wizards) if view.status else ()
        values = {"plan": plan, "sections": sections, "wizard": wizard, "names": names, "verbose": verbose}
        return self._shell.page(request, "plan.html", {**values, "ended": view.ended})

    def wizard(self, request: Request) -> Response:
        daemon, view, name = self._daemon, self._daemon.board.view, str(request.path_params["name"])
        status = self._status(name)
        ledger, redact = daemon.host.ledger, daemon.host.secrets.redact
        if status is None and (view.status is None or not ledger.entries(name, 1)):
            return self._unknown(request, name)
        before = _number(request.query_params.get("before"))
        entries = ledger.entries(name, STORY, before)
        lines = min(_number(request.query_params.get("lines")) or LOG_LINES, 1000)
        values = {
            "name": name,
            "one": fleet.wizard_view(daemon, view, status) if status else None,
            "week": fleet.uptime(daemon, name, WEEK),
            "resources": resources(view, name),
            "events": collapsed(events(entries, redact)),
            "older": entries[-1].id if len(entries) == STORY else None,
            "restarts": restarts(events(ledger.entries(name, RESTARTS), redact))[:8],
            "generations": view.seen.records.generations.get(name, ()) if view.seen else (),
            "log": log_view(daemon.host, view, name, lines),
            "lines": lines,
            "said": _SAID.get(request.query_params.get("said", ""), ""),
            "paused": bool(status and status.paused),
        }
        return self._shell.page(request, "wizard.html", values)

    def _status(self, name: str) -> WizardStatus | None:
        status = self._daemon.board.view.status
        return next((one for one in status.wizards if one.name == name), None) if status else None

    def _unknown(self, request: Request, name: str) -> Response:
        status = self._daemon.board.view.status
        if status is None:
            return self._shell.message(request, 503, "No pass has run yet", ("Reload this page in a moment.",))
        names = tuple(one.name for one in status.wizards)
        mend = mend_name(name, names, f"There are {', '.join(names) or 'none yet'}.")
        return self._shell.message(request, 404, f"There is no wizard {shown(name)}", (mend,))

    def history(self, request: Request) -> Response:
        query = request.query_params
        wanted = Filter(query.get("result", ""), query.get("wizard", ""), query.get("commit", "").strip().lower())
        found, older = passes(self._daemon.host.ledger, wanted, _number(query.get("before")))
        status = self._daemon.board.view.status
        values = {
            "passes": found,
            "older": older,
            "wanted": wanted,
            "results": [result.value for result in Result],
            "names": tuple(one.name for one in status.wizards) if status else (),
            "first": query.get("before") is None,
        }
        return self._shell.page(request, "history.html", values)

    def one_pass(self, request: Request) -> Response:
        number, ledger = _number(str(request.path_params["number"])), self._daemon.host.ledger
        found = ledger.pass_(number) if number is not None else None
        if found is None or number is None:
            words = ("Passes that changed nothing leave no line; the history lists those that did.",)
            return self._shell.message(request, 404, "There is no such pass", words)
        story = events(ledger.entries_of(number), self._daemon.host.secrets.redact)
        by_wizard: dict[str, list[Event]] = {}
        for event in story:
            by_wizard.setdefault(event.wizard or "shared", []).append(event)
        values = {
            "row": pass_row(found),
            "groups": {name: collapsed(found) for name, found in by_wizard.items()},
            "count": len(story),
            "older": next((p.id for p in ledger.passes(1, number)), None),
            "newer": number + 1 if ledger.pass_(number + 1) else None,
        }
        return self._shell.page(request, "pass.html", values)

    def ports(self, request: Request) -> Response:
        return self._shell.page(request, "ports.html", {"ports": ports_view(self._daemon, self._daemon.board.view)})

    def services(self, request: Request) -> Response:
        daemon, seen = self._daemon, self._daemon.board.view.seen
        known = seen.wanted.fleet if seen else None
        mine = [s for s in known.services.values() if s.host in (None, daemon.host.name)] if known else []
        values = {
            "services": sorted(mine, key=lambda s: s.port),
            "listeners": daemon.host.ports.listeners({service.port for service in mine}),
            "known": known is not None,
            "codebases": sorted(known.codebases.values(), key=lambda c: c.name) if known else [],
            "models": sorted(known.models.values(), key=lambda m: m.name) if known else [],
            "users": _users(known.wizards.values()) if known else {},
        }
        return self._shell.page(request, "services.html", values)


def _users(wizards: Iterable[Wizard]) -> dict[tuple[str, str], list[str]]:
    """(kind, name) -> the wizards that use it."""
    found: dict[tuple[str, str], list[str]] = {}
    for wizard in sorted(wizards, key=lambda w: w.name):
        found.setdefault(("codebase", wizard.codebase), []).append(wizard.name)
        found.setdefault(("model", wizard.model), []).append(wizard.name)
    return found


def _number(text: str | None) -> int | None:
    """A whole number of an address; None for anything else."""
    with contextlib.suppress(ValueError):
        if text is not None and text.isascii() and text.isdigit() and len(text) < 18:
            return int(text)
    return None
