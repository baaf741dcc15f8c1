"""The pure way of a fleet: load, check, expand, plan, and all of it as text. Says how far it came and how long it took.

Whatever it raises but our own refusals is a bug; so is a refusal without file, line and column. Not done here: making
fleets (fleets.py).
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from reconciler.errors import Terminal
from reconciler.plan.change import Plan
from reconciler.plan.expand import expand
from reconciler.plan.preview import preview
from reconciler.render.annotations import problems_annotations
from reconciler.render.plan_json import plan_json
from reconciler.render.plan_markdown import plan_markdown
from reconciler.render.plan_text import plan_text
from reconciler.render.problems import problems_json, problems_text
from reconciler.render.sarif import problems_sarif
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.load import load_fleet
from reconciler.spec.position import Problem
from reconciler.spec.read import Memo

FOLDER = "fleet"
LIMIT = 2.0
"""Seconds of this process's own work for one fleet. A pure way waits for nothing, so on an idle machine these are the
seconds of the clock; on a loaded one nothing is blamed for its neighbours."""
HANGS = 60.0
"""Seconds of the clock after which a fleet hangs, also one that works at nothing: it waits for something."""
PLACED = re.compile(r".+:[1-9][0-9]*:[1-9][0-9]*: \S")


class Wrong(AssertionError):
    """What no fleet may bring about."""


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a fleet came: `stage` is "bytes", "yaml", "schema" or "check" for what was refused there, "expand" for
    what expanding refused, "plan" for what was planned and shown."""

    stage: str
    seconds: float
    rules: tuple[str, ...] = ()
    changes: int = 0

    @property
    def accepted(self) -> bool:
        return self.stage == "plan"


class Walker:
    """Plans each fleet from nothing and from the golden one, and the golden one from it."""

    def __init__(self, golden: Mapping[str, bytes], limit: float = LIMIT) -> None:
        self._limit = limit
        self._memo = Memo()
        loaded = load_fleet(golden, FOLDER, self._memo).fleet
        if loaded is None:
            raise Wrong("the golden fleet is not valid")
        self._golden = loaded
        self._known = dict(self._memo.known)

    def walk(self, files: Mapping[str, bytes]) -> Walk:
        """Raises Wrong, or whatever the fleet makes the reconciler raise."""
        began = time.process_time()
        with _limited(self._limit):
            stage, rules, changes = self._walk(files)
        seconds = time.process_time() - began
        if seconds > self._limit:
            raise Wrong(f"it took {seconds:.2f} s, and {self._limit} s is the limit")
        return Walk(stage, seconds, rules, changes)

    def _walk(self, files: Mapping[str, bytes]) -> tuple[str, tuple[str, ...], int]:
        # What is golden still is read once, as a reconciler does it that lives on.
        loaded = load_fleet(files, FOLDER, Memo(dict(self._known)))
        _told(loaded.problems)
        _stand(loaded.problems, files)
        rules = tuple(sorted({problem.rule for problem in loaded.errors}))
        if loaded.fleet is None:
            if not rules:
                raise Wrong("refused without an error")
            return _stage(rules), rules, 0
        if rules:
            raise Wrong(f"accepted with errors: {rules}")
        try:
            changes = sum(len(plan.changes) for plan in self._plans(loaded.fleet))
        except Terminal as error:
            _placed(str(error))
            return "expand", (), 0
        return "plan", (), changes

    def _plans(self, fleet: DesiredFleet) -> Iterator[Plan]:
        for host in fleet.fleet.hosts:
            alone = preview(fleet, fleet, host)
            if alone.changes:
                raise Wrong(f"the plan from a fleet to itself is not empty: {alone.changes[0]}")
            for before, after in ((None, fleet), (self._golden, fleet), (fleet, self._golden)):
                if host in after.fleet.hosts:
                    plan = _from_nothing(after, host) if before is None else preview(before, after, host)
                    _shown(plan)
                    yield plan


def _from_nothing(fleet: DesiredFleet, host: str) -> Plan:
    """A plan for a host of which nothing is known: what another host of the same fleet could hold is not there."""
    if not expand(fleet, host, None, "").root.startswith("/"):
        raise Wrong("a root that is not absolute")
    return preview(_EMPTY.setdefault("fleet", _empty()), fleet, host)


_EMPTY: dict[str, DesiredFleet] = {}


def _empty() -> DesiredFleet:
    """A fleet of another host, so that this one counts as new."""
    text = (
        b"kind: Fleet\nname: none\nhosts: {nowhere-at-all: {}}\n---\nkind: Codebase\nname: c\n"
        b"source: {pypi: c, version: 1.0.0}\n---\nkind: Model\nname: m\nid: m\nprovider: anthropic\n---\n"
        b"kind: Wizard\nname: nobody-here\nport: 8643\ncodebase: c\nmodel: m\nsoul: {charter: {identity: nobody}}\n"
    )
    fleet = load_fleet({"fleet/empty.yaml": text}, FOLDER).fleet
    if fleet is None:
        raise Wrong("the empty fleet is not valid")
    return fleet


def _told(problems: tuple[Problem, ...]) -> None:
    """Every problem has its place and a rule, on one line, in every form that it is told in."""
    for problem in problems:
        _placed(str(problem))
        if not problem.rule or not problem.message or not str(problem).isprintable():
            raise Wrong(f"a problem that can't be printed as it is: {problem!r}")
    lines = problems_text(problems).splitlines()
    if problems and len(lines) != len(problems) + 1:
        raise Wrong(f"{len(problems)} problems are told in {len(lines)} lines")
    for text in (problems_json(problems), problems_sarif(problems, "0"), problems_annotations(problems)):
        text.encode()


def _stand(problems: tuple[Problem, ...], files: Mapping[str, bytes]) -> None:
    """Every place is one that an editor can go to: the end of a text counts."""
    sizes: dict[str, tuple[int, int]] = {}
    for problem in problems:
        at = problem.at
        if at.file not in files and at.file != FOLDER:
            raise Wrong(f"a file that nobody gave: {problem}")
        if at.file not in sizes:
            lines = files.get(at.file, b"").decode("utf-8", "replace").splitlines()
            sizes[at.file] = (len(lines) + 1, max(map(len, lines), default=0) + 1)
        if at.line > sizes[at.file][0] or at.column > sizes[at.file][1]:
            raise Wrong(f"beyond the end of its file: {problem}")


def _placed(text: str) -> None:
    if not PLACED.match(text):
        raise Wrong(f"no file:line:column at the head of {text!r}")


def _shown(plan: Plan) -> None:
    for text in (plan_text(plan, colour=True, verbose=True), plan_markdown(plan), plan_json(plan)):
        text.encode()
    for line in plan_text(plan, verbose=True).splitlines():
        if not line.isprintable():
            raise Wrong(f"a line of the plan that steers a terminal: {line!r}")


def _stage(rules: tuple[str, ...]) -> str:
    """The first floor that refused."""
    floors = {rule.partition("/")[0] for rule in rules}
    if "file" in floors:
        return "bytes"
    return next((floor for floor in ("yaml", "schema") if floor in floors), "check")


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Interrupts what hangs, with the place where it does."""

    def over(_: int, frame: FrameType | None) -> None:
        if frame and frame.f_code.co_name == "gc_callback":
            return  # whatever is raised in there is swallowed: it is the next tick's turn
        where = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "an unknown place"
        raise Wrong(f"more than {seconds} s of work, or {HANGS} s of waiting; it was at {where}")

    before = signal.signal(signal.SIGPROF, over), signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.01)
    signal.setitimer(signal.ITIMER_REAL, HANGS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGALRM, before[1])
        signal.signal(signal.SIGPROF, before[0])
