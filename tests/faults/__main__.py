"""`python -m tests.faults`: a disk that fails at each call of a pass in turn, and what the next pass makes of it.

Without options: a full disk (from the call on) and an input/output error (once), at the first and the last of each row
of like calls. `--all`: at every single call (hours). Exit code 1 when anything is not as it should be.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.points import Answer, Fault
from tests.faults.run import Job, calls, ends, run


def main() -> int:
    options = _options()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        found = calls(Path(folder))
    jobs = _jobs(found, options)
    answers: list[Answer] = []
    for answer in run(jobs, options.jobs):
        answers.append(answer)
        if answer.wrong:
            print(_line(answer), flush=True)
        if len(answers) % 100 == 0:
            print(f"{len(answers)} of {len(jobs)}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(table(found, answers, time.monotonic() - began))
    return 1 if any(answer.wrong for answer in answers) else 0


def table(found: Mapping[str, Sequence[str]], answers: Sequence[Answer], seconds: float) -> str:
    lines = [f"{'scene':15} {'fault':19} {'calls':>6} {'failed':>7} {'told':>6} {'harmless':>9} {'wrong':>6}"]
    for scene, done in found.items():
        for fault in Fault:
            own = [a for a in answers if (a.scene, a.fault) == (scene, fault)]
            told, wrong = sum(a.code != 0 for a in own), sum(bool(a.wrong) for a in own)
            if own:
                lines.append(
                    f"{scene:15} {fault.value:19} {len(done):6} {len(own):7} {told:6} {len(own) - told:9} {wrong:6}"
                )
    names = Counter(a.call.split()[0] for a in answers)
    lines.append(f"{len(answers):,} passes with a failing disk in {seconds:.0f} s; of them failed:")
    lines.append("  " + ", ".join(f"{name} {count}" for name, count in names.most_common()))
    return "\n".join(lines)


def _line(answer: Answer) -> str:
    wrong = "\n    ".join(text[:1500] for text in answer.wrong[:4])
    return f"WRONG {answer.scene} {answer.point} {answer.fault.value}: {answer.call} -> {answer.code}\n    {wrong}"


def _jobs(found: Mapping[str, Sequence[str]], options: argparse.Namespace) -> list[Job]:
    faults = list(Fault) if options.all else [Fault.FULL, Fault.BROKEN]
    scenes = {name: done for name, done in found.items() if not options.scene or name in options.scene}
    points = {name: range(1, len(done) + 1) if options.all else ends(done) for name, done in scenes.items()}
    return [(n, p, f) for n, some in points.items() for p in some for f in faults][options.first :: options.every]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--all", action="store_true", help="every call, and every fault")
    parser.add_argument("--scene", action="append", help="only this scene; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="workers at once")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each n-th point")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="leave out so many points first")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
