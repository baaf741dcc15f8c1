"""Homes and roots: every wizard's folder stays inside its host's root, and no two wizards share one.

Hosts are different machines: the same path on two of them is two folders. Not done here: looking at a disk.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.spec.draft import Draft, Entry
from reconciler.spec.kinds import Wizard
from reconciler.spec.position import Problem

Segments = tuple[str, ...]
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
_OURS = frozenset({"work", "completed", "logs", "workspace", "hermes-agent", "start-gateway.sh"})
"""What else stands in a wizard's folder."""


def check_homes(draft: Draft) -> Iterator[Problem]:
    yield from _roots(draft)
    by_place: dict[tuple[str | None, Segments], Entry[Wizard]] = {}
    for entry in draft.wizards.values():
        wizard = entry.record
        wrong = _unsafe(wizard)
        if wrong:
            yield entry.error("home/unsafe", ("home",), f"home {wrong}", f"leave it out for {wizard.name}/home")
            continue
        place = (draft.host_of(wizard), home_of(wizard))
        other = by_place.setdefault(place, entry)
        if other is not entry:
            what = f"wizard {wizard.name} has the home of wizard {other.record.name} at {other.at('home')}"
            yield entry.error("home/shared", ("home",), what, "leave home out, or name another folder")
    yield from _nested(by_place)
    yield from _strangers(draft)


def home_of(wizard: Wizard) -> Segments:
    """The home's path below the root of its host."""
    return (wizard.name, "home") if wizard.home is None else tuple(wizard.home.split("/"))


def _unsafe(wizard: Wizard) -> str:
    """Why the home could leave the root or meet what is ours; "" when it is safe."""
    segments = home_of(wizard)
    if wizard.home is not None and wizard.home.startswith("/"):
        return "must be relative to the root of the host"
    if "" in segments:
        return "has an empty part"
    if "." in segments or ".." in segments:
        return "must not contain . or .. as a part"
    if segments[0].startswith("."):
        return f"begins with {segments[0]}: hidden folders of the root are the reconciler's own"
    if not all(_SAFE.issuperset(part) for part in segments):
        return "may hold only letters, digits, dots, hyphens and underscores"
    if len(segments) > 1 and segments[0] == wizard.name and segments[1] in _OURS:
        return f"lies in {segments[0]}/{segments[1]}, which has another use"
    return ""


def _nested(by_place: dict[tuple[str | None, Segments], Entry[Wizard]]) -> Iterator[Problem]:
    for (host, home), entry in by_place.items():
        for length in range(1, len(home)):
            outer = by_place.get((host, home[:length]))
            if outer is not None:
                what = f"the home of wizard {entry.record.name} lies inside the home of wizard {outer.record.name}"
                yield entry.error("home/nested", ("home",), what, "name a folder of its own")


def _strangers(draft: Draft) -> Iterator[Problem]:
    """A home in the folder of another wizard would go away with it."""
    for entry in draft.wizards.values():
        owner = draft.wizards.get(home_of(entry.record)[0])
        if owner is None or owner is entry or draft.host_of(owner.record) != draft.host_of(entry.record):
            continue
        what = f"the home of wizard {entry.record.name} lies in the folder of wizard {owner.record.name}"
        yield entry.error("home/foreign", ("home",), what, f"leave it out for {entry.record.name}/home")


def _roots(draft: Draft) -> Iterator[Problem]:
    if draft.fleet is None:
        return
    for name, host in draft.fleet.record.hosts.items():
        parts = host.root.rstrip("/").split("/")[1:]
        path = ("hosts", name, "root")
        if not parts:
            yield draft.fleet.error("host/root", path, "the root of a host can't be /", "use /root/wizards")
        elif {"", ".", ".."} & set(parts) or not host.root.isprintable():
            what = "the root of a host must be a plain path"
            yield draft.fleet.error("host/root", path, what, "write it without . or .. and without doubled slashes")
