"""Writes JSON-like values as YAML that PyYAML (YAML 1.1) reads back exactly: `no`, `12:30` and `0777` come out quoted.

Scalars and the inner parts of lists stand on one line, so that they fit at any indentation. Not done
here: where they go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

_WIDE = 1 << 30
# YAML breaks lines at these as well; only double quotes keep them on one line.
_BREAKS = frozenset("\n\r\x85\u2028\u2029")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if _BREAKS & set(value) else None)


_Dumper.add_representer(str, _text)


@dataclass(frozen=True, slots=True)
class Style:
    """How this file is indented: spaces a level, and spaces before the dashes of a list below its key."""

    step: int = 2
    dash: int = 2


def inline(value: object) -> str:
    """The value on one line; safe inside and outside of brackets."""
    return _dumped([value])[1:-1]


def behind_colon(value: object) -> str:
    """The value on one line, outside of brackets: there a text such as a URL needs no quotes."""
    if isinstance(value, dict | list):
        return inline(value)
    return _dumped(value).removesuffix("\n...")


def _dumped(value: object) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, width=_WIDE, allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n")


def is_block(value: object) -> bool:
    """Whether the value gets lines of its own below its key."""
    return isinstance(value, dict | list) and bool(value)


def block(value: object, indent: int, style: Style) -> list[str]:
    """The lines below a key that stands at column `indent`."""
    if isinstance(value, dict):
        return entries(value, indent + style.step, style)
    if isinstance(value, list):
        return [f"{' ' * (indent + style.dash)}- {inline(item)}" for item in value]
    raise TypeError(f"{type(value).__name__} has no lines of its own")


def entries(value: Mapping[str, object], indent: int, style: Style) -> list[str]:
    """The lines of a mapping whose keys stand at column `indent`."""
    return list(_entries(value, indent, style))


def _entries(value: Mapping[str, object], indent: int, style: Style) -> Iterator[str]:
    for name, item in value.items():
        key = f"{' ' * indent}{inline(name)}:"
        if is_block(item):
            yield key
            yield from block(item, indent, style)
        else:
            yield f"{key} {behind_colon(item)}"
