"""Fits the golden fleet to this machine: another root, free ports, the stand-in's endpoint, no Telegram.

Comments and order of the files stay, so that the diff shows what the demo replaced and nothing else.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

Edit = Callable[[CommentedMap], bool]


@dataclass(frozen=True, slots=True)
class Fit:
    """`root`: where wizards live; `endpoint`: base URL of the stand-in; `ports`: old to new for those that are busy."""

    root: Path
    endpoint: str
    ports: dict[int, int]


def free_ports(wanted: list[int], taken: set[int], pool: range) -> dict[int, int]:
    """For each wanted port that somebody listens on, another one of the pool that is free and not `taken`."""
    spare = (port for port in pool if port not in wanted and port not in taken and not busy(port))
    return {port: next(spare) for port in wanted if busy(port)}


def busy(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wizard_ports(fleet: Path) -> list[int]:
    return [int(doc["port"]) for path in _files(fleet) for doc in _documents(path) if doc.get("kind") == "Wizard"]


def taken_ports(fleet: Path) -> set[int]:
    """Ports that the fleet reserves or gives to services."""
    documents = [document for path in _files(fleet) for document in _documents(path)]
    reserved = (port for d in documents if d.get("kind") == "Fleet" for port in d.get("ports", {}).get("reserved", {}))
    services = (d["port"] for d in documents if d.get("kind") == "Service")
    return {int(port) for port in (*reserved, *services)}


def adapt(fleet: Path, fit: Fit) -> None:
    """Rewrites the fleet files in place; files that need nothing are not touched."""
    for path in _files(fleet):
        documents = _documents(path)
        if any([_edit(document, fit) for document in documents]):
            out = io.StringIO()
            _yaml().dump_all(documents, out)
            path.write_text(out.getvalue())


def _edit(document: CommentedMap, fit: Fit) -> bool:
    match document.get("kind"):
        case "Fleet":
            for host in document["hosts"].values():
                host["root"] = str(fit.root)
            return True
        case "Model":
            document["provider"] = "custom"
            document["base_url"] = fit.endpoint
            document.pop("env", None)
            return True
        case "Wizard":
            moved = document["port"] in fit.ports
            if moved:
                document["port"] = fit.ports[document["port"]]
            return document.pop("telegram", None) is not None or moved
        case _:
            return False


def _files(fleet: Path) -> Iterator[Path]:
    return (path for path in sorted(fleet.rglob("*.yaml")) if path.is_file())


def _documents(path: Path) -> list[CommentedMap]:
    return list(_yaml().load_all(path.read_text()))


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 200
    return yaml
