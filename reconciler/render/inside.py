"""What differs inside a list of mappings: deepdiff explains what is already known to differ.

`servers: [...] -> [...]` over two long lists tells nobody anything; `servers[1].url: a -> b` does. The comparison that
decides is not made here (plan/diff.py): a list is one value, and is set as a whole.
"""

from __future__ import annotations

from reconciler.render.document import Json

FEW = 12
"""More differences than this read better as the two lists."""


def inside(before: Json, after: Json) -> list[tuple[str, Json, Json]]:
    """(place such as `[1].url`, before, after) for each difference inside; None stands for absent.

    Empty where the values are no lists of mappings or lists, or differ in too many places.
    """
    if not (isinstance(before, list) and isinstance(after, list) and _nested(before) and _nested(after)):
        return []
    from deepdiff import DeepDiff

    tree = DeepDiff(before, after, view="tree", ignore_type_in_groups=[], verbose_level=2)
    found = []
    for change in (change for kind in tree.values() for change in kind):
        place = "".join(f".{p}" if isinstance(p, str) else f"[{p}]" for p in change.path(output_format="list"))
        found.append((place, _side(change.t1), _side(change.t2)))
    return sorted(found, key=lambda difference: difference[0]) if len(found) <= FEW else []


def _nested(items: list[Json]) -> bool:
    return bool(items) and all(isinstance(item, dict | list) for item in items)


def _side(value: object) -> Json:
    """deepdiff has a value of its own for "not present"."""
    return value if isinstance(value, dict | list | str | int | float | bool) else None
