"""PyYAML's own complaints in words that say what to do. Not done here: anything that PyYAML accepts."""

from __future__ import annotations

import yaml

from reconciler.spec.position import Position, Problem
from reconciler.spec.text import line_at

_MENDS = {
    "mapping values are not allowed": "a colon stands where none can: quote the value, or mend the indentation",
    "could not find expected ':'": "a key needs a colon and a space after it",
    "did not find expected key": "check the indentation, and quote values that begin with a quote or a bracket",
    "did not find expected '-' indicator": "items of one list begin in one column",
    "did not find expected node content": "write a value here, or close the bracket",
    "did not find expected ',' or": "close the bracket, or put a comma before the next item",
    "unexpected end of stream": "close the quote or the bracket",
    "did not find expected <document start>": "separate documents by a line with ---",
    "block sequence entries are not allowed": "put the list on lines of its own below the key",
    "found unknown escape character": "double the backslash, or use single quotes",
}
_CANT_START = frozenset("@`%")


def explain_syntax(file: str, text: str, error: yaml.YAMLError) -> Problem:
    """The problem, where it stands, and a mend where one is known."""
    mark = None
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
    if mark is None:
        return Problem(Position(file, 1, 1), "this is not YAML", "check the file with an editor", rule="yaml/syntax")
    at = Position(file, mark.line + 1, mark.column + 1)
    what = str(getattr(error, "problem", None) or "this is not YAML")
    if "maximum nesting depth" in what:  # libyaml's own bound, which it may meet before ours: it reads ahead
        return Problem(at, "nesting is deeper than any fleet needs", "flatten it", rule="yaml/depth")
    line = line_at(text, mark.line)
    character = line[mark.column : mark.column + 1]
    if character == "\t" or "tab character" in what:
        return Problem(at, "a tab where YAML wants spaces", "indent with spaces", rule="yaml/tab")
    if character in _CANT_START and "cannot start" in what:
        return Problem(at, f"{character} can't begin a value", "quote the value", rule="yaml/syntax")
    mend = next((mend for part, mend in _MENDS.items() if part in what), "")
    return Problem(at, f"this is not YAML: {what}", mend, rule="yaml/syntax")
