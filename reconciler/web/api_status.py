"""Answers about the host and its wizards: the shape of status.json, and what a wizard's page shows besides.

Not done here: gathering it (api_host.py, api_wizard.py).
"""

from __future__ import annotations

from typing import Annotated

from reconciler.plan.held import Origin
from reconciler.plan.status import WizardState
from reconciler.spec.kinds import DesiredState
from reconciler.web.api_history import Entry
from reconciler.web.api_plan import Change, Unmanaged
from reconciler.web.api_shape import Commit, Format, Many, Moment, Shape, words_of


class Evidence(Shape):
    """One thing seen about a wizard, with its age in seconds."""

    source: str
    text: str
    age: float | None


class Uptime(Shape):
    """How much of a time it was up. `ratio` is null when nobody watched; `asked` is what the seed asks."""

    ratio: float | None
    asked: float
    up_seconds: float
    watched_seconds: float
    window_seconds: float


class Wizard(Shape):
    """Desired beside observed, as in status.json. `settled`: observed is what is desired, and nothing is pending."""

    name: str
    role: str
    desired: Annotated[str, words_of(DesiredState, "removed")]
    observed: Annotated[str, words_of(WizardState)]
    healthy: bool
    settled: bool
    port: int
    model: str
    codebase: str
    revision: Commit
    since: str
    why: str
    paused: str
    quarantined: str
    generation: int | None
    differences: Many[str]
    unmanaged: Many[str]
    evidence: Many[Evidence]
    pid: int | None


class LastPass(Shape):
    """How the last pass ended. `trouble` is what a person has to know, "" when nothing is wrong."""

    at: Moment
    seconds: float
    trigger: str
    commit: Commit
    result: str
    trouble: str


class HostAnswer(Shape):
    """The host as the last whole pass saw it. `applied` is the last commit of which nothing was left to do. `commit` is
    what the host is kept like, "" while no commit may be used. `unused` says why the branch's head is not what is in
    force, and `unsigned` is that head where it is for its signature; both are null while it is."""

    format: Format
    host: str
    commit: Commit
    subject: str
    result: str
    settled: bool
    unused: str | None
    unsigned: Commit | None
    notices: Many[str]
    wizards: Many[Wizard]
    at: Moment
    applied: str | None
    last_pass: LastPass | None
    reconciler: str


class FleetWizard(Wizard):
    """A wizard with how much of the last seven days it was up."""

    uptime: Uptime


class WizardsAnswer(Shape):
    """All wizards of this host, those that are not settled first."""

    format: Format
    at: Moment
    commit: Commit
    wizards: Many[FleetWizard]


class Resource(Shape):
    """One thing that Git wants of the wizard. `state` is what was seen; `origin` and `commit` are null while it was
    never applied."""

    key: str
    type: str
    path: str
    state: str
    origin: Annotated[str, words_of(Origin)] | None
    commit: Commit | None


class OwnedKey(Shape):
    """A key that Git declares in a file that the agent writes too."""

    resource: str
    name: str
    secret: bool


class Generation(Shape):
    """What the wizard was healthy on."""

    number: int
    commit: Commit
    at: str


class WizardAnswer(Shape):
    """One wizard. `restarts` are its last starts, each with what it was due to; the times are newest first."""

    format: Format
    wizard: FleetWizard
    changes: Many[Change]
    timeline: Many[Entry]
    next: int | None
    restarts: Many[Entry]
    resources: Many[Resource]
    owned: Many[OwnedKey]
    unmanaged: Many[Unmanaged]
    generations: Many[Generation]


class LogAnswer(Shape):
    """The end of a wizard's log: no control characters, no secrets."""

    format: Format
    wizard: str
    path: str
    lines: Many[str]
