"""Reads the YAML that agents write, as their own parser does (PyYAML, safe, YAML 1.1), with every span of the text.

Guards run on the stream of events, before anything is built: nesting over 64 crashes the C parser's composer, and an
alias bomb grows without bound. Of a repeated key the last one counts, as PyYAML has it. Not done here: changing text.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from reconciler.adapters.keyed_errors import Unreadable
from reconciler.plan.value import FieldPath, known

MAX_DEPTH = 64
MAX_NODES = 200_000
LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MEND = "mend the file by hand; the program would fall back to its defaults"
_STRING = "tag:yaml.org,2002:str"
# What PyYAML's constructors let escape for values such as 2024-13-45, `!!int ""` or a number of 5,000 digits.
_BAD_VALUES = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError)


@dataclass(slots=True)
class Node:
    """One node with its span in the text. `key` is its text when it is a scalar that reads as a string.

    `kind` is scalar, block (a literal or folded scalar), map, list or alias. `size` counts nodes with aliases expanded.
    """

    kind: str
    start: int
    end: int
    column: int
    flow: bool = False
    key: str | None = None
    anchor: str | None = None
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    size: int = 1


@dataclass(frozen=True, slots=True)
class Document:
    """`root` is None for an empty stream; `end` is where the document's text ends (before an explicit `...`)."""

    root: Node | None
    end: int


def load(text: str) -> object:
    """The document as plain Python data; None when it is empty."""
    parse(text)
    try:
        return yaml.load(text, Loader=LOADER)  # noqa: S506 - LOADER is a safe loader
    except yaml.YAMLError as error:
        raise _unreadable(text, error) from error
    except _BAD_VALUES as error:
        raise Unreadable(1, 1, f"a value can't be read ({error})", _MEND) from error


def leaves(text: str) -> Mapping[FieldPath, object]:
    """Every leaf by path; empty mappings and lists are leaves. An empty document has none."""
    data = load(text)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise Unreadable(1, 1, "the file does not hold keys and values at its top", _MEND)
    try:
        found = dict(_flat(data, ()))
        known(list(found.values()))
    except _BAD_VALUES as error:
        raise Unreadable(1, 1, f"a value can't be read ({error})", _MEND) from error
    return found


def _flat(data: Mapping[object, object], path: FieldPath) -> Iterator[tuple[FieldPath, object]]:
    for name, value in data.items():
        here = (*path, _name(name))
        if isinstance(value, dict) and value:
            yield from _flat(value, here)
        else:
            yield here, plain(value)


def _name(key: object) -> str:
    """A key that is no string gets a name that no sensible string key has: `!int 1` beside `1`."""
    return key if isinstance(key, str) else f"!{type(key).__name__} {known(plain(key)).text}"


def plain(value: object) -> object:
    """JSON-like form. What JSON has no word for is marked, so that the date 2024-01-01 is not the text of it."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {_name(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set):
        return {"!set": sorted(_name(item) for item in value)}
    if isinstance(value, datetime.date):
        return {"!date": value.isoformat()}
    return {f"!{type(value).__name__}": value.hex() if isinstance(value, bytes) else str(value)}


def parse(text: str) -> Document:
    """The tree of the first document; refuses what is too deep, too large or refers to itself."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        raise _unreadable(text, error) from error
    end = len(text) if builder.end is None else builder.end
    return Document(builder.root, end)


def _unreadable(text: str, error: yaml.YAMLError) -> Unreadable:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if "maximum nesting depth" in str(problem):  # libyaml's own bound, which it may meet first: it reads ahead
        problem = f"nested more than {MAX_DEPTH} levels deep"
    if mark is not None:
        return Unreadable(mark.line + 1, mark.column + 1, str(problem), _MEND)
    before = text[: getattr(error, "position", 0) or 0]
    return Unreadable(before.count("\n") + 1, len(before) - before.rfind("\n"), str(problem), _MEND)


class _Builder:
    """Puts the events of a stream together, without recursion."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.end: int | None = None
        self._open: list[Node] = []
        self._waiting: list[Node | None] = []
        """For each open mapping the key whose value comes next."""
        self._anchors: dict[str, Node] = {}
        self._resolve: Callable[..., str] = yaml.resolver.Resolver().resolve

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            node = self._open.pop()
            self._waiting.pop()
            start, end, _ = _span(event)
            node.end = end if node.flow else start
            self._add(node)
        elif isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event))
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._alias(event))
        elif isinstance(event, yaml.DocumentEndEvent) and self.end is None and event.explicit:
            self.end = _span(event)[0]

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise _RefusedError(event, f"nested more than {MAX_DEPTH} levels deep")
        kind = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
        start, _, column = _span(event)
        node = Node(kind, start, start, column, bool(event.flow_style), anchor=event.anchor)
        self._open.append(node)
        self._waiting.append(None)

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._resolve(yaml.ScalarNode, event.value, event.implicit)
        kind = "block" if event.style in {"|", ">"} else "scalar"
        start, end, column = _span(event)
        key = event.value if tag == _STRING else None
        return Node(kind, start, end, column, key=key, anchor=event.anchor)

    def _alias(self, event: yaml.AliasEvent) -> Node:
        target = self._anchors.get(event.anchor or "")
        if target is None:
            raise _RefusedError(event, f"the alias *{event.anchor} refers to nothing before it, or to itself")
        start, end, column = _span(event)
        return Node("alias", start, end, column, anchor=event.anchor, size=target.size)

    def _add(self, node: Node) -> None:
        if node.anchor and node.kind != "alias":
            self._anchors[node.anchor] = node
        if not self._open:
            self.root = node if self.root is None else self.root
            return
        parent = self._open[-1]
        parent.size += node.size
        if parent.size > MAX_NODES:
            raise yaml.YAMLError("its aliases or size make it too large to read safely")
        if parent.kind == "list":
            parent.items.append(node)
            return
        key = self._waiting[-1]
        self._waiting[-1] = node if key is None else None
        if key is not None:
            parent.pairs.append((key, node))


def _span(event: yaml.Event) -> tuple[int, int, int]:
    """(start, end, column of the start), counted in characters."""
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        raise yaml.YAMLError("the parser tells no positions")
    return start.index, end.index, start.column


class _RefusedError(yaml.YAMLError):
    """Well-formed, and not safe to read."""

    def __init__(self, event: yaml.Event, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.problem_mark = event.start_mark
