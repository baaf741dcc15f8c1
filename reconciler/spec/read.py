"""One fleet file: bytes to typed documents, with every problem that the file has on its own.

YAML first, then the schema of the document's kind, then typed values; and no secret anywhere, neither in its text as it
is written nor as YAML reads it. Not done here: checks across documents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.spec.build import MAX_PROBLEMS, too_many_problems
from reconciler.spec.document import YamlDocument
from reconciler.spec.explain import explain
from reconciler.spec.finding import Finding, type_name
from reconciler.spec.kinds import KINDS, Record
from reconciler.spec.plain_secrets import excused, plain_secrets
from reconciler.spec.position import Problem, Severity
from reconciler.spec.secret_places import Places
from reconciler.spec.text import decode
from reconciler.spec.typed import typed
from reconciler.spec.words import mend_name, shown
from reconciler.spec.yaml import parse


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A document. `kind` and `name` are as far as it tells them; `record` is None when it has errors."""

    document: YamlDocument
    kind: str | None
    name: str | None
    record: Record | None


@dataclass(frozen=True, slots=True)
class ReadFile:
    """`whole` is False when something in the file could not be read at all, so that we can't know what it declares."""

    documents: tuple[ReadDocument, ...]
    problems: tuple[Problem, ...]
    whole: bool
    excused: frozenset[int] = frozenset()
    """Lines that hold no secret, as their author says."""


@dataclass(slots=True)
class Memo:
    """Remembers what files held by the digest of their bytes; keeps only what the last load used."""

    known: dict[tuple[str, bytes], ReadFile] = field(default_factory=dict)
    used: dict[tuple[str, bytes], ReadFile] = field(default_factory=dict)

    def read(self, file: str, data: bytes, how: Callable[[str, bytes], ReadFile] | None = None) -> ReadFile:
        """The file as `how` reads it, which is `read_file` unless said: of one file always the same."""
        key = (file, hashlib.sha256(data).digest())
        result = self.known.get(key) or (how or read_file)(file, data)
        self.used[key] = result
        return result

    def turn(self) -> None:
        """Ends a load: what it did not use is forgotten."""
        self.known, self.used = self.used, {}


def read_file(file: str, data: bytes) -> ReadFile:
    """Never raises; problems are in the order of the file."""
    parsed = parse(file, data)
    problems = list(parsed.problems)
    faulty = {problem.at for problem in problems if problem.severity is Severity.ERROR}
    documents: list[ReadDocument] = []
    for document in parsed.documents:
        if len(problems) > MAX_PROBLEMS:
            problems.append(too_many_problems(document.at()))
            return ReadFile(tuple(documents), tuple(problems), whole=False)
        read, found = _read_document(document)
        documents.append(read)
        # A value that YAML refused is not judged a second time.
        problems.extend(problem for problem in found if problem.at not in faulty)
    text = decode(file, data)
    if isinstance(text, Problem):
        return ReadFile(tuple(documents), tuple(_without_echoes(problems)), parsed.whole)
    judged = tuple(read.document for read in documents if read.record)
    places = Places(parsed.documents, judged)
    problems = [*_without_echoes(problems), *plain_secrets(file, text, parsed.rewritten, places)]
    return ReadFile(tuple(documents), tuple(problems), parsed.whole, excused(text))


def _read_document(document: YamlDocument) -> tuple[ReadDocument, list[Problem]]:
    kind, name = document.field("kind"), document.field("name")
    result = _check(document, kind)
    if isinstance(result, Record):
        return ReadDocument(document, kind, name, result), []
    known = kind if kind in KINDS else None
    return ReadDocument(document, known, name, None), [finding.in_document(document) for finding in result]


def _check(document: YamlDocument, kind: str | None) -> Record | tuple[Finding, ...]:
    """The kind first: against the schemas of all kinds at once, a slip reads as nonsense."""
    value = document.value
    kinds = ", ".join(KINDS)
    if not isinstance(value, Mapping):
        what = f"a document must be a mapping with a kind, not {type_name(value)}"
        return (Finding("schema/kind", (), what, "begin it with kind: and a name:"),)
    if "kind" not in value:
        return (Finding("schema/kind", (), "kind is missing", f"begin the document with kind: and one of {kinds}"),)
    if kind is None:
        what = f"kind must be a string, not {type_name(value['kind'])}"
        return (Finding("schema/kind", ("kind",), what, f"use one of: {kinds}"),)
    if kind not in KINDS:
        mend = mend_name(kind, KINDS, f"use one of: {kinds}")
        return (Finding("schema/kind", ("kind",), f"unknown kind {shown(kind)}", mend),)
    return tuple(explain(kind, value)) or typed(kind, document)


def _without_echoes(problems: list[Problem]) -> list[Problem]:
    """A warning where an error stands says the same thing twice."""
    faulty = {problem.at for problem in problems if problem.severity is Severity.ERROR}
    return [p for p in problems if p.severity is Severity.ERROR or p.at not in faulty]
