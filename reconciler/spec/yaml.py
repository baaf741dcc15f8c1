"""Reads a fleet file: YAML documents as plain values, with the position of every key and value.

One pass over the parser's events, and nothing is ever composed: nesting, aliases and the number of values are bounded
while they stream in, so that no input can exhaust the stack or the memory (50,000 brackets end PyYAML's own composer
with a segmentation fault). Decisions: scalars by the YAML 1.2 core schema (scalar.py); keys are text, as written;
duplicate keys, custom tags and keys that are not plain text are errors; so is the merge key `<<`, which YAML 1.2 does
not have; anchors and aliases are welcome within bounds. Not done here: what the values mean.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import yaml

from reconciler.spec.build import Builder, Stop
from reconciler.spec.document import Rewritten, YamlDocument
from reconciler.spec.position import Position, Problem
from reconciler.spec.syntax import explain_syntax
from reconciler.spec.text import decode


class Parsed(NamedTuple):
    """What came of reading one file. `whole` is False when a part of it could not be read at all."""

    documents: tuple[YamlDocument, ...]
    problems: tuple[Problem, ...]
    whole: bool
    rewritten: tuple[Rewritten, ...] = ()


class _Events(Protocol):
    def check_event(self) -> bool: ...
    def get_event(self) -> yaml.Event: ...


def parse(file: str, data: bytes) -> Parsed:
    """Every document of the file and every problem in it, in the order they stand in it. Never raises."""
    text = decode(file, data)
    if isinstance(text, Problem):
        return Parsed((), (text,), whole=False)
    builder = Builder(file, text)
    stopped = _read(file, text, builder)
    problems = builder.problems
    if stopped is not None:
        problems.append(stopped)
    elif not builder.documents:
        mend = "declare something in it, or delete it"
        problems.append(Problem(Position(file, 1, 1), "the file declares nothing", mend, rule="yaml/empty-file"))
    return Parsed(tuple(builder.documents), tuple(problems), stopped is None, tuple(builder.rewritten))


def _read(file: str, text: str, builder: Builder) -> Problem | None:
    """Feeds the builder; the problem that ended it early, or None."""
    # The C parser is six times faster; PyYAML comes without it where it was built without libyaml.
    loader: _Events = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    handlers = builder.handlers
    try:
        while loader.check_event():
            event = loader.get_event()
            if handle := handlers.get(type(event)):
                handle(event)
    except Stop as stop:
        return stop.problem
    except yaml.YAMLError as error:
        return explain_syntax(file, text, error)
    return None
