"""Compiles each wizard of this host into primitive resources: folders, files, links, a codebase, a process.

A new feature is a new rule here, not a new engine. Pure: a fleet and a host's root in, resources out. The same fleet
gives equal resources in the same order. Not done here: looking at the host, comparing, ordering.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.agents import AGENTS
from reconciler.agents.hermes import API_KEY
from reconciler.agents.program import Agent, Place
from reconciler.errors import Terminal
from reconciler.plan.codebases import codebase_path, codebase_version, program_version
from reconciler.plan.resource import (
    Directory,
    Format,
    KeyedFile,
    OwnedKey,
    Process,
    Resource,
    Symlink,
    TextFile,
)
from reconciler.plan.soul import company, soul_text
from reconciler.plan.value import FieldPath, Known, SecretRef, known
from reconciler.spec.age import age_body
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import (
    Codebase,
    DesiredState,
    EnvValue,
    FromAge,
    FromEnv,
    FromFile,
    Generate,
    Policy,
    Wizard,
)
from reconciler.spec.position import Position

ATTIC = ".attic"
PRIVATE = 0o700
SECRET_FILE = 0o600
BODY_RUNS = frozenset({DesiredState.ROBED, DesiredState.UNROBED})


@dataclass(frozen=True, slots=True)
class Desired:
    """What Git declares for one host. `resources` are in an order in which they could be made."""

    host: str
    root: str
    commit: str
    resources: tuple[Resource, ...]
    wizards: tuple[str, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    """Wizards that other hosts run."""
    policy: Policy = field(default_factory=Policy)
    unenforced: tuple[str, ...] = ()
    positions: Mapping[str, Position] = field(default_factory=dict)
    """Wizard -> where it is declared."""
    fathers: Mapping[str, str] = field(default_factory=dict)
    """Wizard -> its father, of the whole fleet."""
    former: Mapping[str, str] = field(default_factory=dict)
    """Earlier name -> the wizard that was called so, of the whole fleet."""
    canaries: Mapping[str, str] = field(default_factory=dict)
    """Path of a codebase version -> the wizard that its Codebase names as canary."""
    runs: Mapping[str, str] = field(default_factory=dict)
    """Wizard -> path of the codebase version that Git declares for it."""
    company: Mapping[str, str] = field(default_factory=dict)
    """Wizard -> the line of its SOUL.md that comes of other wizards."""
    standing: Mapping[str, str] = field(default_factory=dict)
    """Wizard that is to run on its last generation meanwhile -> what its declaration waits for."""


def expand(fleet: DesiredFleet, host: str, root: str | None, commit: str) -> Desired:
    """Everything that the fleet wants on `host`, below `root` (default: the root that the fleet declares).

    Raises Terminal when the fleet does not know the host: an unknown host is never an empty fleet.
    """
    if host not in fleet.fleet.hosts:
        names = ", ".join(sorted(fleet.fleet.hosts))
        raise Terminal(
            f"this host is called {host!r}, and the fleet knows only {names}",
            where="settings: host",
            mend="set host to one of them, or add it to the Fleet document",
        )
    place = (root or fleet.fleet.hosts[host].root).rstrip("/")
    mine = sorted(w.name for w in fleet.wizards.values() if fleet.host_of(w) == host)
    wizards = [fleet.wizards[name] for name in mine]
    codebases = sorted({w.codebase for w in wizards})
    resources = [codebase_version(fleet.codebases[name], place) for name in codebases]
    return Desired(
        host=host,
        root=place,
        commit=commit,
        resources=(*resources, *(r for w in wizards for r in wizard_resources(fleet, w, place))),
        wizards=tuple(mine),
        elsewhere=frozenset(fleet.wizards) - frozenset(mine),
        policy=fleet.fleet.policy,
        unenforced=tuple(_unenforced(fleet, host)),
        fathers={w.name: w.father for w in fleet.wizards.values() if w.father},
        former={old: w.name for w in fleet.wizards.values() for old in w.formerly},
        canaries={codebase_path(c, place): c.canary for c in (fleet.codebases[name] for name in codebases) if c.canary},
        runs={w.name: codebase_path(fleet.codebases[w.codebase], place) for w in wizards},
        company={w.name: company(fleet, w) for w in wizards},
        positions={name: fleet.positions["Wizard", name] for name in mine if ("Wizard", name) in fleet.positions},
    )


def wizard_resources(fleet: DesiredFleet, wizard: Wizard, root: str) -> Iterator[Resource]:
    """One wizard's resources, in an order in which they could be made."""
    codebase = fleet.codebases[wizard.codebase]
    agent = AGENTS[codebase.program]
    folder = f"{root}/{wizard.name}"
    place = Place(
        folder=folder,
        home=f"{root}/{wizard.home or wizard.name + '/home'}",
        workspace=f"{folder}/workspace",
        codebase=codebase_path(codebase, root),
    )
    prefix = f"wizard/{wizard.name}"
    yield from _folders(wizard, place, prefix)
    config, env = _owned(fleet, wizard, agent, place)
    owner = wizard.name
    yield TextFile(
        f"{prefix}/file/home/SOUL.md", owner, f"{place.home}/SOUL.md", 0o600, soul_text(fleet, wizard, place)
    )
    yield KeyedFile(
        f"{prefix}/file/home/config.yaml", owner, f"{place.home}/config.yaml", SECRET_FILE, Format.YAML, config
    )
    yield KeyedFile(f"{prefix}/file/home/.env", owner, f"{place.home}/.env", SECRET_FILE, Format.ENV, env)
    process = _process(wizard, codebase, agent, place, (config, env))
    yield Symlink(f"{prefix}/link/hermes-agent", owner, f"{folder}/hermes-agent", place.codebase)
    yield TextFile(
        f"{prefix}/file/start-gateway.sh", owner, f"{folder}/start-gateway.sh", PRIVATE, _start_script(wizard, process)
    )
    yield process


def _folders(wizard: Wizard, place: Place, prefix: str) -> Iterator[Resource]:
    owner = wizard.name
    yield Directory(f"{prefix}/dir", owner, place.folder, PRIVATE)
    yield Directory(f"{prefix}/dir/home", owner, place.home, PRIVATE)
    for name in ("work", "completed", "logs", "workspace"):
        yield Directory(f"{prefix}/dir/{name}", owner, f"{place.folder}/{name}", PRIVATE)


def _owned(
    fleet: DesiredFleet, wizard: Wizard, agent: Agent, place: Place
) -> tuple[tuple[OwnedKey, ...], tuple[OwnedKey, ...]]:
    """Keys of config.yaml and of .env that Git owns, each sorted by path."""
    model = fleet.models[wizard.model]
    config = {**agent.config_keys(wizard, model, place), **dict(_leaves(wizard.config, ()))}
    env = agent.env_keys(wizard, model)
    return (
        tuple(OwnedKey(path, known(value)) for path, value in sorted(config.items())),
        tuple(OwnedKey((name,), _env_value(wizard, name, value)) for name, value in sorted(env.items())),
    )


def _leaves(value: Mapping[str, object], path: FieldPath) -> Iterator[tuple[FieldPath, object]]:
    """Flattens nested mappings; lists and empty mappings are leaves."""
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _leaves(item, (*path, name))
        else:
            yield (*path, name), item


def _env_value(wizard: Wizard, name: str, value: EnvValue) -> Known | SecretRef:
    match value:
        case str():
            return known(value)
        case Generate():
            return SecretRef("generate", f"{wizard.name}/{name}")
        case FromEnv(env=variable):
            return SecretRef("env", variable)
        case FromFile(file=path):
            return SecretRef("file", path)
        case FromAge(age=encrypted):
            return SecretRef("age", age_body(encrypted))


def _process(
    wizard: Wizard,
    codebase: Codebase,
    agent: Agent,
    place: Place,
    owned: tuple[tuple[OwnedKey, ...], tuple[OwnedKey, ...]],
) -> Process:
    version = program_version(codebase)
    config, env = owned
    start_values = [
        OwnedKey((file, *key.path), key.value)
        for file, keys in (("config.yaml", config), (".env", env))
        for key in keys
        if agent.read_at_start(file, key.path)
    ]
    api_key = next(key.value for key in env if key.path == (API_KEY,))
    if not isinstance(api_key, SecretRef):
        raise Terminal("the key of an API server must be a secret, not text in Git", where=f"wizard {wizard.name}")
    return Process(
        key=f"wizard/{wizard.name}/body",
        wizard=wizard.name,
        program=codebase.program,
        version=version,
        codebase=place.codebase,
        argv=agent.argv(version, place),
        env=tuple(sorted(agent.environment(version, place).items())),
        cwd=place.folder,
        log=f"{place.folder}/logs/gateway.log",
        port=wizard.port,
        run=wizard.desired in BODY_RUNS,
        start_values=tuple(start_values),
        api_key=api_key,
        identity=wizard.name,
        stop_signal=agent.stop_signal,
        stop_seconds=agent.stop_seconds,
        home=place.home,
    )


def _start_script(wizard: Wizard, process: Process) -> str:
    """What a person runs by hand: the same program with the same environment, and nothing of their shell."""
    lines = [f"  {_quoted(f'{name}={value}')} \\" for name, value in process.env]
    return "\n".join(
        [
            "#!/bin/sh",
            f"# Starts {wizard.name}'s gateway in this terminal, for a look by hand. Written by reconciler.",
            "# Hermes refuses to start a second gateway on a home whose gateway runs.",
            f"cd {_quoted(process.cwd)} || exit 1",
            "exec env -i \\",
            *lines,
            "  " + " ".join(_quoted(word) for word in process.argv) + ' "$@"',
            "",
        ]
    )


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _unenforced(fleet: DesiredFleet, host: str) -> Iterator[str]:
    """What the fleet declares for this host and this version does not do."""
    mine = {w.name for w in fleet.wizards.values() if fleet.host_of(w) == host}
    for cron in fleet.crons.values():
        if cron.wizard in mine:
            yield f"Cron {cron.name}: {cron.schedule} {cron.run.value} for {cron.wizard}"
    for task in fleet.tasks.values():
        if task.wizard in mine:
            yield f"Task {task.name}: {task.title}"
    for service in fleet.services.values():
        if service.health and service.host in (None, host):
            yield f"Service {service.name}: health {service.health}"
    for name in sorted({fleet.wizards[w].model for w in mine}):
        if fleet.models[name].pull:
            yield f"Model {name}: pull {fleet.models[name].id}"
    for name in sorted(mine):
        wizard = fleet.wizards[name]
        if wizard.robe or wizard.desired in (DesiredState.ROBED, DesiredState.LOBSTER):
            yield f"Wizard {name}: its Robe (desired {wizard.desired.value})"
