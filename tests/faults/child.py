"""Passes in a child whose system calls its parent answers: what they said, and what the host was like.

Not done here: which calls fail (points.py), what is wrong with what was said (telling.py).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import select
import signal
import socket
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from reconciler.cli.failures import expected
from reconciler.cli.outcome import exit_code, report_text
from reconciler.engine.report import Report
from reconciler.errors import ReconcilerError
from reconciler.protocols.runtime import Program
from tests.faults.look import Looks, databases, files, ledger, torn
from tests.faults.scenes import Place, Scene
from tests.faults.syscalls import Call, Listener, surrender

LONGEST = 120
"""Seconds after which a pass counts as hanging; one takes about one."""


class Disk(Protocol):
    """Decides about each call; `healthy`: from now on all of them go well."""

    healthy: bool

    def judge(self, call: Call) -> int: ...


def passes(place: Place, scene: Scene, calm: Callable[[], None], whole: Sequence[Looks] = ()) -> dict[str, object]:
    """The pass of the scene, during which the disk may fail, and two more. `whole`: files as they may be right after
    the first pass, when nothing is torn."""
    through = _watched(place, scene)
    first = _pass(place, scene)
    calm()
    wrong = list(torn(place, scene, whole)) if whole else []
    second, third = _pass(place, scene), _pass(place, None)
    if third["steps"] or third["code"] not in (0, scene.code):
        wrong.append(f"the third pass is not empty: {third}; the second: {second}")
    with place.bound(change=False) as (host, _):
        looks = {"files": files(place, scene), "ledger": ledger(host, scene), "gateways": place.alive()}
    looks["databases"] = databases(place)
    return {"first": first, "second": second["steps"], "wrong": wrong, "looks": looks, "through": through}


def _watched(place: Place, scene: Scene) -> Looks:
    """Will hold the files as they are when the ill version is first asked how it is: a state on the way."""
    found: Looks = {}
    ill = place.gateways.ill

    def asked(program: Program) -> str:
        if (verdict := ill(program)) and not found:
            found.update(files(place, scene))
        return verdict

    place.gateways.ill = asked
    return found


def _pass(place: Place, scene: Scene | None) -> dict[str, object]:
    """What `reconciler run --once` ends with and shows, the steps that it did, and every claim that something went
    wrong by itself: what it says, and whether a mend is told with it."""
    place.told.texts.clear()
    steps: list[str] = []
    claims: list[tuple[str, bool]] = []
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            report = place.one(scene)
            out.write(report_text(report))
            steps = [f"{o.step.id} {o.result.value}" for o in report.applied.outcomes]
            code = exit_code(report)
            claims += ((text, _mended(text)) for text in _failures(report))
        except ReconcilerError as error:
            code = expected(error, as_json=False)
            claims.append((f"{error.where}: {error.what}", bool(error.mend)))
        except Exception:  # noqa: BLE001 - told to the parent, whatever it was
            code = -1
            err.write(traceback.format_exc())
    claims += ((text, _mended(text)) for text in place.told.texts)
    text = "\n".join((out.getvalue(), err.getvalue(), *place.told.texts))
    return {"code": code, "text": text, "steps": steps, "claims": claims}


def _failures(report: Report) -> Iterator[str]:
    yield from (outcome.text for outcome in report.applied.failures)
    yield from (change.obstacle for change in report.left.waiting)
    yield from report.notices


def _mended(text: str) -> bool:
    """An error as one line ends with its mend in brackets; a notice may go on after that."""
    return re.search(r"\([^()]{8,}(\([^()]*\)[^()]*)*\)(;.*|\.)?$", text, re.DOTALL) is not None


def in_child(place: Place, work: Callable[[Callable[[], None]], dict[str, object]], disk: Disk) -> dict[str, object]:
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


def _serve(listener: Listener, control: socket.socket, reader: int, disk: Disk) -> bytes:
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
