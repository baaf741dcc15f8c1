"""A disk that fails at some calls of a pass, spread over all of them; `python -m tests.faults` does all of them.

Each point: nothing is torn, the message names the path and the mend, the exit code is right, and the next pass makes
the host what it would have been.
"""

from __future__ import annotations

import re

import pytest

from tests.faults.points import Answer, Fault, suffer, undisturbed
from tests.faults.run import ends
from tests.faults.scenes import Place
from tests.faults.syscalls import allowed

SAMPLE = {"first apply": 1, "update": 2, "ill codebase": 1, "removal": 1, "rollback": 1}
"""Scene -> points; each is failed in the two ways in turn."""

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    if not allowed():
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
    assert sum(answer.code == 1 for answer in answers) >= 2


@pytest.mark.parametrize(
    ("scene", "pattern", "fault"),
    [
        # A repository can't be made: what to do is said.
        ("first apply", r"write .*/source\.git\.new-[\d-]+/config\.lock", Fault.BROKEN),
        # What is fetched can't be kept: that is our disk, not the remote.
        ("first apply", r"write .*/source\.git/objects/.*", Fault.FULL),
        # Git does not say what is wrong with a ref; it is our disk all the same.
        ("first apply", r"rename .*/source\.git/refs/reconciler/incoming", Fault.BROKEN),
        # A ledger can't be built: SQLite's own files go too.
        ("first apply", r"pwrite64 .*/ledger\.db\.\w+\.new", Fault.FULL),
        # One disk holds wizards and state: what failed first is told although it can't be recorded.
        ("first apply", r"fsync .*/wizards/bo", Fault.FULL),
        # What is there, but could not be made safe, is not taken for somebody else's later.
        ("first apply", r"fsync .*/wizards/ada/home", Fault.BROKEN),
        # Only the temporary name could not be taken away: the file is written, and nothing has failed.
        ("first apply", r"unlink(at)? .*/ada/home/\.reconciler-.*", Fault.BROKEN),
        # The status can't be kept: Git's report of that does not stay.
        ("update", r"fsync .*/store\.git/objects/pack/tmp_pack_\w+", Fault.BROKEN),
        # A wizard's folder moves to the attic and it is known there, or it stays: its memories are never lost track of.
        ("removal", r"fsync .*/wizards/\.attic", Fault.BROKEN),
        ("removal", r"fsync .*/wizards", Fault.BROKEN),
        # A file gets its name, or keeps what it held.
        ("update", r"rename\w* .*/ada/home/config\.yaml", Fault.BROKEN),
    ],
)
def test_places_where_something_was_wrong_once(place: Place, scene: str, pattern: str, fault: Fault) -> None:
    known = undisturbed(place, place.scenes[scene])
    point = next(number for number, call in enumerate(known.calls, 1) if re.fullmatch(pattern, call))
    answer = suffer(place, place.scenes[scene], known, point, fault)
    assert answer.wrong == []
    assert answer.code == (0 if pattern.startswith("unlink") or "store" in pattern else 1)
