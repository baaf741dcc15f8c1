"""Two layers of settings, the file and the environment, as plain tables in one shape; and how they are laid together.

Which keys there are comes from the model alone. Not done here: checking values (model.py), reading files (load.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, get_args, get_origin

from pydantic.fields import FieldInfo

from reconciler.protocols.runtime import INPUTS_VARIABLE, MAIN_VARIABLE, PROGRAM_VARIABLE, STATE_VARIABLE
from reconciler.settings.model import Anchored, SecretSource, Settings, Table

Key = tuple[str, ...]
Tree = dict[str, object]
"""A TOML table."""

PREFIX = "RECONCILER_"
CONFIG = "RECONCILER_CONFIG"
MARKERS = frozenset({INPUTS_VARIABLE, MAIN_VARIABLE, PROGRAM_VARIABLE, STATE_VARIABLE})
"""What a wizard's own processes carry. A command that an agent runs inherits them, and they are no settings."""
YES_NO = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: at a variable's name, or at a key of the file."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(slots=True)
class Layer:
    """Values by table and key, where each came from, and what is wrong with them."""

    tree: Tree = field(default_factory=dict)
    origins: dict[Key, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Variables that look like settings and are none."""


def variable(key: Key) -> str:
    return PREFIX + "__".join(key).upper()


def known_keys() -> tuple[Key, ...]:
    return tuple(key for key, _ in _leaves(Settings, ()))


def from_environment(environ: Mapping[str, str]) -> Layer:
    """RECONCILER_SOURCE__URL as ("source", "url"), and so on. Relative paths are refused: relative to what?"""
    leaves = dict(_leaves(Settings, ()))
    layer = Layer()
    inside_wizard = PROGRAM_VARIABLE in environ
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name == CONFIG or (inside_wizard and name in MARKERS):
            continue
        key = tuple(name.removeprefix(PREFIX).lower().split("__"))
        if key not in leaves or name != variable(key):
            layer.unknown.append(name)
            continue
        layer.origins[key] = name
        _put(layer.tree, key, _typed(environ[name], leaves[key]))
    _anchor(layer, None)
    return layer


def from_table(tree: Tree, base: Path) -> Layer:
    """The tables of a file; its relative paths count from `base`."""
    layer = Layer(tree)
    _anchor(layer, base)
    return layer


def laid_over(below: Tree, above: Tree, table: type[Table] = Settings) -> Tree:
    """`above` wins key by key; a secret's reference is taken as a whole."""
    merged = dict(below)
    for name, value in above.items():
        inner = _table_of(table.model_fields[name])
        under = below.get(name)
        if inner is None or inner is SecretSource or not isinstance(under, dict) or not isinstance(value, dict):
            merged[name] = value
        else:
            merged[name] = laid_over(under, value, inner)
    return merged


def written(key: Iterable[str | int]) -> str:
    """The key as messages name it: notify.to, entry 2, file."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f", entry {part + 1}"
        else:
            text += f", {part}" if "," in text else f".{part}"
    return text.removeprefix(".")


def _anchor(layer: Layer, base: Path | None) -> None:
    for key, info in _leaves(Settings, ()):
        table, value = _find(layer.tree, key)
        if table is None:
            continue
        item = _item_of(info)
        if item is SecretSource and isinstance(value, list):
            for number, entry in enumerate(value):
                if isinstance(entry, dict):
                    _anchor_one(layer, base, (*key, number, "file"), SecretSource.model_fields["file"], entry)
        else:
            _anchor_one(layer, base, key, info, table)


def _anchor_one(layer: Layer, base: Path | None, key: tuple[str | int, ...], info: FieldInfo, table: Tree) -> None:
    name = str(key[-1])
    text = table.get(name)
    marks = [mark for mark in info.metadata if isinstance(mark, Anchored)]
    if not marks or not isinstance(text, str):
        return
    try:
        table[name] = marks[0].resolve(text, base)
    except ValueError as error:
        place = layer.origins.get(cast(Key, key), written(key))
        layer.problems.append(Problem(place, str(error)))


def _leaves(table: type[Table], above: Key) -> Iterator[tuple[Key, FieldInfo]]:
    for name, info in table.model_fields.items():
        inner = _table_of(info)
        if inner is None:
            yield (*above, name), info
        else:
            yield from _leaves(inner, (*above, name))


def _table_of(info: FieldInfo) -> type[Table] | None:
    """The table that a key holds, or None for a value."""
    for candidate in (info.annotation, *get_args(info.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Table):
            return candidate
    return None


def _item_of(info: FieldInfo) -> object:
    """What the entries of a list are; None for what is no list."""
    if get_origin(info.annotation) is not tuple:
        return None
    item = get_args(info.annotation)[0]
    return getattr(item, "__origin__", item)  # without its Annotated


def _typed(text: str, info: FieldInfo) -> object:
    """What the text of a variable means for this key; text that does not fit is left for the model to refuse.

    A list is written with commas; one of secrets names the variables that hold them.
    """
    if item := _item_of(info):
        words = [word.strip() for word in text.split(",") if word.strip()]
        return [{"env": word} for word in words] if item is SecretSource else words
    if info.annotation is bool:
        return YES_NO.get(text.strip().lower(), text)
    if info.annotation is int and text.strip().isascii() and text.strip().isdigit() and len(text) < 10:
        return int(text)
    return text


def _put(tree: Tree, key: Key, value: object) -> None:
    for name in key[:-1]:
        tree = cast(Tree, tree.setdefault(name, {}))
    tree[key[-1]] = value


def _find(tree: Tree, key: Key) -> tuple[Tree | None, object]:
    """The table that holds the key, and its value; None when there is none."""
    for name in key[:-1]:
        inner = tree.get(name)
        if not isinstance(inner, dict):
            return None, None
        tree = inner
    return tree, tree.get(key[-1])
