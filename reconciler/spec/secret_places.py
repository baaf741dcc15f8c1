"""Where in a fleet file a string stands: which mend can be followed there, and whether its name is judged elsewhere.

Not done here: finding secrets (plain_secrets.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from reconciler.spec.document import Path, YamlDocument
from reconciler.spec.position import Position

INSTEAD = "put {age: ...} there, which `reconciler secret encrypt` prints, or {env: NAME} or {file: /path}"
ELSEWHERE = "take it out; a secret goes under env of a wizard or model, as {age: ...}, {env: NAME} or {file: /path}"


@dataclass(frozen=True)
class Places:
    """The values of documents; names in those that are `judged`, as they have no errors, are gone through elsewhere."""

    documents: tuple[YamlDocument, ...] = ()
    judged: tuple[YamlDocument, ...] = ()

    def mend(self, at: Position, line: str) -> str:
        """What to do about a secret there, in this line."""
        before = line[: at.column - 1]
        is_comment = before.lstrip().startswith("#") or " #" in before
        index = bisect_right(self._values, (at.line, at.column), key=lambda value: value[0]) - 1
        takes_reference = index >= 0 and not is_comment and _takes_reference(self._values[index][1])
        return INSTEAD if takes_reference else ELSEWHERE

    def is_judged(self, at: Position) -> bool:
        """Whether a value begins there, or behind a quote, whose name is judged."""
        return not self._judged.isdisjoint(((at.line, at.column), (at.line, at.column - 1)))

    @cached_property
    def _values(self) -> list[tuple[tuple[int, int], Path]]:
        return sorted(_values(self.documents), key=lambda value: value[0])

    @cached_property
    def _judged(self) -> frozenset[tuple[int, int]]:
        return frozenset(at for at, path in _values(self.judged) if path[:1] in (("env",), ("config",)))


def _values(documents: Iterable[YamlDocument]) -> Iterable[tuple[tuple[int, int], Path]]:
    for document in documents:
        for path, node in document.nodes():
            yield (node.line, node.column), path


def _takes_reference(path: Path) -> bool:
    match path:
        case ("env", _) | ("api_key",) | ("telegram", "token"):
            return True
        case _:
            return False
