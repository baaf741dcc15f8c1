"""Where things stand in YAML text: the entry of a key, the end of its colon, the true end of its value.

Not done here: parsing (yaml_tree.py), changing text.
"""

from __future__ import annotations

import re

from reconciler.adapters.keyed_errors import Unwritable
from reconciler.adapters.yaml_tree import Node

_COLON = re.compile(r"[ \t]*:")


def find(node: Node, part: str) -> tuple[Node, Node] | None:
    return next((pair for pair in reversed(node.pairs) if pair[0].key == part), None)


def colon_of(text: str, key: Node) -> int:
    """Where the value of a key begins: behind its colon."""
    found = _COLON.match(text, key.end)
    if found is None:
        raise Unwritable("the key is written in a form that is not edited (`? key`)")
    return found.end()


def true_end(text: str, node: Node, floor: int) -> int:
    """Where the node's own text ends; the parser counts the blank lines and comments behind a block as part of it."""
    if node.kind == "block":
        header = text[node.start : text.find("\n", node.start) if "\n" in text[node.start : node.end] else node.end]
        if "+" in header.split("#")[0]:
            return node.end - 1 if text[node.end - 1] == "\n" else node.end
        return node.start + max(len(header.rstrip()), len(text[node.start : node.end].rstrip()))
    if node.flow or node.kind in {"scalar", "alias"}:
        return max(node.end, floor)
    if node.kind == "map" and node.pairs:
        return pair_end(text, node.pairs[-1])
    return true_end(text, node.items[-1], floor) if node.items else max(node.end, floor)


def pair_end(text: str, pair: tuple[Node, Node]) -> int:
    key, value = pair
    return true_end(text, value, key.end)
