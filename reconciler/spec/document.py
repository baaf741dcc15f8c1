"""One YAML document: its plain value, and the position of every key and value in it.

Made by `yaml.parse`. A node that an alias repeats is one object: its position is where it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.spec.position import Position

Path = tuple[str | int, ...]
"""Keys of mappings and indexes of lists, from the root of a document."""


@dataclass(slots=True)
class Node:
    """A value where it stands. `line` and `column` count from 1; `size` is the number of values below and at it, each
    alias counted again; `height` the levels of nesting."""

    value: object
    line: int
    column: int
    children: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    size: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A key or value that reads otherwise than it is written: escapes, folded lines, doubled quotes. `start` and `end`
    are indexes in the text of the file."""

    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A document of a fleet file. `value` is made of dict, list, str, int, float, bool and None; keys are text."""

    file: str
    root: Node

    @property
    def value(self) -> object:
        return self.root.value

    def at(self, *path: str | int) -> Position:
        """Where the value at the path stands; for a path that is not there, the nearest value above it."""
        node = self._node(path)
        return Position(self.file, node.line, node.column)

    def key(self, *path: str | int) -> Position:
        """Where the key at the end of the path stands; for an item of a list, the item."""
        mark = self._node(path[:-1]).keys.get(str(path[-1])) if path else None
        return Position(self.file, *mark) if mark else self.at(*path)

    def has(self, *path: str | int) -> bool:
        node: Node | None = self.root
        for step in path:
            node = node.children.get(step) if node else None
        return node is not None

    def nodes(self) -> Iterator[tuple[Path, Node]]:
        """Every value with its path, those of mappings and lists before what is in them; one that aliases repeat once
        for each."""
        pending: list[tuple[Path, Node]] = [((), self.root)]
        while pending:
            path, node = pending.pop()
            yield path, node
            pending.extend(((*path, step), child) for step, child in node.children.items())

    def _node(self, path: Sequence[str | int]) -> Node:
        node = self.root
        for step in path:
            child = node.children.get(step)
            if child is None:
                return node
            node = child
        return node

    def field(self, name: str) -> str | None:
        """A text field of the root mapping, such as `kind`; None when it is not there or not text."""
        value = self.value.get(name) if isinstance(self.value, Mapping) else None
        return value if isinstance(value, str) else None
