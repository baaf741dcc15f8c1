"""Removes single keys from YAML text, with the lines that they stand on and nothing else.

Not done here: setting keys; checking that the result reads as it should (keyed.py).
"""

from __future__ import annotations

import copy

from reconciler.adapters.keyed_errors import Unwritable
from reconciler.adapters.yaml_edit import replace_value
from reconciler.adapters.yaml_emit import Style
from reconciler.adapters.yaml_spans import colon_of, find, pair_end
from reconciler.adapters.yaml_tree import Node, load, parse
from reconciler.plan.value import FieldPath

_MAX_REPEATS = 100
Entry = tuple[Node, Node]


def remove_key(text: str, path: FieldPath) -> str:
    """The text without the key at `path`, and without a section that held nothing else. A mapping that has keys of its
    own stays, since they are somebody else's; an absent key is a no-op."""
    for _ in range(_MAX_REPEATS):  # a repeated key would come back to life, so all of them go
        shorter = _remove_once(text, path)
        if shorter is None:
            return text
        text = shorter
    raise Unwritable(f"the key stands there more than {_MAX_REPEATS} times", path)


def _remove_once(text: str, path: FieldPath) -> str | None:
    """None when there is nothing to remove."""
    node = parse(text).root
    chain: list[tuple[Node, Entry]] = []
    for depth, part in enumerate(path):
        pair = find(node, part) if node is not None and node.kind == "map" else None
        if node is None or pair is None:
            return None
        chain.append((node, pair))
        node = pair[1]
        if node.kind == "alias":
            return _remove_shared(text, path, depth, chain)
    if node is None or (node.kind == "map" and node.pairs):
        return None
    while len(chain) > 1 and len(chain[-1][0].pairs) == 1:
        _, pair = chain[-2]
        if _has_comment(text, pair):
            return _emptied(text, pair, chain[-1][0])
        chain.pop()
    return _cut(text, *chain[-1])


def _remove_shared(text: str, path: FieldPath, depth: int, chain: list[tuple[Node, Entry]]) -> str | None:
    """The key is an alias, or lies inside what an alias stands for, which others may share."""
    data = load(text)
    for part in path[: depth + 1]:
        data = data[part] if isinstance(data, dict) else None
    rest = path[depth + 1 :]
    if not rest:
        return None if isinstance(data, dict) and data else _cut(text, *chain[-1])
    tree = copy.deepcopy(data)
    node: object = tree
    for part in rest[:-1]:
        node = node.get(part) if isinstance(node, dict) else None
    if not isinstance(node, dict) or rest[-1] not in node or (isinstance(node[rest[-1]], dict) and node[rest[-1]]):
        return None
    del node[rest[-1]]
    return replace_value(text, *chain[-1], tree, Style())


def _has_comment(text: str, pair: Entry) -> bool:
    """Whether a comment stands inside the lines of a section, from its key to its last value."""
    key, value = pair
    stop = text.find("\n", pair_end(text, pair))
    masked = list(text[: len(text) if stop == -1 else stop])
    stack = [value]
    while stack:
        node = stack.pop()
        if node.kind in {"scalar", "block"}:
            # The line of `|` may carry a comment; its text may not.
            start = text.find("\n", node.start) if node.kind == "block" else node.start
            masked[start : node.end] = "x" * (min(node.end, len(masked)) - start)
        stack += [part for entry in node.pairs for part in entry] + node.items
    return "#" in "".join(masked[key.end :])


def _emptied(text: str, pair: Entry, inner: Node) -> str:
    """A section that loses its only key but keeps its comments."""
    colon = colon_of(text, pair[0])
    shorter = _cut(text, inner, inner.pairs[0])
    return shorter if inner.flow else f"{shorter[:colon]} {{}}{shorter[colon:]}"


def _cut(text: str, node: Node, pair: Entry) -> str:
    """The text without one entry of a mapping, with the whole lines that it stands on."""
    key = pair[0]
    end = max(pair_end(text, pair), colon_of(text, key) if not node.flow else 0)
    if node.flow:
        return _cut_flow(text, node, pair, end)
    start = text.rfind("\n", 0, key.start) + 1
    if text[start : key.start].strip(" "):
        raise Unwritable("the key shares its line with something else")
    line_end = text.find("\n", end)
    return text[:start] + (text[line_end + 1 :] if line_end != -1 else "")


def _cut_flow(text: str, node: Node, pair: Entry, end: int) -> str:
    place = next(index for index, entry in enumerate(node.pairs) if entry is pair)
    if place + 1 < len(node.pairs):
        return text[: pair[0].start] + text[node.pairs[place + 1][0].start :]
    if place:
        return text[: pair_end(text, node.pairs[place - 1])] + text[end:]
    brace = text.index("{", node.start)
    return text[: brace + 1] + text[node.end - 1 :]
