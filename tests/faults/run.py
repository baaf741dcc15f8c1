"""Which points of which scenes, done by several workers at once, each on a host of its own. Not done here: printing."""

from __future__ import annotations

import gc
import multiprocessing
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults.points import Answer, Fault, suffer, undisturbed
from tests.faults.scenes import Place

Job = tuple[str, int, Fault]


def calls(folder: Path) -> dict[str, tuple[str, ...]]:
    """The calls of every scene on a healthy disk."""
    place = Place(folder)
    return {name: undisturbed(place, scene).calls for name, scene in place.scenes.items()}


def ends(found: Sequence[str]) -> list[int]:
    """Numbers, from 1, of the first and the last of each row of calls of one kind at one path."""
    last = len(found) - 1
    return [n + 1 for n, c in enumerate(found) if n in (0, last) or c != found[n - 1] or c != found[n + 1]]


def run(jobs: Sequence[Job], workers: int) -> Iterator[Answer]:
    """Answers as they come."""
    context = multiprocessing.get_context("spawn")
    todo, done = context.Queue(), context.Queue()
    for job in jobs:
        todo.put(job)
    for _ in range(workers):
        todo.put(None)
    crew = [context.Process(target=_work, args=(todo, done), daemon=True) for _ in range(workers)]
    for worker in crew:
        worker.start()
    for _ in jobs:
        yield done.get(timeout=600)
    for worker in crew:
        worker.join(60)


def _work(todo: multiprocessing.Queue[Job | None], done: multiprocessing.Queue[Answer]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        place = Place(folder)
        known = {name: undisturbed(place, scene) for name, scene in place.scenes.items()}
        gc.freeze()  # children share what is there
        while (job := todo.get()) is not None:
            name, point, fault = job
            done.put(suffer(place, place.scenes[name], known[name], point, fault))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
