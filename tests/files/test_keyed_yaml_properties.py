"""Any edits on any YAML: PyYAML reads back what was set, everything else stays, comments too."""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.adapters import keyed
from reconciler.adapters.yaml_emit import inline
from reconciler.plan.resource import Format
from reconciler.protocols.files import KeyEdit

TRICKY = ["no", "on", "12:30", "0777", "1_000", "2024-01-01", "~", "null", "1e3", ".5", "", " x ", "a: b", "# c", "- x"]
TRICKY += [
    "{a}",
    "[",
    "*a",
    "&a",
    "!x",
    "%",
    "@",
    "`",
    "a\nb",
    "=",
    "<<",
    "---",
    "...",
    "ü€😀",
    "\x85",
    "\u2028",
    "x #y",
    "'",
    '"',
]
texts = st.sampled_from(TRICKY) | st.text(
    st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\0"), max_size=8
)
names = st.sampled_from(["a", "b", "c", "d"]) | texts
scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | texts
items = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
maps = st.recursive(
    st.dictionaries(names, scalars | st.lists(items, max_size=3), max_size=4),
    lambda inner: st.dictionaries(names, inner | scalars, max_size=4),
    max_leaves=12,
)
paths = st.lists(names, min_size=1, max_size=3).map(tuple)
new_values = st.none() | (items | st.just({})).map(json.dumps)


def places(tree: dict[str, object], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key and section that stands there."""
    for name, value in tree.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from places(value, (*path, name))


def edits(tree: dict[str, object]) -> st.SearchStrategy[list[tuple[tuple[str, ...], str | None]]]:
    """Mostly of what is there, or below it."""
    standing = st.sampled_from(list(places(tree))) if tree else paths
    below = st.builds(lambda path, name: (*path, name), standing, names)
    return st.lists(
        st.tuples(standing | standing | below | paths, new_values),
        min_size=1,
        max_size=4,
        unique_by=lambda edit: edit[0],
    )


def written(
    tree: dict[str, object], draw: st.DataObject, path: tuple[str, ...] = (), indent: int = 0
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(line, path of the key it speaks about), with comments above keys and behind them."""
    pad = " " * indent
    for name, value in tree.items():
        here = (*path, name)
        if draw.draw(st.booleans()):
            yield f"{pad}# about {json.dumps(here)}", here
        tail = draw.draw(st.sampled_from(["", "", "  # tail"]))
        style = draw.draw(st.sampled_from(["block", "block", "flow"]))
        if isinstance(value, dict) and value and style == "block":
            yield f"{pad}{inline(name)}:{tail}", here
            yield from written(value, draw, here, indent + draw.draw(st.sampled_from([1, 2, 4])))
        elif isinstance(value, list) and value and style == "block":
            dash = draw.draw(st.sampled_from([0, 2]))
            yield f"{pad}{inline(name)}:{tail}", here
            yield from ((f"{pad}{' ' * dash}- {inline(item)}{tail}", here) for item in value)
        else:
            yield f"{pad}{inline(name)}: {inline(value)}{tail}", here
        if draw.draw(st.integers(0, 5)) == 0:
            yield "", here


def related(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return one[: len(other)] == other or other[: len(one)] == one


def subtree(data: object, path: tuple[str, ...]) -> object:
    for part in path:
        data = data[part] if isinstance(data, dict) and part in data else ...
    return data


@given(tree=maps, data=st.data())
def test_edits_are_exact_and_touch_nothing_else(tree: dict[str, object], data: st.DataObject) -> None:
    changes = data.draw(edits(tree))
    chosen = [(p, v) for i, (p, v) in enumerate(changes) if not any(related(p, q) for q, _ in changes[:i])]
    lines = list(written(tree, data))
    text = "\n".join(line for line, _ in lines) + data.draw(st.sampled_from(["\n", "", "\n\n# end\n"]))
    before = keyed.leaves(Format.YAML, text.encode())
    changed = keyed.edited(Format.YAML, text.encode(), [KeyEdit(p, v) for p, v in chosen]).decode()
    after = yaml.safe_load(changed)
    for path, value in chosen:
        seen = subtree(after, path)
        if value is not None:
            assert json.dumps(seen) == json.dumps(json.loads(value))
        else:
            assert seen is ... or (isinstance(seen, dict) and seen)
    fields = keyed.leaves(Format.YAML, changed.encode())
    for path, old in before.items():
        if not any(related(path, p) for p, _ in chosen):
            assert json.dumps(fields[path]) == json.dumps(old)
    for line, path in lines:
        inside = any(len(path) > len(p) and related(path, p) for p, _ in chosen)
        if line.strip().startswith("# about") and not inside:
            assert line in changed.split("\n")
    again = keyed.edited(Format.YAML, changed.encode(), [KeyEdit(p, v) for p, v in chosen]).decode()
    assert again == changed
