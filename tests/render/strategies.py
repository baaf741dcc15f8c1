"""Generated plans and hosts full of text that wants to do harm."""

from __future__ import annotations

from hypothesis import strategies as st

from reconciler.plan.change import Action, Cause, Change, Disposition, FieldChange, Plan, Reason, Refusal
from reconciler.plan.held import Stored
from reconciler.plan.resource import (
    CodebaseVersion,
    Directory,
    Format,
    KeyedFile,
    OwnedKey,
    Process,
    PypiInstall,
    Resource,
    Symlink,
    TextFile,
)
from reconciler.plan.status import Evidence, HostStatus, WizardState, WizardStatus
from reconciler.plan.value import Hidden, SecretRef, known
from tests.render.plans import body

HARM = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b2J",
    "\x00",
    "\r\n",
    "\u2028",
    "\u202egnp.exe",
    "\u200b",
    "\ud800",
    "```",
    "\n```\n",
    "``````````",
    "~~~",
    "</code></summary></details>",
    "<script>alert(1)</script>",
    "<!--",
    "[link](https://evil.example)",
    "![image](https://evil.example/x.png)",
    "https://evil.example",
    "www.evil.example",
    "@everyone",
    "#1",
    "| a | b |",
    "\\|",
    "**bold**",
    "\n# Heading\n",
    "\n---\n",
    "&lt;",
)
DIGEST = "d19e57"
texts = st.lists(st.sampled_from(HARM) | st.text(max_size=12), max_size=4).map("".join)
digests = st.text("0123456789abcdef", min_size=26, max_size=26).map(lambda text: DIGEST + text)
hidden = digests.map(Hidden)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
values = json_values.map(known) | hidden
paths = st.lists(texts, min_size=1, max_size=4).map(tuple)
wizards = st.none() | texts
refs = st.builds(SecretRef, st.sampled_from(["generate", "env", "file"]), texts)
keys = st.lists(st.builds(OwnedKey, paths, json_values.map(known) | refs), max_size=3).map(tuple)
modes = st.integers(0, 0o777)
sources = st.builds(PypiInstall, texts, texts, st.lists(texts, max_size=2).map(tuple))
processes = st.builds(
    lambda key, wizard, program, values: Process(
        **{
            **{name: getattr(_BODY, name) for name in _BODY.__slots__},
            "key": key,
            "wizard": wizard,
            "program": program,
            "start_values": values,
        }
    ),
    texts,
    wizards,
    texts,
    keys,
)
_BODY = body("ezra", 8643)
resources: st.SearchStrategy[Resource] = st.one_of(
    st.builds(Directory, texts, wizards, texts, modes),
    st.builds(TextFile, texts, wizards, texts, modes, texts),
    st.builds(KeyedFile, texts, wizards, texts, modes, st.sampled_from(Format), keys),
    st.builds(Symlink, texts, wizards, texts, texts),
    st.builds(CodebaseVersion, texts, wizards, texts, sources),
    processes,
)
causes = st.sampled_from(Cause)
sides = st.none() | values
fields = st.builds(FieldChange, paths | st.just(("text",)) | st.just(("mode",)), sides, sides, causes)
inputs = st.builds(lambda a, b: FieldChange(("inputs",), known(a), known(b), Cause.NEEDS), digests, digests)
reasons = st.lists(st.builds(Reason, causes, texts), min_size=1, max_size=2).map(tuple)
stored = st.none() | st.builds(Stored, texts, texts, texts)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    resource = draw(resources)
    found = draw(st.lists(fields, max_size=4))
    if isinstance(resource, Process):
        found.append(draw(inputs))
    return Change(
        key=resource.key,
        wizard=resource.wizard,
        action=draw(st.sampled_from(Action)),
        resource=resource,
        reasons=draw(reasons),
        fields=tuple(found),
        disposition=draw(st.sampled_from(Disposition)),
        obstacle=draw(texts),
        stored=draw(stored),
    )


def _tuples(strategy: st.SearchStrategy[object], size: int = 3) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, max_size=size).map(tuple)


plans = st.builds(
    Plan,
    host=texts,
    commit=texts,
    changes=_tuples(changes(), 6),
    steps=st.just(()),
    refusals=_tuples(st.builds(Refusal, texts, texts)),
    warnings=_tuples(texts),
    undeclared=_tuples(st.tuples(texts, _tuples(texts, 8))),
    unenforced=_tuples(texts),
    wizards=_tuples(texts),
)
evidence = st.builds(Evidence, texts, texts, st.none() | st.floats(0, 1e6))
wizard_statuses = st.builds(
    WizardStatus,
    name=texts,
    role=texts,
    desired=texts,
    observed=st.sampled_from(WizardState),
    healthy=st.booleans(),
    port=st.integers(1, 65535),
    model=texts,
    codebase=texts,
    revision=texts,
    since=texts,
    why=texts,
    pid=st.none() | st.integers(1, 99999),
    paused=texts,
    evidence=_tuples(evidence),
    differences=_tuples(texts),
    unmanaged=_tuples(texts),
)
hosts = st.builds(
    HostStatus,
    host=texts,
    at=texts,
    commit=texts,
    subject=texts,
    result=texts,
    notices=_tuples(texts),
    wizards=_tuples(wizard_statuses),
)
