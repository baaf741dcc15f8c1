"""Who listens on this host's TCP ports, from the kernel's own tables.

The owner is looked for only for the ports that were asked for and are taken, and remembered by socket: a walk over all
processes costs milliseconds for each hundred of them. Not done here: other network namespaces, UDP.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from reconciler.plan.fact import Listener

_LISTEN = "0A"
_MAX_COMMAND = 80


class ProcPorts:
    """See `protocols.ports.Ports`."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._owners: dict[str, str] = {}
        """Socket ("socket:[inode]") -> the link under /proc that showed it."""

    def listeners(self, ports: Iterable[int]) -> Mapping[int, Listener]:
        wanted = set(ports)
        if not wanted:
            return {}
        sockets = dict(self._sockets(wanted))
        pids = self._pids(set(sockets.values()))
        found: dict[int, Listener] = {}
        for port, name in sockets.items():
            pid = pids.get(name)
            found[port] = Listener(port, pid, "" if pid is None else self._command(pid))
        return found

    def _sockets(self, wanted: set[int]) -> Iterator[tuple[int, str]]:
        for table in ("net/tcp6", "net/tcp"):
            try:
                lines = (self._proc / table).read_text("ascii").splitlines()[1:]
            except FileNotFoundError:  # a kernel without IPv6
                continue
            for line in lines:
                _, local, _, state, *rest = line.split()
                port = int(local.rpartition(":")[2], 16)
                if state == _LISTEN and port in wanted:
                    yield port, f"socket:[{rest[5]}]"

    def _pids(self, names: set[str]) -> dict[str, int]:
        """The processes that hold these sockets; of several (a fork) the one that started first by its number."""
        links = {name: self._owners[name] for name in names if _points(self._owners.get(name), name)}
        missing = names - links.keys()
        if missing:
            links.update(self._search(missing))
        self._owners = links
        return {name: int(PurePosixPath(link).parts[-3]) for name, link in links.items()}

    def _search(self, names: set[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for pid in sorted(int(name) for name in os.listdir(self._proc) if name.isdecimal()):  # noqa: PTH208
            folder = f"{self._proc}/{pid}/fd"
            try:
                descriptors = os.listdir(folder)  # noqa: PTH208
            except OSError:  # it ended, or belongs to somebody else
                continue
            for descriptor in descriptors:
                link = f"{folder}/{descriptor}"
                name = _target(link)
                if name in names and name not in found:
                    found[name] = link
            if len(found) == len(names):
                break
        return found

    def _command(self, pid: int) -> str:
        """Program and script. Further arguments are left out: a stranger's may hold secrets."""
        try:
            words = (self._proc / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            return ""
        shown = [
            PurePosixPath(word).name for word in words[:2] if word and not word.startswith("-") and "=" not in word
        ]
        return " ".join(shown)[:_MAX_COMMAND]


def _points(link: str | None, name: str) -> bool:
    return link is not None and _target(link) == name


def _target(link: str) -> str:
    try:
        return os.readlink(link)  # noqa: PTH115
    except OSError:
        return ""
