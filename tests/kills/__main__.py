"""The whole kill matrix: `python -m tests.kills`. Exit code 1 when anything was not as without the kill.

Real: the process that is killed (SIGKILL), Git, disk, SQLite, secrets, supervisord. Stand-ins: the gateway and the
installed programs (standins.py).
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.faults.syscalls import allowed
from tests.kills.matrix import (
    CALLED,
    NAMES,
    Answer,
    Job,
    at_calls,
    at_random,
    complaint,
    every,
    hands,
    inside,
    table,
    undisturbed,
    work,
)


def main() -> int:
    options = _options()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    chance, began = random.Random(seed), time.monotonic()
    print(f"seed {seed}, {options.workers} hosts at a time; the gateway and its codebases are stand-ins")
    scenes = options.scene or ([_job(text)["scene"] for text in options.only] if options.only else NAMES)
    with hands(options.workers) as workers:
        told = undisturbed(workers, dict.fromkeys(scenes))
        for one in told:
            print(f"\n{one.scene}: {len(one.steps)} journal steps, {len(one.instants)} instants, {one.seconds:.2f} s")
            print("".join(f"    {step}\n" for step in one.steps), end="")
            if options.verbose:
                print("".join(f"    {n:4} {instant}\n" for n, instant in enumerate(one.instants, 1)), end="")
        jobs = [_job(text) for text in options.only] or [
            *every(told),
            *inside(told, options.inside, chance),
            *at_calls(told, options.calls if allowed() else 0, chance),
            *at_calls(told, options.fails if allowed() else 0, chance, "fails"),
            *at_random(told, options.random, chance),
        ]
        print(f"\n{len(jobs)} kills", flush=True)
        answers = work(workers, jobs, _Telling(len(jobs)))
    print(table(told, answers))
    wrong = [answer for answer in answers if answer["wrong"]]
    late = sum(answer["late"] is True for answer in answers)
    print(f"\n{len(answers)} kills in {time.monotonic() - began:.0f} s, {late} of them after the pass had ended")
    print(f"{len(wrong)} with something wrong")
    return 1 if wrong else 0


class _Telling:
    """Says what is wrong when it is found, and how far it is."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def __call__(self, answer: Answer) -> None:
        self._done += 1
        if answer["wrong"]:
            print(complaint(answer), flush=True)
        if self._done % 100 == 0:
            print(f"    {self._done} of {self._total}", flush=True)


def _job(text: str) -> Job:
    scene, kind, value = text.rsplit(":", 2)
    return {"scene": scene, kind: int(value) if kind == "at" else float(value)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--seed", type=int, help="of the random kills; printed when it is not given")
    parser.add_argument("--workers", type=int, default=2, help="hosts at a time (default 2)")
    parser.add_argument("--random", type=int, default=200, help="kills at random times (default 200)")
    parser.add_argument("--inside", type=int, default=200, help="kills inside of effects (default 200)")
    parser.add_argument("--calls", type=int, default=60, help=f"kills at system calls of {CALLED} each (default 60)")
    parser.add_argument("--fails", type=int, default=30, help="calls at the supervisor's files that fail (default 30)")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the instants of each scene")
    parser.add_argument("--scene", action="append", choices=NAMES, help="only this scene; may be repeated")
    parser.add_argument("--only", action="append", default=[], metavar="SCENE:KIND:VALUE", help="only this kill")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
