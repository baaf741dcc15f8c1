"""One host below a fixed folder, its fleet, and passes in children of their own.

A child is forked from a process that has everything imported and nothing opened, so that a pass is a new process
without the time of its imports. The host is bound by compose, as the command line does it; only codebases and clock are
the tests' own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from reconciler import compose
from reconciler.adapters.supervisord import Supervisord
from reconciler.engine.host import Limits
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.report import Report
from reconciler.engine.request import Request, rollback
from reconciler.errors import Terminal
from tests.kills.points import Tally, counted
from tests.kills.standins import HastyClock, InstantCodebases, Quiet

HOST = "vps"
LIMITS = Limits(concurrency=1, gate_hold=0.1, gate_limit=60.0, soak=0.1)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: by a signal (0: none), and what it said."""

    signal: int
    said: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Site:
    folder: Path
    ports: tuple[int, int]

    @property
    def root(self) -> Path:
        return self.folder / "wizards"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def remote(self) -> Path:
        return self.folder / "remote.git"

    def home(self, wizard: str) -> Path:
        return self.root / wizard / "home"

    def runtime(self) -> Supervisord:
        return Supervisord(self.state)

    # -- the fleet ------------------------------------------------------------------------------------------------

    def make(self) -> None:
        self.root.mkdir(parents=True)
        self.git("init", "-q", "--bare", "-b", "main", str(self.remote))
        self._config().write_text(f'host = "{HOST}"\nstate = "{self.state}"\n[source]\nurl = "{self.remote}"\n')

    def commit(self, parent: str | None, documents: Mapping[str, object], message: str) -> str:
        """A commit on top of `parent` whose fleet is exactly these documents; no branch points to it yet."""
        index = self.folder / "index"
        index.unlink(missing_ok=True)
        for name, document in documents.items():
            text = yaml.safe_dump(document, sort_keys=False)
            blob = self.git("hash-object", "-w", "--stdin", feed=text).strip()
            self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},fleet/{name}.yaml", index=index)
        tree = self.git("write-tree", index=index).strip()
        parents = ("-p", parent) if parent else ()
        return self.git("commit-tree", tree, *parents, "-m", message).strip()

    def push(self, commit: str) -> None:
        self.git("update-ref", "refs/heads/main", commit)

    def git(self, *arguments: str, feed: str = "", index: Path | None = None) -> str:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
            "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
            **({"GIT_INDEX_FILE": str(index)} if index else {}),
        }
        where = ["--git-dir", str(self.remote)] if arguments[0] != "init" else []
        command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid", *where, *arguments]
        done = subprocess.run(command, input=feed, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout

    def _config(self) -> Path:
        return self.folder / "reconciler.toml"

    # -- passes ---------------------------------------------------------------------------------------------------

    def run_pass(self, tally: Tally | None = None, *, concurrency: int = 1, roll_back: str = "") -> dict[str, object]:
        """One whole pass in this process; what came of it."""
        tally, events = tally or Tally(), Quiet()
        settings = compose.load(str(self._config()), {})
        with compose.open_host(settings, events, {}, change=True) as bound:
            host = replace(
                bound.host,
                codebases=InstantCodebases(),
                clock=HastyClock(self.root),
                limits=replace(LIMITS, concurrency=concurrency),
            )
            report = _run(Reconciler(counted(host, tally)), roll_back)
        return {**_told(report), "events": events.said, "seen": tally.seen}

    def child(self, work: Callable[[], Mapping[str, object]], *, kill_after: float | None = None) -> Ended:
        """Runs `work` in a forked process; with `kill_after`, that many seconds later it is killed for real."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            end_with(work, writer)
        os.close(writer)
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(pid, signal.SIGKILL)
        with os.fdopen(reader) as said:
            text = said.read()
        _, status = os.waitpid(pid, 0)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        return Ended(number, json.loads(text) if text.endswith("}") else {})


def _run(reconciler: Reconciler, roll_back: str) -> Report:
    """An ordinary pass, or a rollback by hand; where that was done already, what a daemon does next."""
    if not roll_back:
        return reconciler.run(Request())
    try:
        return reconciler.run(rollback(roll_back))
    except Terminal as error:
        if "has gone back already" not in str(error):
            raise
        return reconciler.run(Request())


def _told(report: Report) -> dict[str, object]:
    return {
        "result": report.applied.result.value,
        "outcomes": [[o.step.id, o.result.value, o.text] for o in report.applied.outcomes],
        "planned": [change.key for change in report.plan.changes],
        "left": [f"{c.action.value} {c.key} {c.disposition.value} {c.obstacle}" for c in report.left.changes],
        "notices": list(report.notices),
    }


def end_with(work: Callable[[], Mapping[str, object]], writer: int) -> None:
    """The child's whole life."""
    try:
        text = json.dumps(work())
    except BaseException:  # noqa: BLE001 - told to the parent, whatever it was
        text = json.dumps({"failed": traceback.format_exc()})
    with os.fdopen(writer, "w") as said:
        said.write(text)
    os._exit(0)
