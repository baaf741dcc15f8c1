"""Calls to supervisord over its Unix socket: typed answers, a time limit, one connection a call.

One connection a call makes it safe from several threads. No answer is Retryable: it is not known what runs then.
Not done here: what to conclude from an answer (supervisord.py).
"""

from __future__ import annotations

import http.client
import socket
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from xml.parsers.expat import ExpatError

from reconciler.errors import Retryable


class State(IntEnum):
    """supervisor.states.ProcessStates."""

    STOPPED = 0
    STARTING = 10
    RUNNING = 20
    BACKOFF = 30
    STOPPING = 40
    EXITED = 100
    FATAL = 200
    UNKNOWN = 1000


class Fault(IntEnum):
    """Those of supervisor.xmlrpc.Faults that mean something to us."""

    BAD_NAME = 10
    NO_FILE = 20
    NOT_EXECUTABLE = 21
    SPAWN_ERROR = 50
    ALREADY_STARTED = 60
    NOT_RUNNING = 70
    ALREADY_ADDED = 90
    STILL_RUNNING = 91
    CANT_REREAD = 92


class FaultError(Exception):
    """supervisord answered, and the answer is no."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Info:
    """A program as supervisord sees it. `exit_code` is -1 for any signal; None before the first end. `trouble` is why
    it could not be spawned, or that it ended in an unexpected way."""

    state: State
    pid: int | None
    exit_code: int | None
    trouble: str

    @property
    def restarts(self) -> bool:
        """It has ended in a way after which supervisord is about to start it again."""
        return self.state is State.EXITED and bool(self.trouble)


class Rpc:
    """A caller of one supervisord."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = path
        self._seconds = seconds

    def call(self, method: str, *arguments: object) -> object:
        """Raises FaultError for a no, Retryable for no answer."""
        try:
            return self._ask(method, *arguments)
        except (ConnectionRefusedError, FileNotFoundError) as error:
            raise Retryable("supervisord does not listen on its socket", where=str(self._path)) from error

    def listener(self) -> int | None:
        """The pid of the supervisord behind the socket; None when nobody listens."""
        try:
            return int(str(self._ask("supervisor.getPID")))
        except (ConnectionRefusedError, FileNotFoundError):
            return None

    def _ask(self, method: str, *arguments: object) -> object:
        transport = _Transport(str(self._path), self._seconds)
        try:
            with xmlrpc.client.ServerProxy("http://supervisord", transport=transport) as proxy:
                answer: object = getattr(proxy, method)(*arguments)
                return answer
        except xmlrpc.client.Fault as fault:
            raise FaultError(fault.faultCode, fault.faultString) from fault
        except (ConnectionRefusedError, FileNotFoundError):
            raise
        except (OSError, http.client.HTTPException, xmlrpc.client.Error, ExpatError) as error:
            reason = f"no answer in {self._seconds:g} s" if isinstance(error, TimeoutError) else repr(error)
            what = f"supervisord could not be observed: {reason}"
            raise Retryable(what, where=str(self._path), mend="see supervisord.log in the state folder") from error

    def infos(self, names: Sequence[str]) -> Mapping[str, Info]:
        """Those of the names that it knows, in one call."""
        calls = [{"methodName": "supervisor.getProcessInfo", "params": [name]} for name in names]
        answers = self.call("system.multicall", calls) if calls else []
        if not isinstance(answers, list) or len(answers) != len(names):
            raise Retryable("supervisord gave an answer of another shape", where=str(self._path))
        return {name: _info(a) for name, a in zip(names, answers, strict=True) if "faultCode" not in a}

    def info(self, name: str) -> Info | None:
        return self.infos([name]).get(name)


def _info(raw: Mapping[str, object]) -> Info:
    state, pid, code, stop = (int(str(raw[key])) for key in ("state", "pid", "exitstatus", "stop"))
    return Info(State(state), pid or None, code if stop else None, str(raw["spawnerr"]))


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("supervisord", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__()
        self._path = path
        self._seconds = seconds

    def make_connection(self, host: tuple[str, dict[str, str]] | str) -> http.client.HTTPConnection:
        connection = _Connection(self._path, self._seconds)
        self._connection = host, connection  # where close() looks for it
        return connection
