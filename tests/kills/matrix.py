"""Which kills are tried, shared out to workers that each have a host of their own, and what came of them as a table."""

from __future__ import annotations

import json
import queue
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.world import free_ports

Job = Mapping[str, object]
Answer = Mapping[str, object]
NAMES = (
    "first apply",
    "ill from the start",
    "update",
    "ports swapped",
    "codebase move",
    "ill codebase",
    "crashing codebase",
    "ill values",
    "rollback by hand",
    "removal",
    "return",
    "rename",
)
CALLED = ("update", "codebase move")
"""Scenes in which kills at system calls are tried: the supervisor runs before, so nobody else lives under the watch."""
KINDS = ("at", "inside", "call", "fails", "after")
_MEMORY = Path("/dev/shm")
"""What is written and synced thousands of times is kept off the disk where that is possible."""
END_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Told:
    """A scene as it is without a kill."""

    scene: str
    instants: tuple[str, ...]
    calls: int
    steps: tuple[str, ...]
    seconds: float


class Hand:
    """One worker process; asked by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        one, _, other, _ = sorted(free_ports(4))
        command = [sys.executable, "-m", "tests.kills.worker", str(folder), str(one), str(other)]
        root = Path(__file__).parents[2]
        # Away from signals to our group: it ends with its input, and takes its supervisor along.
        self._process = subprocess.Popen(
            command, cwd=root, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )

    def ask(self, job: Job) -> Answer:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait(END_SECONDS)
            raise RuntimeError(f"the worker ended with {code} at {job}; its standard error says why")
        answer: Answer = json.loads(line)
        return answer

    def close(self) -> None:
        """It ends with its input, and takes its processes along."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(END_SECONDS)
        self._process.stdout.close()


@contextmanager
def hands(count: int) -> Iterator[list[Hand]]:
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            parent = _MEMORY if _MEMORY.is_dir() else None
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kills-", dir=parent))
            made.append(Hand(Path(folder) / "site"))
            stack.callback(made[-1].close)
        yield made


def undisturbed(workers: Sequence[Hand], scenes: Iterable[str]) -> list[Told]:
    answers = work(workers, [{"scene": name} for name in scenes], lambda answer: None)
    return [
        Told(str(a["scene"]), tuple(a["instants"]), int(str(a["calls"])), tuple(a["steps"]), float(str(a["seconds"])))  # type: ignore[arg-type]
        for a in answers
    ]


def work(workers: Sequence[Hand], jobs: Sequence[Job], told: Callable[[Answer], None]) -> list[Answer]:
    """The answers in the order of the jobs; `told` hears each when it comes."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(jobs)):
        waiting.put(number)
    answers: dict[int, Answer] = {}
    troubles: list[Exception] = []

    def run(worker: Hand) -> None:
        try:
            while not troubles:
                number = waiting.get_nowait()
                answers[number] = worker.ask(jobs[number])
                told(answers[number])
        except queue.Empty:
            return
        except (RuntimeError, OSError, ValueError) as error:
            troubles.append(error)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise troubles[0]
    return [answers[number] for number in range(len(jobs))]


def every(told: Iterable[Told]) -> list[Job]:
    """Each instant of each scene."""
    return [{"scene": one.scene, "at": n} for one in told for n in range(1, len(one.instants) + 1)]


def inside(told: Sequence[Told], count: int, chance: random.Random) -> list[Job]:
    """Spread over the scenes by how much they do, each place at most about once."""
    total = sum(one.calls for one in told)
    return [
        {"scene": one.scene, "inside": (n + chance.random()) / share}
        for one in told
        for share in [max(1, round(count * one.calls / total))]
        for n in range(share)
    ]


def at_calls(told: Sequence[Told], count: int, chance: random.Random, kind: str = "call") -> list[Job]:
    """Spread over the system calls of each scene where that can be done: kills, or (`fails`) calls that fail."""
    called = [one for one in told if one.scene in CALLED]
    return [{"scene": one.scene, kind: (n + chance.random()) / count} for one in called for n in range(count)]


def at_random(told: Sequence[Told], count: int, chance: random.Random) -> list[Job]:
    """At random times of the scenes, in turn."""
    return [{"scene": told[n % len(told)].scene, "after": chance.random()} for n in range(count)]


def table(told: Sequence[Told], answers: Sequence[Answer]) -> str:
    """Kills and passes by scene."""
    kinds_named = "".join(f"{name:>8}" for name in ("inside", "calls", "fails", "random"))
    lines = [f"{'scene':<20}{'steps':>6}{'instants':>10}{kinds_named}  passes needed: 0 / 1 / more   wrong"]
    for one in told:
        mine = [answer for answer in answers if answer["scene"] == one.scene]
        kinds = [sum(kind in answer for answer in mine) for kind in KINDS]
        passes = Counter(min(int(str(answer["passes"])), 2) for answer in mine)
        counts = f"{kinds[0]:>4}/{len(one.instants):<5}" + "".join(f"{count:>8}" for count in kinds[1:])
        needed = f"{passes[0]:>16}{passes[1]:>5}{passes[2]:>6}"
        lines.append(f"{one.scene:<20}{len(one.steps):>6}{counts}{needed}{sum(bool(a['wrong']) for a in mine):>10}")
    return "\n".join(lines)


def complaint(answer: Answer) -> str:
    """What went wrong, and what to pass on to try the same kill again."""
    kind = next(kind for kind in KINDS if kind in answer)
    wrong = answer["wrong"]
    assert isinstance(wrong, list)
    return "\n    ".join([f"--only '{answer['scene']}:{kind}:{answer[kind]}'  ({answer['where']})", *wrong])
