"""JSON documents: the type, and their text."""

from __future__ import annotations

import json

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
Document = dict[str, Json]


def json_text(document: Json) -> str:
    """Indented, in the order given, ASCII only: control characters and escapes can't reach a terminal."""
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def strings(texts: tuple[str, ...]) -> list[Json]:
    return list(texts)
