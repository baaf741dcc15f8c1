"""Secrets in one file alone, whatever it is: a fleet file, a soul, or anything else that a push brings.

Not done here: what a secret looks like (shapes.py), and the rest of the fleet.
"""

from __future__ import annotations

from reconciler.spec.load import fleet_files, load_fleet
from reconciler.spec.other_files import other_secrets
from reconciler.spec.plain_secrets import RULE
from reconciler.spec.position import Problem, Severity
from reconciler.spec.text import decode


def file_secrets(path: str, data: bytes, folder: str) -> tuple[Problem, ...]:
    """Every secret in plain text in the file, in its order; `path` is inside the repository, `folder` the fleet's.

    Never raises.
    """
    if not fleet_files([path], folder) or isinstance(decode(path, data), Problem):
        return tuple(other_secrets(path, data))
    found = [p for p in load_fleet({path: data}, folder).problems if _is_secret(p)]
    return tuple(sorted(dict.fromkeys(found), key=lambda problem: (problem.at, problem.message)))


def _is_secret(problem: Problem) -> bool:
    return problem.rule == RULE and problem.severity is Severity.ERROR
