"""Sets single keys in YAML text by cutting and inserting at the spans that the parser reports.

Every byte that is not part of the edit stays: comments, order, quotes, indentation, line widths. (A round trip through
a dumper, ruamel.yaml's too, loses the comments behind a removed key and rewrites scalars.) An anchor or odd syntax that
makes an edit unsafe is not guessed at: keyed.py reads the result back and refuses. Not done here: that check, removal.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping

from reconciler.adapters.keyed_errors import Unwritable
from reconciler.adapters.yaml_emit import Style, behind_colon, block, entries, inline, is_block
from reconciler.adapters.yaml_spans import colon_of, find, pair_end
from reconciler.adapters.yaml_tree import Document, Node, load, parse
from reconciler.plan.value import FieldPath

_COMMENT = re.compile(r"[^\n]*?(?<=[ \t])(#[^\n]*)")


def set_key(text: str, path: FieldPath, value: object) -> str:
    """The text with the key at `path` holding `value`; whatever stands in the way of a mapping is replaced."""
    if not path:
        raise Unwritable("a key needs a name")
    document = parse(text)
    style = _style(document.root)
    node = document.root
    if node is None or node.kind != "map" or not (node.pairs or node.flow):
        return _start(text, document, _tree(path, value), style)
    if not node.pairs and _begins_line(text, node.start):
        lines = entries(_tree(path, value), 0, style)
        return text[: node.start] + "\n".join(lines) + text[node.end :]
    for depth, part in enumerate(path):
        pair = find(node, part)
        rest = path[depth + 1 :]
        if pair is None:
            return _insert(text, node, _tree((part, *rest), value), style)
        inner = pair[1]
        if rest and inner.kind == "map" and inner.pairs:
            node = inner
            continue
        new = _unshared(text, path[: depth + 1], rest, value) if inner.kind == "alias" else _nested(rest, value)
        return replace_value(text, node, pair, new, style)
    return text


def _tree(path: FieldPath, value: object) -> dict[str, object]:
    """Mappings inside each other down to the path, which holds the value."""
    first, *rest = path
    return {first: _nested(tuple(rest), value)}


def _nested(path: FieldPath, value: object) -> object:
    return _tree(path, value) if path else value


def _style(root: Node | None) -> Style:
    """How the file is indented where it shows; two spaces otherwise."""
    step = dash = None
    stack = [root] if root else []
    while stack and (step is None or dash is None):
        node = stack.pop()
        for key, value in node.pairs:
            if value.kind == "map" and not value.flow and value.pairs and step is None:
                step = value.pairs[0][0].column - key.column
            if value.kind == "list" and not value.flow and dash is None:
                dash = value.column - key.column
            stack.append(value)
    good = step if step is not None and step > 0 else 2
    return Style(good, dash if dash is not None and dash >= 0 else good)


def _begins_line(text: str, index: int) -> bool:
    return index == 0 or text[index - 1] == "\n"


def _start(text: str, document: Document, value: Mapping[str, object], style: Style) -> str:
    """The first keys of a file that holds none yet."""
    root = document.root
    if root is not None and root.kind != "scalar":
        raise Unwritable("the file does not hold keys and values at its top")
    end = document.end
    if root is not None:
        if root.start != root.end and load(text) is not None:
            raise Unwritable("the file does not hold keys and values at its top")
        text, end = text[: root.start] + text[root.end :], end - (root.end - root.start)
    head = text[:end]
    gap = "" if not head or head.endswith("\n") else "\n"
    return head + gap + "\n".join(entries(value, 0, style)) + "\n" + text[end:]


def _unshared(text: str, path: FieldPath, rest: FieldPath, value: object) -> object:
    """What an alias stands for, as a copy of its own with the value set."""
    if not rest:
        return value
    data = load(text)
    for part in path:
        data = data[part] if isinstance(data, dict) else None
    tree: object = copy.deepcopy(data)
    if not isinstance(tree, dict):
        return _nested(rest, value)
    node = tree
    for part in rest[:-1]:
        if not isinstance(node.get(part), dict):
            node[part] = {}
        node = node[part]
    node[rest[-1]] = value
    return tree


def replace_value(text: str, parent: Node, pair: tuple[Node, Node], value: object, style: Style) -> str:
    key, old = pair
    colon, end = colon_of(text, key), pair_end(text, pair)
    if parent.flow:
        return f"{text[:colon]} {inline(value)}{text[max(colon, end) :]}"
    comment = ""
    # A comment behind the colon or behind `|` explains the key, and the key stays.
    line = text.find("\n", colon)
    if -1 < line < end and (old.kind == "block" or text[colon : old.start].count("\n")):
        found = _COMMENT.match(text, colon, line)
        comment = f"  {found[1]}" if found else ""
    end = max(colon, end)
    if not is_block(value) or (isinstance(value, list) and old.kind == "list" and old.flow):
        return f"{text[:colon]} {behind_colon(value)}{comment}{text[end:]}"
    line_end = text.find("\n", end)
    line_end = len(text) if line_end == -1 else line_end
    lines = "\n".join(block(value, key.column, style))
    rest = comment + text[end:line_end]
    return f"{text[:colon]}{rest}\n{lines}{text[line_end:] or chr(10)}"


def _insert(text: str, node: Node, value: Mapping[str, object], style: Style) -> str:
    """A new last entry of a mapping."""
    if node.flow:
        entry = inline(value)[1:-1]
        if not node.pairs:
            return text[: node.end - 1] + entry + text[node.end - 1 :]
        end = pair_end(text, node.pairs[-1])
        return f"{text[:end]}, {entry}{text[end:]}"
    lines = "\n".join(entries(value, node.pairs[0][0].column, style)) + "\n"
    line_end = text.find("\n", pair_end(text, node.pairs[-1]))
    if line_end == -1:
        return f"{text}\n{lines}"
    return text[: line_end + 1] + lines + text[line_end + 1 :]
