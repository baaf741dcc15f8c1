"""Kills passes on one site and says what was found: `python -m tests.kills.worker FOLDER PORT PORT`, jobs on stdin.

A job is a JSON line. {"scene": ...}: a scene that nobody kills, its instants and its journal. {"scene": ..., "at": n}
kills at the n-th instant; {"scene": ..., "inside": share} at a share of the calls that the interpreter makes for its
effects; {"scene": ..., "call": share} at a share of its system calls; {"scene": ..., "after": share} after a share of
the scene's time; {"scene": ..., "fails": share} kills nobody, but fails a call at the supervisor's files. Each answer
is a JSON line; "wrong" lists what is not as it should be, empty when all is well.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.kills.calls import Watch
from tests.kills.history import History, done
from tests.kills.look import gateways, leftovers, look, loose_secrets, pids, secrets_of, supervisors, unreadable
from tests.kills.points import Tally
from tests.kills.scenes import FRESH, Scene, build
from tests.kills.site import Ended, Site
from tests.kills.snapshots import close, restore, scrub
from tests.kills.torn import texts, torn

PASSES = 1
"""So many passes after the kill may have something to do."""
TRIES = 4
"""Passes after which we give up."""
SOONER = 0.7


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A scene that nobody killed: what the host looked like, its instants and journal steps, and how long it took.
    `whole` are the texts that files have before, on the way and afterwards."""

    host: Mapping[str, object]
    instants: tuple[str, ...]
    calls: int
    steps: tuple[str, ...]
    once: Counter[str]
    left: object
    seconds: float
    whole: frozenset[str] | None


@dataclass
class Worker:
    site: Site
    scenes: Mapping[str, Scene]
    known: dict[str, Undisturbed] = field(default_factory=dict)
    history: History = field(init=False)
    calls: dict[tuple[str, int], int] = field(default_factory=dict)
    """Scene and error -> the system calls that change something; counted when that is asked for."""

    def __post_init__(self) -> None:
        self.history = History(self.site)

    def undisturbed(self, name: str) -> Undisturbed:
        if name not in self.known:
            self.known[name] = self._undisturbed(self.scenes[name])
        return self.known[name]

    def _undisturbed(self, scene: Scene) -> Undisturbed:
        self._begin(scene)
        whole = set(texts(self.site).values())
        calls = self._pass(scene, Tally(inside=True)).said
        self._begin(scene)
        began = time.monotonic()
        first = self._pass(scene, Tally(), seen=True).said
        seconds = time.monotonic() - began
        entries = self.history.entries()
        steps = [f"{entry.key} {entry.operation}: {entry.result.value}" for entry in entries if entry.result]
        second = self.site.child(self.site.run_pass).said
        if second.get("outcomes") != []:
            raise AssertionError(f"{scene.name} does not converge undisturbed: {first} {second}")
        host = look(self.site, secrets=scene.start != FRESH)
        seen, inside = first["seen"], calls["seen"]
        return Undisturbed(
            host,
            tuple(seen),
            len(inside),
            tuple(reversed(steps)),
            done(entries),
            second["left"],
            seconds,
            frozenset({*whole, *first["texts"]}) if scene.start != FRESH else None,
        )

    def _begin(self, scene: Scene) -> dict[str, int]:
        restore(self.site, scene.start)
        self.site.push(scene.commit)
        self.history.begin()
        return pids(self.site)

    def _pass(
        self,
        scene: Scene,
        tally: Tally,
        *,
        concurrency: int = 1,
        kill_after: float | None = None,
        seen: bool = False,
        watch: Watch | None = None,
    ) -> Ended:
        """`seen`: what it says has the texts of all files at each instant, too; `watch`: it runs under that one."""
        found: set[str] = set()
        if seen:
            tally.look = lambda: found.update(texts(self.site).values())

        def work() -> Mapping[str, object]:
            said = self.site.run_pass(tally, concurrency=concurrency, roll_back=scene.roll_back)
            return {**said, "texts": sorted(found)}

        return watch.run(work) if watch else self.site.child(work, kill_after=kill_after)

    def at(self, scene: Scene, instant: int, *, inside: bool = False) -> Mapping[str, object]:
        """Kills at the n-th instant, or at the n-th call inside."""
        known, before = self.undisturbed(scene.name), self._begin(scene)
        reader, mark = os.pipe()
        ended = self._pass(scene, Tally(instant, mark, inside))
        os.close(mark)
        with os.fdopen(reader) as told:
            where = told.read()
        late = ended.signal != 9
        wrong = []
        if not inside and late:
            wrong.append(f"the pass ended by itself: {ended.said}")
        elif not inside and where != known.instants[instant - 1]:
            wrong.append(f"killed {where}, not {known.instants[instant - 1]}")
        passes, found = self.aftermath(scene, before)
        return {"where": where, "late": late, "passes": passes, "wrong": wrong + found}

    def inside(self, scene: Scene, share: float) -> Mapping[str, object]:
        """Kills inside of effects; there are a few calls more or less in each run, as answers are awaited."""
        return self.at(scene, 1 + int(share * self.undisturbed(scene.name).calls), inside=True)

    def call(self, scene: Scene, share: float) -> Mapping[str, object]:
        """Kills at a system call; there are a few more or less in each run."""
        watch = self._watch(scene, share, 0)
        before = self._begin(scene)
        ended = self._pass(scene, Tally(), watch=watch)
        passes, wrong = self.aftermath(scene, before)
        return {"where": watch.where, "late": ended.signal != 9, "passes": passes, "wrong": wrong}

    def fails(self, scene: Scene, share: float) -> Mapping[str, object]:
        """Lets a system call at the supervisor's files fail; that is told, and the next pass makes up for it."""
        watch = self._watch(scene, share, errno.EIO)
        before = self._begin(scene)
        said = self._pass(scene, Tally(), watch=watch).said
        passes, wrong = self.aftermath(scene, before)
        trouble, told = str(said.get("failed", "")), json.dumps(said)
        if trouble and not trouble.splitlines()[-1].startswith("reconciler.errors."):
            wrong.append(f"it ended with a bug: {trouble}")
        if (trouble or said.get("result") != "done") and str(self.site.state / "supervisor") not in told:
            wrong.append(f"it does not say where the disk failed: {told}")
        return {"where": watch.where, "late": not watch.where, "passes": passes, "wrong": wrong}

    def _watch(self, scene: Scene, share: float, error: int) -> Watch:
        """For the call at that share of those that the scene makes."""
        self.undisturbed(scene.name)
        if (scene.name, error) not in self.calls:
            self._begin(scene)
            counted = Watch(self.site, 0, error)
            self._pass(scene, Tally(), watch=counted)
            self.calls[scene.name, error] = counted.count
        return Watch(self.site, 1 + int(share * self.calls[scene.name, error]), error)

    def after(self, scene: Scene, share: float) -> Mapping[str, object]:
        """Kills after a share of the time that the undisturbed pass took, with several steps at once."""
        seconds = self.undisturbed(scene.name).seconds
        while True:
            before = self._begin(scene)
            ended = self._pass(scene, Tally(), concurrency=4, kill_after=share * seconds)
            if ended.signal == 9:
                break
            share *= SOONER
        passes, wrong = self.aftermath(scene, before)
        return {"where": f"after {share * seconds:.3f} s", "late": False, "passes": passes, "wrong": wrong}

    def aftermath(self, scene: Scene, before: Mapping[str, int]) -> tuple[int, list[str]]:
        """The next pass converges, the one after it has nothing to do, and the host is as if nothing had happened."""
        known, broken, secrets = self.undisturbed(scene.name), self.history.broken(), secrets_of(self.site)
        passes, told, wrong = 0, [], list(torn(self.site, known.whole))
        while True:
            said = (self._pass(scene, Tally()) if not told else self.site.child(self.site.run_pass)).said
            told.append({key: value for key, value in said.items() if key != "seen"})
            if "failed" in said or len(told) == TRIES:
                return len(told), [*wrong, f"it does not converge: {told}"]
            if said["outcomes"] == [] and said["left"] == known.left:
                break
            passes += 1
        wrong += [] if passes <= PASSES else [f"{passes} passes had something to do: {told}"]
        wrong += self._checks(scene, before, secrets)
        wrong += _differences(known.host, look(self.site, secrets=scene.start != FRESH), "")
        wrong += [
            *unreadable(self.site),
            *self.history.unwatched(),
        ]  # from here on the ledger has its journal beside it again
        return passes, [*wrong, *self.history.untold(broken), *self.history.told_twice(known.once)]

    def _checks(self, scene: Scene, before: Mapping[str, int], secrets: Mapping[str, bytes]) -> Iterator[str]:
        now, after = secrets_of(self.site), pids(self.site)
        yield from (
            f"the secret {path} changed"
            for path, data in secrets.items()
            if now.get(path) != data and _kept(scene, path)
        )
        for wizard in scene.untouched:
            if before.get(wizard) != after.get(wizard):
                yield f"{wizard} was touched: pid {before.get(wizard)} -> {after.get(wizard)}"
        yield from (f"{name} runs {len(found)} times" for name, found in gateways(self.site).items() if len(found) != 1)
        if len(found := supervisors(self.site)) != 1:
            yield f"{len(found)} supervisors: {[p.cmdline() for p in found]}"
        yield from (f"left behind: {path}" for path in leftovers(self.site))
        yield from (f"open to others: {path}" for path in loose_secrets(self.site))
        for home in self.site.root.glob("*/home/.env"):
            key = self.site.state / "secrets" / "generated" / home.parts[-3] / "API_SERVER_KEY"
            if key.read_text().strip() not in home.read_text():
                yield f"{home} has another key than the host"


def _kept(scene: Scene, path: str) -> bool:
    """A rename takes away what was generated for the old name; what was copied is compared under the new one."""
    return scene.name != "rename" or "/generated/ezra/" not in path


def _differences(wanted: object, found: object, where: str) -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted(wanted.keys() | found.keys(), key=str):
            yield from _differences(wanted.get(key), found.get(key), f"{where}/{key}")
    elif wanted != found:
        yield f"{where}: {str(found)[:600]} instead of {str(wanted)[:600]}"


def main() -> None:
    site = Site(Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])))
    try:
        worker = Worker(site, build(site))
        gc.freeze()  # children share what is there; a collection would copy it page by page
        for line in sys.stdin:
            job = json.loads(line)
            answer = {**job, **_answer(worker, job)}
            if answer.get("wrong"):
                scrub(site)
            print(json.dumps(answer), flush=True)
    finally:
        close(site)


def _answer(worker: Worker, job: Mapping[str, object]) -> Mapping[str, object]:
    scene = worker.scenes[str(job["scene"])]
    if "at" in job:
        return worker.at(scene, int(str(job["at"])))
    if "inside" in job:
        return worker.inside(scene, float(str(job["inside"])))
    if "call" in job:
        return worker.call(scene, float(str(job["call"])))
    if "fails" in job:
        return worker.fails(scene, float(str(job["fails"])))
    if "after" in job:
        return worker.after(scene, float(str(job["after"])))
    known = worker.undisturbed(scene.name)
    return {"instants": known.instants, "calls": known.calls, "steps": known.steps, "seconds": known.seconds}


if __name__ == "__main__":
    main()
