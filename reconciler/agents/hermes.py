"""Hermes Agent, the Body: what it is configured with, how it is run, and how its replies read.

Facts checked on 0.18.2 and 0.19.0. The API server listens only with aiohttp beside it and an API_SERVER_KEY of 16 or
more characters. config.yaml is read again at every run, but platforms and working folder only at start; .env at start.
Not done here: OpenClaw; files, processes and requests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from reconciler.agents.program import HealthReading, Path, Place, RunReading, RunState
from reconciler.spec.kinds import EnvValue, Model, Wizard

API_KEY = "API_SERVER_KEY"
TELEGRAM_TOKEN = "TELEGRAM_BOT_TOKEN"  # noqa: S105 - the name of a variable, not a token
# Sections that the gateway reads again at every run; a change of any other section waits for a restart.
READ_AT_RUN = frozenset({"model", "memory"})
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CANT_START = 78
"""EX_CONFIG: a taken port where nothing else could be connected, but also any configuration that it refuses."""

_EXITS = {
    0: "ended cleanly",
    1: "ended with an error, or because another gateway runs on this home",
    2: "did not understand its command line",
    75: "asked to be restarted",
    CANT_START: "refused to start on its configuration",
}
_RUNS = {
    "completed": RunState.COMPLETED,
    "failed": RunState.FAILED,
    "cancelled": RunState.FAILED,
    "waiting_for_approval": RunState.WAITING,
}


def _object(body: str) -> Mapping[str, object]:
    """The reply as a JSON object; anything else reads as an empty one."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):  # a gateway's reply may be anything, also 100,000 brackets
        return {}
    return value if isinstance(value, dict) else {}


class Hermes:
    """See `program.Agent`."""

    quiet_exits: tuple[int, ...] = (CANT_START,)
    heartbeat_file = "state/gateway.heartbeat"
    state_file = "gateway_state.json"
    # What Hermes itself saves before an update, and whatever else it may come to keep there.
    databases: tuple[str, ...] = (
        *("state.db", "response_store.db", "kanban.db", "projects.db", "memory_store.db", "verification_evidence.db"),
        *("cron/executions.db", "gateway/discord_message_recovery.db"),
        *("*.db", "cron/*.db", "gateway/*.db", "kanban/boards/*/kanban.db"),
    )
    exclusive: tuple[str, ...] = (TELEGRAM_TOKEN,)  # the second gateway stays up and never gets a message
    home_variable = "HERMES_HOME"
    stop_signal = "INT"  # ends with exit 0 and a truthful state file; TERM ends with 1
    stop_seconds = 75

    def config_keys(self, wizard: Wizard, model: Model, place: Place) -> Mapping[Path, object]:
        server = ("platforms", "api_server")
        keys: dict[Path, object] = {
            ("model", "default"): model.id,
            ("model", "provider"): model.provider,
            (*server, "enabled"): True,
            (*server, "extra", "host"): "127.0.0.1",
            (*server, "extra", "port"): wizard.port,
            (*server, "extra", "model_name"): wizard.name,
            ("memory", "memory_enabled"): True,
            ("memory", "user_profile_enabled"): True,
            # Relative writes would land in a folder that wizards may share.
            ("terminal", "cwd"): place.workspace,
            # A running gateway would install packages into the codebase that wizards share.
            ("security", "allow_lazy_installs"): False,
            ("agent", "restart_drain_timeout"): 30,
        }
        optional = {
            "base_url": model.base_url,
            "context_length": model.context_length,
            "ollama_num_ctx": model.ollama_num_ctx,
        }
        keys.update({("model", name): value for name, value in optional.items() if value is not None})
        if wizard.telegram:
            keys["platforms", "telegram", "enabled"] = True
        return keys

    def env_keys(self, wizard: Wizard, model: Model) -> Mapping[str, EnvValue]:
        keys: dict[str, EnvValue] = {API_KEY: wizard.api_key}
        if wizard.telegram:
            keys[TELEGRAM_TOKEN] = wizard.telegram.token
        return {**keys, **model.env, **wizard.env}

    def argv(self, version: str, place: Place) -> tuple[str, ...]:  # noqa: ARG002 - 0.18.2 and 0.19.0 agree
        # --external-supervisor would be an argparse error on 0.18.2, and only matters to Hermes' own updater.
        return (f"{place.codebase}/bin/hermes", "gateway", "run")

    def environment(self, version: str, place: Place) -> Mapping[str, str]:  # noqa: ARG002
        return {
            self.home_variable: place.home,
            "HOME": place.folder,
            "PATH": f"{place.codebase}/bin:{SYSTEM_PATH}",
            "LANG": "C.UTF-8",
            # Its own start limiter sleeps up to 300 s before it binds; the supervisor limits starts already.
            "HERMES_GATEWAY_MAX_STARTS": "0",
        }

    def gateway(self, argv: Sequence[str]) -> bool:
        """As Hermes itself tells one (gateway/status.py), word by word: a shell or `timeout` that runs one is none."""
        words = _after_interpreter(argv)
        program, rest = words[:1], words[1:]
        if program == ["gateway.run"] or "".join(program).endswith("/gateway/run.py"):
            return True
        if not program or not (program[0] == "hermes_cli.main" or program[0].endswith(_PROGRAMS)):
            return False
        said = _without_options(rest)
        return said[:1] == ["gateway"] and said[1:2] in ([], ["run"], ["restart"])

    def read_at_start(self, file: str, path: Path) -> bool:
        return file == ".env" or path[0] not in READ_AT_RUN

    def health(self, body: str) -> HealthReading:
        """Reads /health/detailed."""
        reply = _object(body)
        pid, platforms = reply.get("pid"), reply.get("platforms")
        server = platforms.get("api_server") if isinstance(platforms, dict) else None
        state = server.get("state") if isinstance(server, dict) else None
        problem = "" if state in (None, "connected") else f"api_server is {state}"
        return HealthReading(
            ok=reply.get("status") == "ok" and not problem,
            pid=_count(pid),
            version=str(reply.get("version", "")),
            busy=_busy(reply),
            problem=problem,
        )

    def identity(self, body: str) -> str | None:
        """Reads /v1/models: the name that the gateway answers to."""
        data = _object(body).get("data")
        first = data[0] if isinstance(data, list) and data else None
        name = first.get("id") if isinstance(first, dict) else None
        return name if isinstance(name, str) else None

    def run_started(self, body: str) -> str | None:
        """Reads the reply of POST /v1/runs."""
        run = _object(body).get("run_id")
        return run if isinstance(run, str) else None

    def run(self, body: str) -> RunReading:
        """Reads GET /v1/runs/ID."""
        reply = _object(body)
        state = _RUNS.get(str(reply.get("status")), RunState.WORKING)
        text = reply.get("output") if state is RunState.COMPLETED else reply.get("error")
        return RunReading(state, text if isinstance(text, str) else json.dumps(text) if text else "")

    def heartbeat(self, text: str) -> float | None:
        """Reads state/gateway.heartbeat, written every 30 s by the event loop itself."""
        return _moment(_object(text).get("updated_at"))

    def exit(self, code: int) -> str:
        if code < 0:
            return f"killed by signal {-code}"
        known = _EXITS.get(code)
        return f"{known} (exit code {code})" if known else f"ended with exit code {code}"

    def port_taken(self, text: str, since: float) -> bool:
        """Reads gateway_state.json. What a platform said in an earlier run stays in it, so each has its own time."""
        platforms = _object(text).get("platforms")
        server = platforms.get("api_server") if isinstance(platforms, dict) else None
        if not isinstance(server, dict) or server.get("error_code") != "api_server_port_in_use":
            return False
        at = _moment(server.get("updated_at"))
        return at is not None and at >= since


_PROGRAMS = ("/hermes", "/hermes_cli/main.py")
_PROFILE = ("-p", "--profile")


def _after_interpreter(argv: Sequence[str]) -> list[str]:
    """The script or module that a Python runs, and its own arguments."""
    words = list(argv)
    if words and words[0].rsplit("/", 1)[-1].startswith("python"):
        words = words[1:]
        while words and words[0].startswith("-") and words[0] != "-m":
            words = words[1:]
        return words[1:] if words[:1] == ["-m"] else words[:1] and [f"/{words[0]}", *words[1:]]
    return words[:1] and [f"/{words[0]}", *words[1:]]


def _without_options(words: Sequence[str]) -> list[str]:
    """Commands and what they are about. A profile's name may be any word, also `gateway`."""
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if not word.startswith("-") and before not in _PROFILE
    ]


def _moment(stamp: object) -> float | None:
    """Seconds since the epoch, of a time in ISO 8601."""
    try:
        return datetime.fromisoformat(stamp).timestamp() if isinstance(stamp, str) else None
    except (ValueError, OverflowError):
        return None


def _busy(reply: Mapping[str, object]) -> int | None:
    """readiness.checks.background_queues.active_api_runs; absent on 0.18.2."""
    value: object = reply
    for name in ("readiness", "checks", "background_queues", "active_api_runs"):
        value = value.get(name) if isinstance(value, dict) else None
    return _count(value)


def _count(value: object) -> int | None:
    """A whole number; JSON's true is none, although Python says so."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


HERMES = Hermes()
