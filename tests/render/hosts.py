"""Hosts and histories made by hand, as people meet them."""

from __future__ import annotations

from dataclasses import replace

from reconciler.plan.status import Evidence, HostStatus, WizardState, WizardStatus
from reconciler.render.history import HistoryLine, PassLine
from tests.render.plans import COMMIT

ALLEGRO = WizardStatus(
    name="allegro",
    role="Tempo and dispatch",
    desired="unrobed",
    observed=WizardState.UNROBED,
    healthy=True,
    port=8647,
    model="claude-opus-4.6",
    codebase="hermes-agent 0.19.0",
    revision=COMMIT,
    since="2026-04-01T08:00:09Z",
    why="started: new in Git (commit 1a2b3c4)",
    pid=4101,
    paused="",
    evidence=(Evidence("process", "running", 2.0), Evidence("/health", "ok", 2.4)),
    differences=(),
    unmanaged=("command_allowlist",),
)
PRIMUS = WizardStatus(
    name="allegro-primus",
    role="Student",
    desired="unrobed",
    observed=WizardState.UNROBED,
    healthy=True,
    port=8644,
    model="qwen2.5:1.5b",
    codebase="hermes-agent 0.19.0",
    revision=COMMIT,
    since="2026-04-01T08:00:10Z",
    why="restarted: platforms.api_server.extra.port 8645 -> 8644 (commit 1a2b3c4)",
    pid=4102,
    paused="",
    evidence=(Evidence("process", "running", 2.0),),
    differences=(),
    unmanaged=(),
)
EZRA = WizardStatus(
    name="ezra",
    role="Scribe, archivist",
    desired="unrobed",
    observed=WizardState.DEAD,
    healthy=False,
    port=8643,
    model="claude-opus-4.6",
    codebase="hermes-agent 0.19.0",
    revision=COMMIT,
    since="",
    why="failed its gate: port 8643 is taken by pid 4242 (nc)",
    pid=None,
    paused="",
    evidence=(
        Evidence("process", "ended with exit code 78", 12.2),
        Evidence("/health", "connection refused", 200.0),
        Evidence("heartbeat", "", None),
    ),
    differences=("! start wizard/ezra/body (hermes 0.19.0 on port 8643)",),
    unmanaged=("a", "b"),
)
SETTLED = HostStatus(
    "hermes-vps", "2026-04-01T08:05:00Z", COMMIT, "Give Allegro its port", "nothing to do", (), (ALLEGRO, PRIMUS)
)
UNSETTLED = HostStatus(
    "hermes-vps",
    "2026-04-01T08:05:00Z",
    COMMIT,
    "Give Ezra its port",
    "1 of 3 wizards failed",
    ("the remote is away since 08:01; the last known commit is used",),
    (ALLEGRO, PRIMUS, EZRA),
)
_UNUSED = (
    "main is at 9f8e7d6c5b4a, which is not used: it is not signed; 1a2b3c4d5e6f, the last signed one, stays in force"
)
UNSIGNED = replace(SETTLED, notices=(_UNUSED, "another notice"), unused=_UNUSED, unsigned="9f8e7d6c5b4a" + 28 * "0")
_GONE = "settings: /etc/reconciler/allowed_signers: the allowed keys can't be read: No such file or directory"
UNUSABLE = replace(
    SETTLED, commit="", subject="", result="nothing was done: no commit may be used", notices=(_GONE,), unused=_GONE
)
NOBODY = HostStatus("hermes-vps", "2026-04-01T08:05:00Z", COMMIT, "", "nothing to do", (), ())


def _step(pass_id: int, at: str, key: str, operation: str, action: str, **more: object) -> HistoryLine:
    values: dict[str, object] = {
        "wizard": "ezra",
        "commit": COMMIT,
        "reason": "new in Git",
        "fields": (),
        "result": "done",
        "detail": "",
    }
    return HistoryLine(pass_id=pass_id, at=at, key=key, operation=operation, action=action, **(values | more))  # type: ignore[arg-type]


_BODY = "wizard/ezra/body"
_DIRS = ("", "/home", "/work", "/completed", "/logs")
_OLDEST_FIRST = (
    *(_step(1, "2026-04-01 10:00:00", f"wizard/ezra/dir{d}", "make directory", "create") for d in _DIRS),
    _step(1, "2026-04-01 10:00:01", _BODY, "start", "start", reason="Git wants it running"),
    _step(1, "2026-04-01 10:00:08", _BODY, "gate", "start", reason="Git wants it running"),
    _step(
        2,
        "2026-04-01 11:30:00",
        "wizard/ezra/file/home/config.yaml",
        "edit",
        "update",
        commit="9f8e7d6c5b4a",
        reason="changed in Git",
        fields=(("platforms.api_server.extra.port", "8643", "8650"), ("memory.nudge", "", "true")),
    ),
    _step(2, "2026-04-01 11:30:00", _BODY, "stop", "restart", commit="9f8e7d6c5b4a", reason="port 8643 -> 8650"),
    _step(2, "2026-04-01 11:30:01", _BODY, "start", "restart", commit="9f8e7d6c5b4a", reason="port 8643 -> 8650"),
    _step(
        2,
        "2026-04-01 11:30:11",
        _BODY,
        "gate",
        "restart",
        commit="9f8e7d6c5b4a",
        reason="port 8643 -> 8650",
        result="failed",
        detail="nothing answers on port 8650 after 30 s",
    ),
    _step(
        3,
        "2026-04-01 12:00:00",
        _BODY,
        "seen",
        "",
        reason="",
        detail="ezra-body: killed by SIGKILL, started again",
    ),
    _step(4, "2026-04-01 12:30:00", _BODY, "start", "start", reason="was not running", result=""),
)
HISTORY = tuple(reversed(_OLDEST_FIRST))
PASSES = (
    PassLine(4, "2026-04-01 12:30:00", "", "9f8e7d6c5b4a", "poll", "", ""),
    PassLine(3, "2026-04-01 12:00:00", "0.1 s", "9f8e7d6c5b4a", "poll", "done", "nothing to do"),
    PassLine(2, "2026-04-01 11:30:00", "12 s", "9f8e7d6c5b4a", "webhook", "failed", "1 changed, 1 failed"),
    PassLine(1, "2026-04-01 10:00:00", "9 s", COMMIT, "by hand", "done", "6 added, 1 started"),
)
