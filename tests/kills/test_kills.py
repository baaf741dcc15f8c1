"""Passes killed for real; the next one converges, and nothing of the kill is left.

A selection that is short enough for every day, another one in each run; `python -m tests.kills` tries all. The seed is
that of pytest-randomly, which prints it: the same seed kills in the same places.
"""

from __future__ import annotations

import inspect
import random

import pytest

from reconciler.protocols.codebases import Codebases
from reconciler.protocols.databases import Databases
from reconciler.protocols.files import Files
from reconciler.protocols.ledger import Ledger
from reconciler.protocols.runtime import Runtime
from reconciler.protocols.secrets import Secrets
from reconciler.protocols.source import Source
from reconciler.protocols.store import Store
from tests.faults.syscalls import allowed
from tests.kills.matrix import Told, at_calls, at_random, complaint, hands, inside, table, undisturbed, work
from tests.kills.points import EFFECTS, LOOKS

SCENES = ("first apply", "update", "ill codebase")
AT, INSIDE, CALLS, FAILS, RANDOM = 6, 4, 3, 2, 8
"""Kills at instants of each scene, inside of effects, at system calls and at random times, and failing calls at the
supervisor's files: below a minute on two idle cores."""


@pytest.mark.system
@pytest.mark.timeout(600)
def test_a_killed_pass_leaves_nothing_that_the_next_one_does_not_mend() -> None:
    chance = random.Random(random.getrandbits(32))
    with hands(2) as workers:
        told = undisturbed(workers, SCENES)
        jobs = [
            *({"scene": one.scene, "at": n} for one in told for n in _spread(one, chance)),
            *inside(told, INSIDE, chance),
            *at_calls(told, CALLS if allowed() else 0, chance),
            *at_calls(told, FAILS if allowed() else 0, chance, "fails"),
            *at_random(told, RANDOM, chance),
        ]
        answers = work(workers, jobs, lambda answer: None)
    print(table(told, answers))
    wrong = [complaint(answer) for answer in answers if answer["wrong"]]
    assert not wrong, "\n".join(["python -m tests.kills", *wrong])
    assert sum(answer["late"] is False for answer in answers) >= AT * len(SCENES) + RANDOM


def _spread(one: Told, chance: random.Random) -> list[int]:
    """Instants of a scene, one in each of equal parts."""
    part = len(one.instants) / AT
    return [1 + int((n + chance.random()) * part) for n in range(AT)]


@pytest.mark.parametrize(
    ("door", "protocol"),
    [
        ("ledger", Ledger),
        ("files", Files),
        ("secrets", Secrets),
        ("codebases", Codebases),
        ("databases", Databases),
        ("runtime", Runtime),
        ("store", Store),
        ("source", Source),
    ],
)
def test_every_verb_of_a_door_is_known_to_change_something_or_to_look(door: str, protocol: type) -> None:
    verbs = {name for name, _ in inspect.getmembers(protocol, inspect.isfunction) if not name.startswith("_")}
    assert sorted((*EFFECTS[door], *LOOKS[door])) == sorted(verbs)
