"""Words in messages: names as people can read them safely, the nearest known name, lists of names.

Not done here: deciding what is wrong.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 60
_MANY = 12
_FEW_ENOUGH = 2_000


def shown(text: str) -> str:
    """The text in backticks, on one line, shortened, with control characters escaped."""
    return f"`{_printable(text)}`"


def _printable(text: str) -> str:
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)


def listed(names: Iterable[str]) -> str:
    """Names for a sentence: at most a dozen of them, each as safe to print as a shown one."""
    every = sorted(names)
    more = f" and {len(every) - _MANY} more" if len(every) > _MANY else ""
    return ", ".join(map(_printable, every[:_MANY])) + more


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    by_lower = {candidate.lower(): candidate for candidate in known if candidate.isprintable()}
    if len(by_lower) > _FEW_ENOUGH or len(name) > _LONGEST:  # comparing costs microseconds for each of them
        return None
    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def mend_name(name: str, known: Iterable[str], otherwise: str) -> str:
    """A mend for an unknown name: the nearest known one, or `otherwise`."""
    near = nearest(name, known)
    return f"did you mean {near}?" if near else otherwise
