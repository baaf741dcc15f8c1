from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import main
from tests.cli.site import Site


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Ran]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Runs the command line in this process, in an environment without settings, away from any terminal."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("RECONCILER_CONFIG", raising=False)

    def run(*args: str, stdin: str | bytes = "") -> Ran:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        found = capsys.readouterr()
        return Ran(code, found.out, found.err)

    return run


@pytest.fixture
def site(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A host of its own; commands find its settings, which `call` has cleared before."""
    made = Site(tmp_path)
    monkeypatch.setenv("RECONCILER_CONFIG", str(made.config))
    made.push()
    return made


@pytest.fixture
def here(site: Site, call: Call) -> Call:
    """`call` on the host."""

    def run(*args: str, stdin: str | bytes = "") -> Ran:
        return call("--config", str(site.config), *args, stdin=stdin)

    return run
