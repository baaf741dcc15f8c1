"""Binds settings to the forge that the fleet's repository lives on: previews and commit statuses.

Not done here: setting a repository up.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import quote

from reconciler.compose.host import access_of, secret_of
from reconciler.engine.commit_reports import CommitReports
from reconciler.engine.desk import Desk
from reconciler.engine.previews import Previews
from reconciler.engine.verdict import Look, Scene
from reconciler.protocols.clock import Clock
from reconciler.protocols.events import Events
from reconciler.protocols.secrets import Secrets
from reconciler.render.comment import Pace

if TYPE_CHECKING:
    from reconciler.settings import Settings


def desk_of(settings: Settings, secrets: Secrets, clock: Clock, events: Events, look: Look) -> Desk:
    """Who speaks with the forge; somebody who does nothing when the settings name none."""
    repository = settings.gitea_repository
    if settings.gitea is None or repository is None:
        return Desk(clock, events)
    from reconciler.adapters.git_proposal import GitProposals
    from reconciler.adapters.gitea import Gitea
    from reconciler.adapters.gitea_client import GiteaClient

    source = settings.source
    left = Event()
    token = secret_of(settings.gitea.token, secrets)
    client = GiteaClient(settings.gitea.url, token, settings.gitea.ca_file, leaving=left.is_set)
    forge = Gitea(client, repository)
    proposals = GitProposals(
        settings.state, source.url, source.branch, source.folder, access=access_of(settings, secrets)
    )
    scene = Scene(
        settings.host,
        source.branch,
        source.folder,
        Pace(settings.apply.gate_hold, settings.apply.soak),
        signed=source.signed is not None,
        context=f"{settings.gitea.context}/plan",
    )
    link = _link(settings, f"{settings.gitea.url}/{repository}")
    previews = Previews(forge, proposals, look, scene, events)
    return Desk(clock, events, previews, CommitReports(forge, link, f"{settings.gitea.context}/apply"), left.set)


def _link(settings: Settings, repository: str) -> Callable[[str], str]:
    """Where a person reads what became of a commit: the dashboard when others reach it, else the status branch."""
    if settings.web.url is not None:
        base = settings.web.url
        return lambda commit: f"{base}/history?commit={commit}"
    page = f"{repository}/src/branch/{quote(f'status/{settings.host}')}/STATUS.md"
    return lambda _: page
