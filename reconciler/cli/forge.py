"""`reconciler init --gitea`: puts together what is wanted, tells what was done line by line, and shows the settings.

Not done here: doing it (engine/set_up.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.cli.exits import Exit
from reconciler.cli.newfiles import write_new
from reconciler.cli.session import Session, out
from reconciler.errors import Terminal
from reconciler.protocols.set_up import Done

if TYPE_CHECKING:
    from reconciler.cli.forge_place import Asked, Place
    from reconciler.engine.set_up import Step

_ALLOW = """\
note    Gitea delivers to {webhook} only when its app.ini says so: [webhook] ALLOWED_HOST_LIST = loopback,private
"""


def set_up_forge(session: Session, asked: Asked) -> int:
    """Sets the forge up as asked for, and this host's settings with it."""
    from reconciler.cli.forge_place import needs_allowing, place_of
    from reconciler.compose.set_up import Forge, set_up_forge
    from reconciler.engine.set_up import Wanted

    place = place_of(session, asked)
    wanted = Wanted(place.repository, place.branch, place.webhook, asked.protect, _scaffold(asked, place), asked.folder)
    forge = Forge(place.gitea, place.token, place.ca_file, asked.host)
    as_wanted = True
    for step in set_up_forge(forge, wanted, place.secret, session.environ):
        _tell(step)
        as_wanted &= step.done is Done.FOUND and not step.note
    if not as_wanted and needs_allowing(place.webhook):
        out(_ALLOW.format(webhook=place.webhook))
    if _settings(asked, place) and as_wanted:
        out("Everything is as it should be; nothing was changed.\n")
    return Exit.DONE


def _scaffold(asked: Asked, place: Place) -> dict[str, bytes]:
    from reconciler.spec.scaffold import NewFleet, fleet_repository, safe_name

    name = safe_name(place.repository.partition("/")[2], "fleet")
    files = fleet_repository(NewFleet(name, asked.host, asked.wizard, place.source))
    return {path: text.encode() for path, text in files.items()}


def _tell(step: Step) -> None:
    from reconciler.render.safe import plain

    note = f" ({step.note})" if step.note else ""
    out(plain(f"{step.done.value:8}{step.what}{note}") + "\n")


def _settings(asked: Asked, place: Place) -> bool:
    """Writes the settings file when there is none, else shows what differs; True when it is as it should be."""
    from reconciler.engine.set_up import Step
    from reconciler.spec.forge_settings import forge_settings, forge_tables

    text = forge_settings(asked.host, place.wanted())
    if place.settings is None:
        try:
            write_new(place.file, text)
        except Terminal as error:
            _tell(Step(Done.FOUND, f"no settings at {place.file}", f"{error.what}; have this written there"))
            out(f"\n{text}")
        else:
            _tell(Step(Done.MADE, f"settings {place.file}"))
        return False
    differences = place.differences()
    note = f"for you to change: {', '.join(differences)}" if differences else ""
    _tell(Step(Done.FOUND, f"settings {place.file}", note))
    if differences:
        out(f"\n{forge_tables(place.wanted())}")
    return not differences
