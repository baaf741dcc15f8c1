"""Runs uv with an explicit environment, and tells what went wrong: the input, or the world.

How uv 0.13 words it: a version or package that does not exist is "No solution found", and so is an offline cache, then
with a hint about the disabled network; a registry that is away is "Failed to fetch". Not done here: what to run.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from reconciler.errors import Interrupted, ReconcilerError, Retryable, Terminal

_PASSED = {
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "NETRC",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
}
_PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
_SECONDS = 1800.0
_POLL_SECONDS = 0.2
_NO_VERSION = re.compile(
    r"No solution found|Failed to parse|Failed to build|not a valid|Invalid requirement"
    r"|does not appear to be a Python project|build backend returned an error|Failed to extract package metadata",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"network was disabled|Failed to fetch|Failed to download|error sending request|timed out", re.IGNORECASE
)
_FULL = re.compile(r"No space left on device|os error 28|quota exceeded|os error 122", re.IGNORECASE)
_BROKEN = re.compile(r"Input/output error|os error 5\b", re.IGNORECASE)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_BUILD_SAID, _BUILD_LINES, _BUILD_CHARACTERS = "[stderr]", 4, 800
_CAUSE = re.compile(r"^\s*cause:\s*(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is installed, for messages: its name, and the mend when it can't be."""

    name: str
    mend: str


class UvRun:
    """One install's calls of uv. `lock` is a descriptor that each of them keeps open until it ends; `cancelled` is
    asked a few times a second."""

    def __init__(
        self, environ: Mapping[str, str], folder: Path, subject: Subject, lock: int, cancelled: Callable[[], bool]
    ) -> None:
        self._environ = _environment(environ)
        self._folder = folder
        self._subject = subject
        self._lock = lock
        self._cancelled = cancelled

    def __call__(self, *argv: str, variables: Mapping[str, str] = MappingProxyType({})) -> str:
        """Standard output; `variables` are set for this call. Raises Terminal when the version can't exist, Retryable
        when the world is in the way, Interrupted when it was cancelled: then uv and all that it started have ended."""
        process = subprocess.Popen(
            [_uv(), *argv],
            cwd=self._folder,
            env={**self._environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            pass_fds=(self._lock,),
            start_new_session=True,
        )
        with process:
            try:
                out, err = self._wait(process)
            except BaseException:
                _end(process)
                raise
        if process.returncode != 0:
            raise self._failure(process.returncode, err)
        return out

    def _wait(self, process: subprocess.Popen[str]) -> tuple[str, str]:
        deadline = time.monotonic() + _SECONDS
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.communicate(timeout=_POLL_SECONDS)
            if self._cancelled():
                raise Interrupted("installing it was stopped", where=self._place)
            if time.monotonic() >= deadline:
                what = f"installing took longer than {_SECONDS:g} s"
                raise Retryable(what, where=self._place, mend="look at the network")

    @property
    def _place(self) -> str:
        return self._subject.name

    def _failure(self, code: int, err: str) -> ReconcilerError:
        text = _CREDENTIALS.sub("***@", err)
        if code < 0:
            return Retryable(
                f"uv was ended by {signal.Signals(-code).name}", where=self._place, mend="the next pass tries again"
            )
        if _FULL.search(text):
            return Retryable(
                "the disk is full", where=str(self._folder), mend="free space on the file system that holds it"
            )
        if _BROKEN.search(text):
            what = "the disk answers with an input/output error"
            return Retryable(what, where=str(self._folder), mend="look into the kernel's log (dmesg)")
        if _AWAY.search(text):
            return Retryable(
                f"the package index could not be reached: {_short(text)}",
                where=self._place,
                mend="the next pass tries again; a proxy or index is set by HTTPS_PROXY and UV_DEFAULT_INDEX",
            )
        if _NO_VERSION.search(text):
            return Terminal(
                f"it can't be installed: {_short(text)}",
                where=self._place,
                mend=self._subject.mend,
            )
        return Retryable(f"uv failed with exit code {code}: {_short(text)}", where=self._place)


def _uv() -> str:
    import uv

    try:
        return str(uv.find_uv_bin())
    except FileNotFoundError as error:
        raise Terminal(
            "uv is missing beside the reconciler", where=str(error), mend="install the reconciler anew"
        ) from error


def _end(process: subprocess.Popen[str]) -> None:
    """uv and the builds that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _short(text: str) -> str:
    """The last cause is the one that says most, and the last lines of a build that failed; without causes, the last
    lines."""
    causes = [cause.strip() for cause in _CAUSE.findall(text)]
    built = _lines(text.rpartition(_BUILD_SAID)[2])[-_BUILD_LINES:] if _BUILD_SAID in text else []
    said = f": {' / '.join(built)[-_BUILD_CHARACTERS:]}" if built else ""
    return (causes[0] if len(causes) == 1 else "; ".join((causes or _lines(text))[-2:]))[:600] + said


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("hint: ")]


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the operator's shell that could point uv at another project or environment."""
    passed = {
        name: value
        for name, value in environ.items()
        if name in _PASSED or name.upper() in _PROXIES or (name.startswith("UV_") and name not in _STEERING)
    }
    return passed | {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


_STEERING = {"UV_PYTHON", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_TARGET", "UV_PREFIX", "UV_SYSTEM_PYTHON"}
_STEERING |= {"UV_WORKING_DIRECTORY", "UV_VENV_CLEAR", "UV_VENV_SEED", "UV_DRY_RUN", "UV_CONSTRAINT", "UV_OVERRIDE"}
