"""Loads a fleet: the files of one commit to a checked, typed fleet, or to every problem in them at once.

Files ending in .yaml or .yml below the fleet folder are fleet files, in any layout; files and folders whose names begin
with a dot are not. Other files count only where a wizard names them as its soul, but none of them may hold a secret.
Never raises for what is in them.
Not done here: what the folder may hold besides plain files (contents.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.spec.check import check
from reconciler.spec.desired import DesiredFleet, Loaded
from reconciler.spec.draft import Draft, Entry, draft
from reconciler.spec.kinds import Fleet
from reconciler.spec.other_files import read_other
from reconciler.spec.plain_secrets import RULE
from reconciler.spec.position import Position, Problem, Severity
from reconciler.spec.read import Memo, ReadFile
from reconciler.spec.souls import read_souls

_ENDINGS = (".yaml", ".yml")


def load_fleet(
    files: Mapping[str, bytes], folder: str, memo: Memo | None = None, faults: Sequence[Problem] = ()
) -> Loaded:
    """The fleet below `folder` (a path inside the repository; "" or "." for all of it).

    `files` are path inside the repository -> bytes. Problems are sorted by place. With a memo kept between calls, files
    whose bytes are the same are not read again; one memo serves one caller at a time. `faults` are about files and
    folders that are there and can't be used: they are told among the others, and what they may declare is not missed.
    """
    folder = _inside(folder)
    memo = memo if memo is not None else Memo()
    read = {path: memo.read(path, files[path]) for path in fleet_files(files, folder)}
    read |= {path: memo.read(path, files[path], read_other) for path in _others(files, folder) if path not in read}
    memo.turn()
    drafted = draft([*read.values(), ReadFile((), tuple(faults), whole=not faults)])
    souls, missing = read_souls(drafted, files, folder, [problem.at.file for problem in faults])
    checked = (p for p in check(drafted, folder) if not _excused(p, read))
    found = [*faults, *(p for file in read.values() for p in file.problems), *checked, *missing]
    problems = tuple(sorted(dict.fromkeys(found), key=lambda p: (p.at, p.message)))
    if drafted.fleet is None or any(p.severity is Severity.ERROR for p in problems):
        return Loaded(None, problems)
    return Loaded(_desired(drafted, drafted.fleet, souls), problems)


def fleet_files(paths: Iterable[str], folder: str) -> list[str]:
    """Those of the paths inside the repository that declare parts of the fleet in `folder`, sorted."""
    return [path for path in sorted(paths) if is_fleet_file(path, _inside(folder))]


def _others(paths: Iterable[str], folder: str) -> list[str]:
    return [path for path in sorted(paths) if path.startswith(f"{folder}/" if folder else "")]


def _inside(folder: str) -> str:
    return folder.strip("/").removeprefix("./") if folder != "." else ""


def _excused(problem: Problem, read: Mapping[str, ReadFile]) -> bool:
    return problem.rule == RULE and problem.at.line in read[problem.at.file].excused


def is_fleet_file(path: str, folder: str) -> bool:
    """Whether the file at `path` declares parts of the fleet in `folder`."""
    prefix = f"{folder}/" if folder else ""
    parts = path.removeprefix(prefix).split("/")
    return path.startswith(prefix) and path.lower().endswith(_ENDINGS) and not any(p.startswith(".") for p in parts)


def _desired(drafted: Draft, fleet: Entry[Fleet], souls: Mapping[str, str]) -> DesiredFleet:
    return DesiredFleet(
        fleet=fleet.record,
        wizards={name: entry.record for name, entry in drafted.wizards.items()},
        services={name: entry.record for name, entry in drafted.services.items()},
        codebases={name: entry.record for name, entry in drafted.codebases.items()},
        models={name: entry.record for name, entry in drafted.models.items()},
        crons={name: entry.record for name, entry in drafted.crons.items()},
        tasks={name: entry.record for name, entry in drafted.tasks.items()},
        positions=_positions(drafted),
        souls=souls,
    )


def _positions(drafted: Draft) -> dict[tuple[str, str], Position]:
    return {(read.kind, read.name): read.document.at() for read in drafted.documents if read.kind and read.name}
