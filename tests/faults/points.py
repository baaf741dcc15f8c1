"""One pass on a disk of which one call fails; then passes on a healthy one. Says all that is not as it should be.

A point is the n-th call below the fleet's root or the state folder that makes or changes something, whoever makes it:
Python, SQLite, Git. Not done here: which points (__main__.py and the test), what a host looks like (look.py).
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import select
import signal
import socket
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from reconciler.cli.failures import expected
from reconciler.cli.outcome import exit_code, report_text
from reconciler.errors import ReconcilerError
from tests.faults.look import Looks, differences, files, gateways, ledger, leftovers, state_paths, torn
from tests.faults.scenes import Place, Scene
from tests.faults.syscalls import Call, Listener, surrender

ALLOCATES = re.compile(
    r"p?writev?(64)?|open(at)?|creat|mkdir(at)?|link(at)?|symlink(at)?|rename(at2?)?|f?truncate|fallocate|sendfile"
    r"|copy_file_range"
)
_OWN = re.compile(r"/home/state\.db(-\w+)?$")
"""What a gateway writes itself, which is not the reconciler's to save."""
LONGEST = 120
"""Seconds after which a pass counts as hanging; one takes about one."""


class Fault(Enum):
    """How the disk fails at a point."""

    FULL = "ENOSPC from there on"
    BRIEFLY_FULL = "ENOSPC once"
    BROKEN = "EIO once"


_ERRNO = {Fault.FULL: errno.ENOSPC, Fault.BRIEFLY_FULL: errno.ENOSPC, Fault.BROKEN: errno.EIO}


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A scene on a healthy disk: its calls, and the host before and after."""

    calls: tuple[str, ...]
    before: Looks
    after: Mapping[str, object]
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
    calls: list[str] = field(default_factory=list)
    hit: Call | None = None
    refused: list[str] = field(default_factory=list)
    healthy: bool = False

    def judge(self, call: Call) -> int:
        if self.healthy or not call.path.startswith(self.places) or _OWN.search(call.path):
            return 0
        self.calls.append(f"{call.name} {call.path}")
        if len(self.calls) == self.at:
            self.hit = call
        elif not (self.fault is Fault.FULL and self.hit and ALLOCATES.fullmatch(call.name)):
            return 0
        self.refused.append(call.path)
        return _ERRNO[self.fault]


def undisturbed(place: Place, scene: Scene) -> Undisturbed:
    place.begin(scene)
    before = files(place, scene)
    disk = _Disk(_places(place), 0, Fault.FULL)
    said = _child(place, lambda calm: _passes(place, scene, calm), disk)
    if said["wrong"] or said["first"]["code"]:
        raise AssertionError(said)
    return Undisturbed(tuple(disk.calls), before, said["looks"], frozenset(state_paths(place)))


def suffer(place: Place, scene: Scene, known: Undisturbed, point: int, fault: Fault) -> Answer:
    """One pass with a failing disk at its n-th call, counted from 1, and what the passes after it make of it."""
    place.begin(scene)
    disk = _Disk(_places(place), point, fault)
    said = _child(place, lambda calm: _passes(place, scene, calm, known), disk)
    call = f"{disk.hit.name} {disk.hit.path}" if disk.hit else "no such call"
    first = said.get("first", {"code": -1, "text": ""})
    answer = Answer(
        scene.name, point, fault, call.replace(str(place.folder), ""), first["code"], first["text"], said["wrong"]
    )
    if disk.hit is None:
        answer.wrong.append(f"the pass has only {len(disk.calls)} calls")
        return answer
    if "looks" in said:
        answer.wrong += differences(known.after, said["looks"])
        answer.wrong += leftovers(place, known.state, disk.hit.name, disk.hit.path)
    answer.wrong += _unclear(place, disk, disk.hit, said)
    return answer


def _unclear(place: Place, disk: _Disk, call: Call, said: Mapping[str, object]) -> Iterator[str]:
    """What the message lacks."""
    first = said.get("first")
    if not isinstance(first, dict):
        return
    text = first["text"]
    if first["code"] not in (0, 1):
        yield f"exit code {first['code']}"
    if "Traceback" in text or "bug:" in text or "a bug in reconciler" in text:
        yield f"a traceback: {text}"
    cached = "could not be fetched since" in text
    if first["code"] == 0 and said.get("second") != [] and not cached:
        yield f"exit code 0, and the next pass had to do {said.get('second')}"
    # Whatever a full disk refused may be what is told: not everything that it refuses ends the pass.
    failures = [call.path, *(disk.refused if disk.fault is Fault.FULL else ())]
    refused = [path for failed in failures for path in _names(place, failed)]
    if first["code"] and not any(path in text for path in refused):
        yield f"the message does not name {call.path}: {text}"
    if first["code"] and "(" not in text and "mend:" not in text:
        yield f"the message does not say what to do: {text}"


def _names(place: Place, path: str) -> Iterator[str]:
    """The path, or a folder above it that is not the whole root or state; for SQLite's own files their database, and
    for a database that is being made under a name of its own the one that it will be."""
    folders = {str(place.root), str(place.state)}
    yield path
    database = re.sub(r"-(wal|shm|journal)$", "", path)
    yield database
    yield re.sub(r"\.\w+\.new$", "", database)
    while len(path) > 1 and (path := os.path.dirname(path)) not in folders:
        yield path


def _places(place: Place) -> tuple[str, ...]:
    return (f"{place.root}", f"{place.state}")


# In the child


def _passes(
    place: Place, scene: Scene, calm: Callable[[], None], known: Undisturbed | None = None
) -> dict[str, object]:
    code, text, _ = _pass(place)
    calm()
    wrong = list(torn(place, scene, known.before, dict(known.after["files"]))) if known else []  # type: ignore[call-overload]
    _, second, done = _pass(place)
    code3, third, again = _pass(place)
    if code3 or again:
        wrong.append(f"the third pass is not empty: {again} {third}; the second: {second}")
    with place.bound(change=False) as (host, _):
        looks = {"files": files(place, scene), "ledger": ledger(host, scene), "gateways": gateways(place)}
    return {"first": {"code": code, "text": text}, "second": done, "wrong": wrong, "looks": looks}


def _pass(place: Place) -> tuple[int, str, list[str]]:
    """What `reconciler run --once` ends with and shows, and the steps that it did."""
    place.told.texts.clear()
    steps: list[str] = []
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            report = place.run()
            out.write(report_text(report))
            steps = [f"{o.step.id} {o.result.value}" for o in report.applied.outcomes]
            code = exit_code(report)
        except ReconcilerError as error:
            code = expected(error, as_json=False)
        except Exception:  # noqa: BLE001 - told to the parent, whatever it was
            code = -1
            err.write(traceback.format_exc())
    return code, "\n".join((out.getvalue(), err.getvalue(), *place.told.texts)), steps


# Between parent and child


def _child(place: Place, work: Callable[[Callable[[], None]], dict[str, object]], disk: _Disk) -> dict[str, object]:
    """Does the work in a child whose calls the disk judges until the child says that it is calm."""
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        ours.close()
        os.close(reader)
        _live(place, work, theirs, writer)
    theirs.close()
    os.close(writer)
    listener = Listener(ours)
    try:
        answer = _serve(listener, ours, reader, disk)
    finally:
        listener.close()
        os.close(reader)
        ours.close()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return dict(json.loads(answer)) if answer else {"wrong": ["the child died, or hung"]}


def _live(
    place: Place, work: Callable[[Callable[[], None]], dict[str, object]], control: socket.socket, writer: int
) -> None:
    """The child's whole life."""
    try:
        # What even Python can't tell goes here, and is looked for by whoever wonders.
        errors = os.open(place.folder / "stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(errors, 2)
        surrender(control)

        def calm() -> None:
            control.send(b"calm")
            control.recv(1)

        said = work(calm)
        if noise := (place.folder / "stderr").read_text(errors="replace"):
            said["wrong"] = [*said["wrong"], f"on stderr: {noise}"]  # type: ignore[misc]
        text = json.dumps(said)
    except BaseException:  # noqa: BLE001 - told to the parent, whatever it was
        text = json.dumps({"wrong": [traceback.format_exc()]})
    with os.fdopen(writer, "w") as told:
        told.write(text)
    os._exit(0)


def _serve(listener: Listener, control: socket.socket, reader: int, disk: _Disk) -> bytes:
    """Answers every call until the child has said all."""
    poll = select.poll()
    for fd in (listener.fd, control.fileno(), reader):
        poll.register(fd, select.POLLIN)
    text = b""
    while ready := poll.poll(LONGEST * 1000):
        for fd, event in ready:
            if fd == listener.fd and event & select.POLLIN:
                call = listener.receive()
                if call is not None:
                    listener.answer(call, disk.judge(call))
            elif fd == control.fileno() and event & select.POLLIN and control.recv(16) == b"calm":
                disk.healthy = True
                control.send(b"!")
            elif fd == reader:
                piece = os.read(reader, 1 << 20)
                if not piece:
                    return text
                text += piece
    return b""
