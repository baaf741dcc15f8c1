"""Plans made by hand: one of each thing that people can meet."""

from __future__ import annotations

from reconciler.plan.change import Action, Cause, Change, Disposition, FieldChange, Plan, Reason, Refusal
from reconciler.plan.fields import wanted_fields
from reconciler.plan.held import Stored
from reconciler.plan.resource import (
    CodebaseVersion,
    Directory,
    Format,
    KeyedFile,
    OwnedKey,
    Process,
    PypiInstall,
    Resource,
    Symlink,
    TextFile,
)
from reconciler.plan.value import FieldPath, Hidden, SecretRef, Value, known

COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
ROOT = "/root/wizards"
NEW = (Reason(Cause.DECLARED, "new in Git"),)
CHANGED = (Reason(Cause.CHANGED, "changed in Git"),)
DRIFT = (Reason(Cause.DRIFT, "changed by hand on the host"),)
GONE = (Reason(Cause.REMOVED, "no longer in Git"),)
PORT: FieldPath = ("key", "platforms", "api_server", "extra", "port")
START_PORT: FieldPath = ("config.yaml", "platforms", "api_server", "extra", "port")
OLD_SECRET = Hidden("3f1b" * 16)
NEW_SECRET = Hidden("9c7e" * 16)
CODEBASE = CodebaseVersion(
    "codebase/hermes-agent/0.19.0",
    None,
    f"{ROOT}/.codebases/hermes-agent/0.19.0",
    PypiInstall("hermes-agent", "0.19.0", ("aiohttp",)),
)
SOUL = "# Ezra House Charter\n\nEntity:\n- Scribe and archivist\n- First of the house\n\nRole:\n- Keeps the records\n"
NEW_SOUL = SOUL.replace("- Keeps the records\n", "- Keeps the records\n- Answers letters\n").replace("First", "Elder")


def directory(wizard: str, name: str = "") -> Directory:
    tail = f"/{name}" if name else ""
    return Directory(f"wizard/{wizard}/dir{tail}", wizard, f"{ROOT}/{wizard}{tail}", 0o700)


def soul(wizard: str) -> TextFile:
    return TextFile(f"wizard/{wizard}/file/home/SOUL.md", wizard, f"{ROOT}/{wizard}/home/SOUL.md", 0o600, SOUL)


def script(wizard: str) -> TextFile:
    path = f"{ROOT}/{wizard}/start-gateway.sh"
    return TextFile(
        f"wizard/{wizard}/file/start-gateway.sh", wizard, path, 0o700, "#!/bin/sh\nexec hermes gateway run\n"
    )


def config(wizard: str, port: int) -> KeyedFile:
    keys = (
        OwnedKey(("model", "default"), known("qwen2.5:1.5b")),
        OwnedKey(("model", "provider"), known("custom")),
        OwnedKey(PORT[1:], known(port)),
        OwnedKey(("toolsets",), known(["files", "web"])),
    )
    path = f"{ROOT}/{wizard}/home/config.yaml"
    return KeyedFile(f"wizard/{wizard}/file/home/config.yaml", wizard, path, 0o600, Format.YAML, keys)


def env(wizard: str) -> KeyedFile:
    keys = (
        OwnedKey(("API_SERVER_KEY",), SecretRef("generate", f"{wizard}/API_SERVER_KEY")),
        OwnedKey(("ANTHROPIC_API_KEY",), SecretRef("env", "ANTHROPIC_API_KEY")),
    )
    path = f"{ROOT}/{wizard}/home/.env"
    return KeyedFile(f"wizard/{wizard}/file/home/.env", wizard, path, 0o600, Format.ENV, keys)


def link(wizard: str) -> Symlink:
    return Symlink(f"wizard/{wizard}/link/hermes-agent", wizard, f"{ROOT}/{wizard}/hermes-agent", CODEBASE.path)


def body(wizard: str, port: int) -> Process:
    key = SecretRef("generate", f"{wizard}/API_SERVER_KEY")
    return Process(
        key=f"wizard/{wizard}/body",
        wizard=wizard,
        program="hermes",
        version="0.19.0",
        codebase=CODEBASE.path,
        argv=(f"{CODEBASE.path}/bin/hermes", "gateway", "run"),
        env=(("HERMES_HOME", f"{ROOT}/{wizard}/home"),),
        cwd=f"{ROOT}/{wizard}",
        log=f"{ROOT}/{wizard}/logs/gateway.log",
        port=port,
        run=True,
        start_values=(OwnedKey(START_PORT, known(port)), OwnedKey((".env", "API_SERVER_KEY"), key)),
        api_key=key,
        identity=wizard,
        stop_signal="INT",
        stop_seconds=45,
        home=f"{ROOT}/{wizard}/home",
    )


def resources(wizard: str, port: int) -> tuple[Resource, ...]:
    folders = tuple(directory(wizard, name) for name in ("", "home", "work", "completed", "logs", "workspace"))
    return (*folders, soul(wizard), config(wizard, port), env(wizard), link(wizard), script(wizard))


def change(
    resource: Resource,
    action: Action,
    reasons: tuple[Reason, ...],
    *fields: FieldChange,
    disposition: Disposition = Disposition.APPLY,
    obstacle: str = "",
    stored: Stored | None = None,
) -> Change:
    return Change(
        resource.key,
        resource.wizard,
        action,
        resource,
        reasons,
        fields,
        disposition=disposition,
        obstacle=obstacle,
        stored=stored,
    )


def field(path: FieldPath, before: Value | None, after: Value | None, cause: Cause = Cause.CHANGED) -> FieldChange:
    return FieldChange(path, before, after, cause)


def creation(resource: Resource) -> Change:
    fields = (field(path, None, value, Cause.DECLARED) for path, value in wanted_fields(resource, {}))
    return change(resource, Action.CREATE, NEW, *fields)


def new_wizard(wizard: str, port: int) -> tuple[Change, ...]:
    start = change(body(wizard, port), Action.START, (Reason(Cause.DECLARED, "Git wants it running"),))
    return (*(creation(resource) for resource in resources(wizard, port)), start)


def plan(*changes: Change, refusals: tuple[Refusal, ...] = (), warnings: tuple[str, ...] = ()) -> Plan:
    return Plan("hermes-vps", COMMIT, changes, (), refusals, warnings, wizards=("allegro", "allegro-primus", "ezra"))


FIRST = Plan(
    "hermes-vps",
    COMMIT,
    (
        creation(CODEBASE),
        *new_wizard("allegro", 8647),
        *new_wizard("allegro-primus", 8644),
        *new_wizard("ezra", 8643),
    ),
    (),
    warnings=(
        "allegro-primus: qwen2.5:1.5b takes 32,768 tokens and Hermes wants 64,000; "
        "model.context_length: 65536 passes its check and only overrides the number",
    ),
    unenforced=(
        "Cron allegro-dispatch: */20 * * * * dispatch for allegro",
        "Cron allegro-monitor: */10 * * * * monitor for allegro",
        "Task TASK-001: Index the archive",
        "Service gitea: health http://127.0.0.1:3000/api/healthz",
    ),
    wizards=("allegro", "allegro-primus", "ezra"),
)
EMPTY = plan()
PORT_CHANGE = plan(
    change(
        config("ezra", 8650),
        Action.UPDATE,
        CHANGED,
        field(PORT, known(8643), known(8650)),
        field(("key", "model", "default"), known("claude-opus-4.5"), known("claude-opus-4.6")),
        field(("key", "toolsets"), known(["files"]), known(["files", "web"])),
        field(("key", "memory", "user_profile_enabled"), None, known(True), Cause.CHANGED),
        field(("key", "memory", "nudge"), known("on"), None, Cause.CHANGED),
    ),
    change(
        body("ezra", 8650),
        Action.RESTART,
        (Reason(Cause.NEEDS, "port 8643 -> 8650"),),
        field(START_PORT, known(8643), known(8650)),
    ),
)
DRIFTED = Plan(
    "hermes-vps",
    COMMIT,
    (
        change(
            config("ezra", 8643),
            Action.UPDATE,
            (*CHANGED, *DRIFT),
            field(PORT, known(9999), known(8643), Cause.DRIFT),
            field(("key", "model", "default"), known("claude-opus-4.5"), known("claude-opus-4.6")),
        ),
        change(soul("ezra"), Action.UPDATE, DRIFT, field(("text",), known(NEW_SOUL), known(SOUL), Cause.DRIFT)),
        change(
            directory("ezra", "home"),
            Action.UPDATE,
            DRIFT,
            field(("mode",), known("0755"), known("0700"), Cause.DRIFT),
        ),
        change(link("ezra"), Action.CREATE, (Reason(Cause.DRIFT, "was removed by hand"),)),
        change(body("ezra", 8643), Action.START, (Reason(Cause.ENDED, "killed by SIGKILL"),)),
    ),
    (),
    undeclared=(
        ("wizard/ezra/file/home/config.yaml", ("command_allowlist", "_config_version")),
        ("wizard/allegro/file/home/config.yaml", tuple(f"mcp_servers.server_{n}.url" for n in range(12))),
    ),
    wizards=("allegro", "ezra"),
)
SECRET = plan(
    change(
        env("ezra"),
        Action.UPDATE,
        CHANGED,
        field(("key", "API_SERVER_KEY"), OLD_SECRET, NEW_SECRET),
        field(("key", "ANTHROPIC_API_KEY"), None, NEW_SECRET),
        field(("key", "OLD_TOKEN"), OLD_SECRET, None, Cause.REMOVED),
        field(("key", "SEARXNG_URL"), OLD_SECRET, known("http://127.0.0.1:8080")),
    ),
    change(
        body("ezra", 8643),
        Action.RESTART,
        (Reason(Cause.NEEDS, "API_SERVER_KEY (secret) -> (secret)"),),
        field((".env", "API_SERVER_KEY"), OLD_SECRET, NEW_SECRET),
        field(("inputs",), known("5d41" * 16), known("7d79" * 16)),
    ),
)
WAITING = plan(
    change(
        config("allegro", 8647),
        Action.UPDATE,
        CHANGED,
        field(PORT, known(8647), known(8648)),
        disposition=Disposition.HELD,
        obstacle="paused since 2026-04-01T08:00:00Z: moving house (reconciler resume allegro)",
    ),
    change(
        body("allegro", 8648),
        Action.RESTART,
        (Reason(Cause.NEEDS, "port 8647 -> 8648"),),
        field(START_PORT, known(8647), known(8648)),
        disposition=Disposition.HELD,
        obstacle="paused since 2026-04-01T08:00:00Z: moving house (reconciler resume allegro)",
    ),
    change(
        body("ezra", 8643),
        Action.START,
        (Reason(Cause.ENDED, "exit code 78"),),
        disposition=Disposition.BLOCKED,
        obstacle="port 8643 is taken by pid 4242 (nc); stop it, or give ezra another port",
    ),
)
REFUSED = plan(
    change(body("ezra", 8643), Action.STOP, GONE),
    change(
        directory("ezra"),
        Action.STORE,
        GONE,
        stored=Stored("ezra", f"{ROOT}/.attic/ezra", f"{ROOT}/ezra"),
    ),
    refusals=(
        Refusal(
            "1 wizard would be removed (ezra), and the policy allows 0",
            "add the trailer `Reconciler-Allow: deletions=1` to the commit, or give --allow-deletions 1",
        ),
    ),
)
ADOPTED = plan(
    change(directory("ezra"), Action.CLAIM, (Reason(Cause.EXISTS, "is there already, as Git wants it"),)),
    change(
        config("ezra", 8643),
        Action.UPDATE,
        (Reason(Cause.EXISTS, "was there before us"),),
        field(PORT, known(8642), known(8643), Cause.EXISTS),
    ),
    change(script("bob"), Action.DELETE, GONE),
    change(config("bob", 8660), Action.RELEASE, GONE),
)
RETURNED = plan(
    change(
        directory("ezra"),
        Action.RETURN,
        (Reason(Cause.DECLARED, "is in Git again: its memories come back from the attic"),),
        stored=Stored("ezra", f"{ROOT}/.attic/ezra", f"{ROOT}/ezra"),
    ),
    change(body("ezra", 8643), Action.START, (Reason(Cause.DECLARED, "Git wants it running"),)),
)
ALL = {
    "first": FIRST,
    "empty": EMPTY,
    "port_change": PORT_CHANGE,
    "drifted": DRIFTED,
    "secret": SECRET,
    "waiting": WAITING,
    "refused": REFUSED,
    "adopted": ADOPTED,
    "returned": RETURNED,
}
