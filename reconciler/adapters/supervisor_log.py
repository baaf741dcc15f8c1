"""What happened that nobody asked for, read from supervisord's own log; each event is told once, over restarts of us.

Not done here: planned starts and stops (supervisord logs them in other words), the programs' own logs.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from reconciler.adapters.processes import Identity
from reconciler.adapters.supervisor_files import write
from reconciler.adapters.supervisor_layout import Layout
from reconciler.errors import Retryable

_EXITED = re.compile(r"exited: (\S+) \((exit status (\d+)|terminated by (\w+).*); (not )?expected\)")
_GAVE_UP = re.compile(r"gave up: (\S+) entered FATAL state")
_STARTED = re.compile(r"supervisord started with pid (\d+)")
_ASKED = re.compile(r"received (SIG\w+) indicating (exit|restart) request")


@dataclass(frozen=True, slots=True)
class _Place:
    """How far the log was read: file and offset, and the supervisord that was last seen started and not yet ended.
    `kept` was read and is still to be told."""

    inode: int = 0
    offset: int = 0
    pid: int | None = None
    kept: tuple[str, ...] = ()


class SupervisorLog:
    """Remembers in the state folder what was told. One caller at a time."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def news(self, running: Callable[[], Identity | None]) -> Sequence[str]:
        """Sentences since the last call. `running` tells the live supervisord; it is asked after the log was read."""
        before = place = self._remembered()
        place, told = self._read(place)
        place, told = replace(place, kept=()), [*before.kept, *told]
        now = running()
        if now is None and place.pid is not None:
            place, late = self._read(place)  # a supervisord that was asked to exit says so before it goes
            told += late
            if place.pid is not None:
                told.append(f"supervisord (pid {place.pid}) died without stopping its programs")
                place = replace(place, pid=None)
        if place != before:
            self._remember(place)
        return _counted(told)

    def news_of(self, name: str) -> Sequence[str]:
        """Those of one program; all others are kept for `news`."""
        before = self._remembered()
        place, told = self._read(before)
        told = [*before.kept, *told]
        mine = [text for text in told if text.startswith(f"{name}: ")]
        place = replace(place, kept=tuple(text for text in told if text not in mine))
        if place != before:
            self._remember(place)
        return _counted(mine)

    def skip(self) -> None:
        """Takes all that is in the log for told."""
        place, _ = self._read(self._remembered())
        self._remember(replace(place, pid=None, kept=()))

    def _remember(self, place: _Place) -> None:
        write(self._layout.told, json.dumps(asdict(place)) + "\n")

    def _remembered(self) -> _Place:
        try:
            shape = json.loads(self._layout.told.read_bytes())
            pid = shape["pid"]
            kept = tuple(str(text) for text in shape.get("kept", ()))
            return _Place(int(shape["inode"]), int(shape["offset"]), None if pid is None else int(pid), kept)
        except FileNotFoundError:
            return _Place()
        except OSError as error:
            raise Retryable(f"can't be read: {error.strerror}", where=str(self._layout.told)) from error
        except (ValueError, KeyError, TypeError):
            return _Place()  # damaged: telling twice is better than not at all

    def _read(self, place: _Place) -> tuple[_Place, list[str]]:
        told: list[str] = []
        pid = place.pid
        place, lines = self._lines(place)
        for line in lines:
            pid, sentence = _understand(line, pid)
            if sentence:
                told.append(sentence)
        return replace(place, pid=pid), told

    def _lines(self, place: _Place) -> tuple[_Place, list[str]]:
        """Whole lines that were added since; the rest of a log that was rotated meanwhile comes first."""
        log = self._layout.log
        lines: list[str] = []
        for path in (log.with_name(f"{log.name}.1"), log):
            try:
                with path.open("rb") as file:
                    inode = os.fstat(file.fileno()).st_ino
                    if path != log and inode != place.inode:
                        continue
                    file.seek(place.offset if inode == place.inode else 0)
                    raw = file.read()
                    end = file.tell() - (len(raw) - raw.rfind(b"\n") - 1)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise Retryable(f"can't be read: {error.strerror}", where=str(path)) from error
            lines += raw[: raw.rfind(b"\n") + 1].decode(errors="replace").splitlines()
            place = replace(place, inode=inode, offset=end)
        return place, lines


def _understand(line: str, pid: int | None) -> tuple[int | None, str]:
    """The supervisord that lives after this line, and the sentence that it is worth, or ""."""
    if match := _EXITED.search(line):
        name, _, code, number, unexpected = match.groups()
        how = f"killed by {number}" if number else f"ended with exit code {code}"
        return pid, f"{name}: {how}, {'started again' if unexpected else 'not started again'}"
    if match := _GAVE_UP.search(line):
        return pid, f"{match[1]}: could not be started; supervisord gave up"
    if match := _ASKED.search(line):
        return None, f"supervisord received {match[1]} and stopped every program"
    if match := _STARTED.search(line):
        died = f"supervisord (pid {pid}) died and was started again (pid {match[1]})" if pid else ""
        return int(match[1]), died
    return pid, ""


def _counted(sentences: Sequence[str]) -> Sequence[str]:
    counts = Counter(sentences).items()
    return tuple(text if count == 1 else f"{text} ({count} times)" for text, count in counts)
