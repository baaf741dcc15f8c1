"""`python -m tests.fuzz [--count 10000] [--seed N]`: generated fleets through load, check, expand, plan, text.

Exit code 1 when one of them raised, hung, or was refused without a place; its files are kept, and said where.
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import time
import traceback

from tests.fuzz.run import Broken, Tally, fuzz, sweep
from tests.fuzz.way import LIMIT

STAGES = {
    "bytes": "refused as bytes",
    "yaml": "refused as YAML",
    "schema": "refused by a schema",
    "check": "refused by a check across the fleet",
    "expand": "refused when expanded",
    "plan": "accepted and planned",
}


def main() -> int:
    options = _options()
    # Where even the limit can't interrupt: inside C code. Then all stacks are printed and the process ends.
    faulthandler.enable()
    began = time.monotonic()

    def seen(tally: Tally) -> None:
        faulthandler.dump_traceback_later(60 * LIMIT, exit=True)
        if tally.count % 1000 == 0:
            print(f"{tally.count:,} fleets, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    try:
        tally = fuzz(options.count, options.seed, seen)
        print(table(tally, f"seed {options.seed}", time.monotonic() - began), flush=True)
        began = time.monotonic()
        swept = sweep(seen=seen)
        print(table(swept, "each trap at each value", time.monotonic() - began), flush=True)
    except Broken as error:
        traceback.print_exception(error.__cause__)
        print(f"\n{error}\nseed {options.seed}; try: reconciler validate {error.folder}/fleet")
        return 1
    finally:
        faulthandler.cancel_dump_traceback_later()
    return 0


def table(tally: Tally, what: str, seconds: float) -> str:
    lines = [f"{what}: {tally.count:,} generated fleets in {seconds:.0f} s, no traceback, no hang"]
    lines += [f"  {tally.stages[s]:>7,}  {tally.stages[s] / tally.count:6.1%}  {words}" for s, words in STAGES.items()]
    lines.append(
        f"  {tally.changes:,} changes planned and shown; {len(tally.rules)} different rules refused something:"
    )
    lines.append("    " + ", ".join(f"{rule} {count}" for rule, count in tally.rules.most_common()))
    lines.append(f"  slowest: {tally.slowest:.3f} s ({STAGES[tally.slowest_stage]}); the limit is {LIMIT:.0f} s")
    lines.append(f"  mean: {1000 * tally.seconds / tally.count:.1f} ms")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=20_260_331)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
