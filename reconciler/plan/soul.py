"""SOUL.md of a wizard: a file of the fleet, or charter fields in the form of the seed's house charter."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.agents.program import Place
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import Charter, SoulCharter, SoulFile, Wizard

MAX_SIBLINGS = 8
_PLACE, _NEIGHBOURS = "- HERMES_HOME=", "- Shares codebase with "


def soul_text(fleet: DesiredFleet, wizard: Wizard, place: Place) -> str:
    """The whole text of SOUL.md; ends with a newline."""
    match wizard.soul:
        case SoulFile(file=file):
            text = fleet.souls[file]
        case SoulCharter(charter=charter):
            text = "\n".join(_charter(fleet, wizard, place, charter))
    return text if text.endswith("\n") else text + "\n"


def essence(text: str, name: str) -> str:
    """What a SOUL.md of the wizard says of itself: without what in a charter follows from name, place and neighbours,
    so that it is the same under another name."""
    title, _, rest = text.partition("\n")
    if title != _title(name):
        return text
    return "\n".join(line for line in rest.splitlines() if not line.startswith((_PLACE, _NEIGHBOURS)))


def _title(name: str) -> str:
    return f"# {' '.join(part.capitalize() for part in name.split('-'))} House Charter"


def company(fleet: DesiredFleet, wizard: Wizard) -> str:
    """The line of SOUL.md that comes of other wizards, or ""."""
    siblings = _siblings(fleet, wizard) if isinstance(wizard.soul, SoulCharter) else ""
    return f"{_NEIGHBOURS}{siblings}" if siblings else ""


def _siblings(fleet: DesiredFleet, wizard: Wizard) -> str:
    """Who shares the codebase: by name in a house, in words in a crowd, where each newcomer would change every soul."""
    host = fleet.host_of(wizard)
    names: list[str] = []
    for other in fleet.wizards.values():
        if other.codebase == wizard.codebase and other.name != wizard.name and fleet.host_of(other) == host:
            names.append(other.name)
        if len(names) > MAX_SIBLINGS:
            return "the other wizards of this host"
    return ", ".join(sorted(names))


def _charter(fleet: DesiredFleet, wizard: Wizard, place: Place, charter: Charter) -> Iterator[str]:
    yield _title(wizard.name)
    yield from ("", "Entity:", f"- {charter.identity}")
    if charter.lineage:
        yield f"- {charter.lineage}"
    yield from ("", "Canonical placement:", f"{_PLACE}{place.home}")
    others = company(fleet, wizard)
    if others:
        yield others
    duties = charter.responsibilities or ((wizard.role,) if wizard.role else ())
    if duties:
        yield from ("", "Role:", *(f"- {duty}" for duty in duties))
    if charter.father:
        father = (wizard.father or "father").replace("-", " ").title()
        yield from ("", f"Relationship to {father}:", f"- {charter.father}")
    if charter.sovereign:
        yield from ("", "Relationship to Sovereign:", f"- {charter.sovereign}")
