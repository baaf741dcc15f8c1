"""The error tree: three ways a thing can fail, each with its own exit code and treatment.

Terminal   nothing will change by trying again: a person has to mend the input (exit 1)
Retryable  the world is in the way right now: the next pass tries again (exit 1)
Refused    a policy or a stale plan says no, on purpose (exit 3)
Interrupted  somebody asked to stop (exit 130)

Anything else that escapes is a bug and is reported as one by the face that catches it.
Not done here: printing. Faces print `what`, `where` and `mend`.
"""

from __future__ import annotations


class ReconcilerError(Exception):
    """An expected failure. `what` happened, `where` (file, key, address), and how to `mend` it."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        mend = f" ({self.mend})" if self.mend else ""
        return f"{place}{self.what}{mend}"


class Terminal(ReconcilerError):
    """Trying again changes nothing; a person mends the input."""


class Retryable(ReconcilerError):
    """Something outside is in the way; the next pass tries again."""


class Refused(ReconcilerError):
    """Policy, a pause or a stale plan says no."""

    exit_code = 3


class Interrupted(ReconcilerError):
    """A person or the system asked to stop; what was begun is resumed by the next pass."""

    exit_code = 130
