"""Generated fleets: the golden one with up to four things changed, from a value that is as good to bytes of no kind.

Three sorts, because each reaches another floor: `sensible` puts valid values where the schema has room (most of these
are planned), `odd` works on documents, values and keys, `raw` on bytes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import yaml
from hypothesis import strategies as st

from tests.fuzz.sensible import SENSIBLE, Documents
from tests.fuzz.traps import BYTES, PIECES, TRAPS, WHOLE, spread
from tests.spec.fleets import golden

GOLDEN = golden()
FILES = sorted(name for name in GOLDEN if name.endswith(".yaml"))
EXTRA = "fleet/extra.yaml"
STRANGE = (
    "fleet/\x1b[31m.yaml",
    "fleet/a\nb: c.yml",
    "fleet/a:1:1: b.yaml",
    "fleet/\u202e/\udcff.YAML",
    "fleet/ .yaml",
)
"""Names that Git allows; the fourth is a byte that is not UTF-8."""
Path = tuple[str | int, ...]
# Any: trees of YAML hold whatever YAML holds.
Tree = Any
_PARSED = {name: list(yaml.safe_load_all(GOLDEN[name])) for name in FILES}


@dataclass
class Fleet:
    """A fleet on its way: documents by file, what takes the place of values as text, and bytes once it is written."""

    documents: Documents = field(default_factory=lambda: copy.deepcopy(_PARSED))
    traps: dict[str, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def trap(self, text: str) -> str:
        """A mark that `written` replaces by this text."""
        mark = f"qq{len(self.traps):03d}qq"
        self.traps[mark] = text
        return mark

    def written(self) -> dict[str, bytes]:
        files = {name: data for name, data in GOLDEN.items() if name not in FILES or self.documents.get(name)}
        for name, documents in self.documents.items():
            if not documents or documents == _PARSED.get(name):
                continue
            text = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=1000)
            for mark, trap in self.traps.items():
                text = text.replace(mark, trap)
            files[name] = text.encode("utf-8", "surrogatepass")
        return files


Draw = Callable[[st.SearchStrategy[Any]], Any]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _places(tree: Tree, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from _places(value, (*path, key))


def _parent(tree: Tree, path: Path) -> Tree:
    for step in path[:-1]:
        tree = tree[step]
    return tree


def _place(draw: Draw, fleet: Fleet) -> tuple[Tree, str | int] | None:
    """Any key or item of any document: what holds it, and its name there."""
    documents = [d for ds in fleet.documents.values() for d in ds if isinstance(d, dict) and d]
    if not documents:
        return None
    document = draw(spread(documents))
    path = draw(spread(list(_places(document))))
    return _parent(document, path), path[-1]


def _trap(draw: Draw, fleet: Fleet) -> None:
    if place := _place(draw, fleet):
        place[0][place[1]] = fleet.trap(draw(spread(TRAPS)))


def _odd_value(draw: Draw, fleet: Fleet) -> None:
    if place := _place(draw, fleet):
        place[0][place[1]] = draw(ODD)


def _drop(draw: Draw, fleet: Fleet) -> None:
    if place := _place(draw, fleet):
        del place[0][place[1]]


def _rename(draw: Draw, fleet: Fleet) -> None:
    """A key gets another name: one that is near, one that stands elsewhere, or a trap."""
    place = _place(draw, fleet)
    if place and isinstance(place[0], dict):
        tree, key = place
        new = draw(spread(["kind", "name", "port", "env", f"{key}s", str(key).upper(), "x"]) | st.text(max_size=3))
        items = [(new if name == key else name, value) for name, value in tree.items()]
        tree.clear()
        tree.update(items)


def _twice(draw: Draw, fleet: Fleet) -> None:
    """A key is given twice; a mark stands for the second one until the file is text."""
    place = _place(draw, fleet)
    if place and isinstance(place[0], dict):
        place[0][fleet.trap(str(place[1]))] = draw(spread(["x", 1, None, place[0][place[1]]]))


def _swap_values(draw: Draw, fleet: Fleet) -> None:
    one, two = _place(draw, fleet), _place(draw, fleet)
    if one and two:
        first, second = copy.deepcopy(one[0][one[1]]), copy.deepcopy(two[0][two[1]])
        one[0][one[1]] = second
        if two[1] in two[0] if isinstance(two[0], dict) else int(two[1]) < len(two[0]):
            two[0][two[1]] = first


def _swap_documents(draw: Draw, fleet: Fleet) -> None:
    """Two documents change places, one moves to another file, one is there twice, or one goes."""
    one, two = draw(spread(FILES)), draw(spread([*FILES, EXTRA]))
    here, there = fleet.documents.setdefault(one, []), fleet.documents.setdefault(two, [])
    if not here:
        return
    at = draw(st.integers(0, len(here) - 1))
    match draw(spread(["move", "swap", "copy", "drop"])):
        case "move":
            there.append(here.pop(at))
        case "swap" if there:
            here[at], there[0] = there[0], here[at]
        case "copy":
            there.append(copy.deepcopy(here[at]))
        case _:
            del here[at]


def _sensible(draw: Draw, fleet: Fleet) -> None:
    draw(spread(SENSIBLE))(draw, fleet.documents)


_ODD = (_trap, _trap, _trap, _odd_value, _drop, _rename, _twice, _swap_values, _swap_documents)


def _edited(draw: Draw, files: dict[str, bytes]) -> None:
    """Bytes of a file change: pieces in, bytes out, the end cut off, another encoding."""
    name = draw(spread(sorted(files)))
    data = files[name]
    at = draw(st.integers(0, len(data)))
    match draw(spread(["piece", "piece", "cut", "flip", "bytes", "encode", "line", "again"])):
        case "piece":
            files[name] = data[:at] + draw(spread(PIECES)) + data[at + draw(st.integers(0, 12)) :]
        case "cut":
            files[name] = data[:at]
        case "flip" if at < len(data):
            files[name] = data[:at] + bytes([data[at] ^ (1 << draw(st.integers(0, 7)))]) + data[at + 1 :]
        case "bytes":
            files[name] = data[:at] + draw(st.binary(max_size=12)) + data[at:]
        case "encode":
            code = draw(spread(["utf-16", "utf-32", "utf-8-sig", "cp037", "utf-7", "latin-1"]))
            files[name] = data.decode("utf-8", "replace").encode(code, "replace")
        case "line":
            lines = data.split(b"\n")
            one, two = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
            lines[one], lines[two] = lines[two], lines[one]
            files[name] = b"\n".join(lines)
        case _:
            files[name] = data + draw(spread([b"", b"---\n", b"...\n"])) + data


def _whole(draw: Draw, files: dict[str, bytes]) -> None:
    """A file of nothing but noise, beside the golden ones or in place of one."""
    name = draw(spread([*sorted(files), EXTRA, EXTRA, *STRANGE]))
    noise = st.binary(max_size=200) | st.text(max_size=120).map(lambda text: text.encode("utf-8", "surrogatepass"))
    pieces = st.lists(spread(PIECES), max_size=30).map(b"".join)
    files[name] = draw(noise | pieces | spread(WHOLE) | spread(BYTES))


@st.composite
def fleets(draw: Draw) -> Mapping[str, bytes]:
    """Files of a generated fleet, by their path."""
    fleet = Fleet()
    sort = draw(spread(["sensible", "sensible", "mixed", "odd", "raw"]))
    for _ in range(draw(st.integers(1, 4))):
        if sort == "sensible" or (sort == "mixed" and draw(st.booleans())):
            _sensible(draw, fleet)
        elif sort != "raw":
            draw(spread(_ODD))(draw, fleet)
    files = fleet.written()
    if sort == "raw":
        for _ in range(draw(st.integers(1, 3))):
            draw(spread([_edited, _edited, _whole]))(draw, files)
    return files


def each_trap() -> Iterator[Callable[[], Mapping[str, bytes]]]:
    """Makers of the golden fleet with one thing otherwise: each trap at each value, each noise as a file."""
    for name in FILES:
        for number, document in enumerate(_PARSED[name]):
            for path in _places(document):
                yield from (partial(_trapped, name, number, path, trap) for trap in TRAPS)
    for name in (*sorted(GOLDEN), EXTRA):
        yield from (partial(_replaced, name, noise) for noise in (*WHOLE, *BYTES))


def _trapped(name: str, number: int, path: Path, trap: str) -> Mapping[str, bytes]:
    fleet = Fleet()
    _parent(fleet.documents[name][number], path)[path[-1]] = fleet.trap(trap)
    return fleet.written()


def _replaced(name: str, noise: bytes) -> Mapping[str, bytes]:
    return {**GOLDEN, name: noise}
