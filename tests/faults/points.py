"""One pass on a disk of which one call fails; then passes on a healthy one. Says all that is not as it should be.

A point is the n-th call below the fleet's root or the state folder that makes or changes something, whoever makes it:
Python, SQLite, Git. Not done here: which points (__main__.py and the test), what a host looks like (look.py), what a
message must say (telling.py), what must be synced (durable.py).
"""

from __future__ import annotations

import errno
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from tests.faults.child import in_child, passes
from tests.faults.durable import Done, unsafe
from tests.faults.look import REMOVES, Looks, differences, files, leftovers, state_paths
from tests.faults.scenes import GATEWAY, Place, Scene
from tests.faults.syscalls import Call
from tests.faults.telling import mute, said, unclear

ALLOCATES = re.compile(
    r"p?writev?(64|2)?|open(at2?)?|creat|mkdir(at)?|mknod(at)?|link(at)?|symlink(at)?|rename(at2?)?|f?truncate|fallocate"
    r"|sendfile|copy_file_range"
)
_KEEPS = re.compile(r"p?writev?(64|2)?|f(data)?sync|rename(at2?)?")
"""Calls of which a failure must never be swallowed: what they were to keep may be lost."""
_MEMORIES = re.compile(r"/home(/state\.db(-\w+)?)?$")
_RANDOM = re.compile(r"-[0-9a-f]{8}\.tmp$|(?<=ledger\.db\.)\w+(?=\.new)")


SHORTEST = 0.95
"""Share of its calls that a scene makes at the least."""


class Fault(Enum):
    """How the disk fails at a point."""

    FULL = "ENOSPC from there on"
    BRIEFLY_FULL = "ENOSPC once"
    BROKEN = "EIO once"


_ERRNO = {Fault.FULL: errno.ENOSPC, Fault.BRIEFLY_FULL: errno.ENOSPC, Fault.BROKEN: errno.EIO}


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A scene on a healthy disk: its calls, the host afterwards, and its files before, on the way and afterwards."""

    calls: tuple[str, ...]
    after: Mapping[str, object]
    whole: tuple[Looks, ...]
    state: frozenset[str]


@dataclass
class Answer:
    """What came of a point. `code` is the exit code of the pass that failed."""

    scene: str
    point: int
    fault: Fault
    call: str
    code: int
    text: str
    wrong: list[str]


@dataclass
class _Disk:
    """Decides about each call while the first pass runs."""

    places: tuple[str, ...]
    at: int
    fault: Fault
    done: list[Done] = field(default_factory=list)
    hit: Call | None = None
    refused: list[str] = field(default_factory=list)
    succeeded: Counter[str] = field(default_factory=Counter)
    healthy: bool = False

    def judge(self, call: Call) -> int:
        if self.healthy or not call.path.startswith(self.places) or _of_a_gateway(call):
            return 0
        self.done.append(Done(call.name, call.path, call.source, os.path.isdir(call.source or call.path)))
        if len(self.done) == self.at:
            self.hit = call
        elif not (self.fault is Fault.FULL and self.hit and ALLOCATES.fullmatch(call.name)):
            self.succeeded[_same(call.name, call.path)] += 1
            return 0
        self.refused.append(call.path)
        return _ERRNO[self.fault]


def _of_a_gateway(call: Call) -> bool:
    """Whether a gateway writes what it remembers, which is not the reconciler's to save."""
    return _MEMORIES.search(call.path) is not None and call.called == GATEWAY


def _same(name: str, path: str) -> str:
    """The same for two attempts to make one call."""
    return f"{name} {_RANDOM.sub('-*.tmp', path)}"


def undisturbed(place: Place, scene: Scene) -> Undisturbed:
    """Raises AssertionError when it does not go as it should, or something might not be on disk when it is told."""
    place.begin(scene)
    before = files(place, scene)
    disk = _Disk(_places(place), 0, Fault.FULL)
    told = in_child(place, lambda calm: passes(place, scene, calm), disk)
    if told["wrong"] or told["first"]["code"] != scene.code:
        raise AssertionError(told)
    if early := list(unsafe(place.root, place.state, disk.done)):
        raise AssertionError(f"{scene.name}: {early}")
    calls = tuple(f"{one.name} {one.path}" for one in disk.done)
    whole = (before, *filter(None, [told["through"]]), told["looks"]["files"])
    return Undisturbed(calls, told["looks"], whole, frozenset(state_paths(place)))


def suffer(place: Place, scene: Scene, known: Undisturbed, point: int, fault: Fault) -> Answer:
    """One pass with a failing disk at its n-th call, counted from 1, and what the passes after it make of it."""
    place.begin(scene)
    disk = _Disk(_places(place), point, fault)
    told = in_child(place, lambda calm: passes(place, scene, calm, known.whole), disk)
    call = f"{disk.hit.name} {disk.hit.path}" if disk.hit else "no such call"
    first = told.get("first", {"code": -1, "text": ""})
    answer = Answer(
        scene.name, point, fault, call.replace(str(place.folder), ""), first["code"], first["text"], told["wrong"]
    )
    if disk.hit is None:
        # SQLite and Git make a few calls more or less, as time goes; what is lost is at most the very end.
        if len(disk.done) < SHORTEST * len(known.calls):
            answer.wrong.append(f"the pass has only {len(disk.done)} calls")
        return answer
    if "looks" in told:
        answer.wrong += differences(known.after, told["looks"])
        answer.wrong += leftovers(place, known.state, disk.hit.name, disk.hit.path)
        answer.wrong += unclear(place, scene, told, disk.hit.path, _told_instead(place, disk, disk.hit))
        answer.wrong += _swallowed(place, scene, known, disk, told)
    return answer


def _told_instead(place: Place, disk: _Disk, hit: Call) -> list[str]:
    """Paths of which the message may speak instead of that of the first call that failed.

    On a full disk the first trouble is the one to tell, but for what harms nobody (a leftover stays), and but for
    SQLite and Git, which have tries and words of their own.
    """
    theirs = ".git" in hit.path or hit.path.startswith(f"{place.state}/ledger.db")
    return disk.refused if disk.fault is Fault.FULL and (theirs or hit.name in REMOVES) else []


def _swallowed(
    place: Place, scene: Scene, known: Undisturbed, disk: _Disk, told: Mapping[str, object]
) -> Iterator[str]:
    """An error after which something may not be on disk, and neither was it told, nor the call made again."""
    hit, first = disk.hit, told["first"]
    assert hit
    assert isinstance(first, dict)
    ours = (place.root, *(place.state / name for name in ("kept", "secrets", "generations")))
    if (
        disk.fault is not Fault.BROKEN
        or not _KEEPS.fullmatch(hit.name)
        or not hit.path.startswith(tuple(map(str, ours)))
    ):
        return
    call = _same(hit.name, hit.path)
    wanted = sum(_same(*one.split(" ", 1)) == call for one in known.calls)
    heard = first["code"] != scene.code or said(place, first["claims"], [hit.path])
    if not heard and disk.succeeded[call] < wanted and not mute(hit):
        yield f"nobody heard that {call} failed"


def _places(place: Place) -> tuple[str, ...]:
    return (f"{place.root}", f"{place.state}")
