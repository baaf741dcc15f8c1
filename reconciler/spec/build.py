"""Builds positioned documents out of YAML events, with a stack of its own instead of recursion.

Bounds are kept as events stream in. Not done here: reading bytes and running the parser (yaml.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from reconciler.spec.document import Node, Rewritten, YamlDocument
from reconciler.spec.position import Position, Problem, Severity
from reconciler.spec.scalar import LOOKS_BOOLEAN, NotAScalar, Scalar, resolve
from reconciler.spec.text import control_character
from reconciler.spec.words import shown

MAX_DEPTH = 64
MAX_ALIASES = 100
MAX_VALUES = 100_000
"""Values in one file; each alias counts for all that it repeats."""
MAX_PROBLEMS = 500
"""Problems told of one file; a file with more of them is not a fleet file that somebody wrote."""
_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
_COLLECTION_TAGS = frozenset({"!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


class Stop(Exception):
    """The rest of the file can't be read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is still open. `key` is the key whose value comes next; `drop` when it was refused."""

    node: Node
    anchor: str | None
    key: str | None = None
    drop: bool = False


class Builder:
    """`documents`, `problems` and `rewritten` scalars of one file, whose text this is; feed it through `handlers`."""

    def __init__(self, file: str, text: str) -> None:
        self.documents: list[YamlDocument] = []
        self.problems: list[Problem] = []
        self.rewritten: list[Rewritten] = []
        self._file = file
        self._text = text
        self._frames: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._aliases = 0
        self._values = 0
        # Any: PyYAML's event classes carry their attributes untyped.
        self.handlers: Mapping[type[yaml.Event], Callable[[Any], None]] = {
            yaml.DocumentStartEvent: self._start,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
        }

    def _start(self, _: yaml.DocumentStartEvent) -> None:
        self._anchors = {}
        self._aliases = 0

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        self._refuse_key(event)
        if len(self._frames) >= MAX_DEPTH:
            self._stop(event, "yaml/depth", f"nesting is deeper than {MAX_DEPTH} levels", "flatten it")
        self._check_tag(event, _COLLECTION_TAGS)
        value: object = {} if type(event) is yaml.MappingStartEvent else []
        self._frames.append(_Frame(_node(event, value), event.anchor))

    def _close(self, _: yaml.MappingEndEvent | yaml.SequenceEndEvent) -> None:
        frame = self._frames.pop()
        frame.node.height += max((child.height for child in frame.node.children.values()), default=0)
        self._finish(frame.node, frame.anchor)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._compare(event)
        frame = self._frames[-1] if self._frames else None
        if frame is not None and frame.key is None and type(frame.node.value) is dict:
            self._key(frame, event)
            return
        self._finish(_node(event, self._value(event)), event.anchor)

    def _compare(self, event: yaml.ScalarEvent) -> None:
        """Keeps the scalar where its value does not stand in the file as it is. Of a block after | each line does."""
        start, end = event.start_mark, event.end_mark
        if event.style != "|" and start and end and event.value not in self._text[start.index : end.index]:
            self.rewritten.append(Rewritten(event.value, start.index, end.index))

    def _alias(self, event: yaml.AliasEvent) -> None:
        self._refuse_key(event)
        name = event.anchor or ""
        node = self._anchors.get(name)
        if node is None:
            inside = any(frame.anchor == name for frame in self._frames)
            what = f"alias *{name} stands inside its own anchor" if inside else f"no anchor &{name} before this alias"
            self._stop(event, "yaml/alias", what, "write the value out")
            return
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._stop(event, "yaml/aliases", f"more than {MAX_ALIASES} aliases in one document", "write values out")
        if len(self._frames) + node.height > MAX_DEPTH:
            self._stop(event, "yaml/depth", f"this alias nests deeper than {MAX_DEPTH} levels", "write the value out")
        self._values += node.size - 1
        self._finish(node, None, event)

    def _key(self, frame: _Frame, event: yaml.ScalarEvent) -> None:
        key: str = event.value
        line, column = _mark(event)
        frame.key = key
        first = frame.node.keys.get(key)
        if first is not None:
            what = f"{shown(key)} is given twice; the first is at line {first[0]}, column {first[1]}"
            self._refuse(event, frame, "yaml/duplicate-key", what, "keep one of them")
        elif key == "<<" and event.implicit[0]:
            what = "the merge key << is not part of YAML 1.2"
            self._refuse(
                event, frame, "yaml/merge-key", what, "write the fields out, or repeat a whole value by an alias"
            )
        elif not key:
            self._refuse(event, frame, "yaml/key", "an empty key", "name the field")
        elif control_character(key) or "\n" in key:
            self._refuse(event, frame, "yaml/key", "a key with control characters", "use plain text")
        else:
            self._check_tag(event, _TEXT_TAGS)
            frame.node.keys[key] = (line, column)
        if event.anchor:
            self._anchors[event.anchor] = _node(event, key)

    def _value(self, event: yaml.ScalarEvent) -> Scalar:
        text: str = event.value
        if event.tag is not None:
            self._check_tag(event, _TEXT_TAGS)
        elif event.implicit[0]:
            return self._plain(event, text)
        if name := control_character(text):
            self._problem(event, "yaml/character", f"text with the control character {name}", "remove it")
        return text

    def _plain(self, event: yaml.ScalarEvent, text: str) -> Scalar:
        try:
            value = resolve(text)
        except NotAScalar as error:
            self._problem(event, "yaml/number", str(error), error.mend)
            return text
        if value is text and text in LOOKS_BOOLEAN:
            meant = LOOKS_BOOLEAN[text]
            what = f"{text} without quotes is text, not {meant}"
            self._problem(event, "yaml/looks-boolean", what, f"write {meant}, or quote it", Severity.WARNING)
        return value

    def _finish(self, node: Node, anchor: str | None, alias: yaml.AliasEvent | None = None) -> None:
        """A value is complete: hang it into the open mapping or list, or end the document with it."""
        self._values += 1
        if self._values > MAX_VALUES:
            at = alias or node
            self._stop(at, "yaml/values", f"the file holds more than {MAX_VALUES:,} values", "split it; use no aliases")
        if anchor:
            self._anchors[anchor] = node
        if not self._frames:
            self._document(node)
            return
        self._attach(self._frames[-1], node)

    def _attach(self, frame: _Frame, node: Node) -> None:
        parent, value = frame.node, frame.node.value
        if isinstance(value, list):
            parent.children[len(value)] = node
            value.append(node.value)
        elif isinstance(value, dict):
            key, dropped = frame.key or "", frame.drop
            frame.key, frame.drop = None, False
            if dropped:
                return
            parent.children[key] = node
            value[key] = node.value
        parent.size += node.size

    def _document(self, node: Node) -> None:
        if node.value is not None:
            self.documents.append(YamlDocument(self._file, node))
            return
        what = "an empty document between separators"
        self._problem(node, "yaml/empty-document", what, "remove the --- that is not needed", Severity.WARNING)

    def _refuse_key(self, event: yaml.Event) -> None:
        """Only plain text can be a key; `{{ x }}` of a template is the usual way to meet this."""
        frame = self._frames[-1] if self._frames else None
        if frame is not None and frame.key is None and type(frame.node.value) is dict:
            self._stop(event, "yaml/key", "a key that is not plain text", "quote the value if it holds braces or stars")

    def _check_tag(self, event: Any, allowed: frozenset[str]) -> None:
        if event.tag is not None and event.tag not in allowed:
            name = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._problem(event, "yaml/tag", f"the tag {shown(name)} is not supported", "leave it out")

    def _refuse(self, event: yaml.Event, frame: _Frame, rule: str, what: str, mend: str) -> None:
        self._problem(event, rule, what, mend)
        frame.drop = True

    def _problem(
        self, at: yaml.Event | Node, rule: str, what: str, mend: str, severity: Severity = Severity.ERROR
    ) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            raise Stop(too_many_problems(self._at(at)))
        self.problems.append(Problem(self._at(at), what, mend, severity, rule))

    def _stop(self, at: yaml.Event | Node, rule: str, what: str, mend: str) -> None:
        raise Stop(Problem(self._at(at), what, mend, rule=rule))

    def _at(self, at: yaml.Event | Node) -> Position:
        line, column = (at.line, at.column) if isinstance(at, Node) else _mark(at)
        return Position(self._file, line, column)


def too_many_problems(at: Position) -> Problem:
    what = f"more than {MAX_PROBLEMS} problems in this file; it is not read beyond this line"
    return Problem(at, what, "mend the first ones, and check again", rule="file/problems")


def _mark(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _node(event: yaml.Event, value: object) -> Node:
    return Node(value, *_mark(event))
