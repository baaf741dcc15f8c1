"""A disk that fails at some calls of a pass, spread over all of them; `python -m tests.faults` does all of them.

Each point: nothing is torn, the message names the path and the mend, the exit code is right, and the next pass makes
the host what it would have been.
"""

from __future__ import annotations

import os
import socket

import pytest

from tests.faults.points import Answer, Fault, suffer, undisturbed
from tests.faults.run import ends
from tests.faults.scenes import Place
from tests.faults.syscalls import surrender

SAMPLE = {"first apply": 4, "update": 2, "codebase move": 2, "removal": 2}
"""Scene -> points; each is failed in the two ways in turn."""

pytestmark = pytest.mark.system


def _allowed() -> bool:
    """Whether the kernel and its container let a process watch the calls of its children."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            surrender(theirs)
        except OSError:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    ours.close()
    theirs.close()
    return status == 0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    if not _allowed():
        pytest.skip("system calls can't be watched here (seccomp user notification)")
    return Place(tmp_path_factory.mktemp("disk"))


def test_nothing_is_torn_all_is_told_and_the_next_pass_converges(place: Place) -> None:
    answers: list[Answer] = []
    for name, count in SAMPLE.items():
        known = undisturbed(place, place.scenes[name])
        points = ends(known.calls)
        step = len(points) // count
        for turn, point in enumerate(points[step // 2 :: step][:count]):
            fault = (Fault.FULL, Fault.BROKEN)[turn % 2]
            answers.append(suffer(place, place.scenes[name], known, point, fault))
    for answer in answers:
        print(answer.scene, answer.point, answer.fault.value, answer.call, "->", answer.code)
    assert [(a.scene, a.point, a.fault.value, a.call, a.wrong) for a in answers if a.wrong] == []
    assert len(answers) == sum(SAMPLE.values())
    # Some really hurt.
    assert sum(answer.code == 1 for answer in answers) >= 4


@pytest.mark.parametrize(
    ("scene", "ending", "fault"),
    [
        ("first apply", "/state/git/source.git", Fault.FULL),
        ("first apply", "ledger.db", Fault.FULL),
        ("update", "/ada/home/config.yaml", Fault.FULL),
        ("removal", "refs/reconciler/tip", Fault.BROKEN),
    ],
)
def test_named_places(place: Place, scene: str, ending: str, fault: Fault) -> None:
    """The call that gives something its name, in each kind of place: it is not there, or it is whole."""
    known = undisturbed(place, place.scenes[scene])
    points = [
        n for n, call in enumerate(known.calls, 1) if call.endswith(ending) and call.startswith(("rename", "link"))
    ]
    answer = suffer(place, place.scenes[scene], known, points[0], fault)
    assert answer.wrong == []
