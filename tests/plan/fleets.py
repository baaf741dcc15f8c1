"""Generated fleets, edits of them, and what befalls a host between two passes.

Everything is a small value that shrinks: a `Chapter` is what happens to Git and to the host before one pass. The pools
are small on purpose, so that wizards meet: ports are swapped, names come back, keys are declared, removed and overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from hypothesis import strategies as st

from reconciler.plan.build import Rules
from reconciler.plan.codebases import codebase_version
from reconciler.plan.expand import Desired, expand
from reconciler.plan.fact import ProcessState
from reconciler.plan.fields import secret_refs
from reconciler.plan.held import Records
from reconciler.plan.resource import CodebaseVersion, Directory, KeyedFile, Process, Resource, Symlink, TextFile
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import (
    Charter,
    CheckoutSource,
    Codebase,
    CodebaseSource,
    DesiredState,
    EnvValue,
    Fleet,
    FromEnv,
    FromFile,
    Generate,
    Model,
    Policy,
    PypiSource,
    SoulCharter,
    SoulFile,
    Wizard,
)
from reconciler.spec.kinds import Host as FleetHost
from tests.plan.host import HAS_PID, Host, Live, Node, put, tree_of

HERE, ELSEWHERE, ROOT = "vps", "other", "/srv/wizards"
NAMES = ("ada", "bo", "cy", "di")
VERSIONS = ("0.19.0", "0.20.0", "0.21.0", "0123456789abcdef" * 2 + "01234567")
PORTS = (8643, 8644, 8645, 8646, 8647)
FREE = Rules(deletions=frozenset(NAMES), restarts=len(NAMES))
"""Everything is permitted."""

MODELS = {
    "cloud": Model(
        kind="Model", name="cloud", id="claude", provider="anthropic", env={"CLOUD_KEY": FromEnv(env="CLOUD_KEY")}
    ),
    "big": Model(kind="Model", name="big", id="qwen:7b", provider="custom", base_url="http://127.0.0.1:1/v1"),
    "small": Model(kind="Model", name="small", id="qwen:1b", provider="custom", context_length=65536),
}
"""The last two need the same variables, so that going from one to the other is no restart."""
SOULS = {"souls/a.md": "# A\n", "souls/b.md": "# B, with a longer soul\n"}

scalars = st.sampled_from([True, False, 1, 0, 1.0, "1", "true", "x", "", None])
_ui = st.one_of(
    scalars,
    st.lists(scalars, max_size=2),
    st.dictionaries(st.sampled_from(["theme", "font"]), scalars, max_size=2),
    st.just({"theme": {"name": "dark"}}),
)
configs = st.fixed_dictionaries(
    {},
    optional={
        "ui": _ui,
        "flags": st.fixed_dictionaries({"on": scalars}),
        "tools": st.fixed_dictionaries({"list": st.lists(scalars, max_size=3)}),
        "agent": st.fixed_dictionaries({"note": scalars}),
        "memory": st.fixed_dictionaries({"size": st.integers(1, 3)}),
    },
)
_env_values: dict[str, st.SearchStrategy[EnvValue]] = {
    "PLAIN": st.sampled_from(["a", "b", "with space", ""]),
    "MIXED": st.one_of(st.just("open"), st.just(Generate(generate=True)), st.just(FromEnv(env="MIXED"))),
    "TOKEN": st.just(FromFile(file="/etc/token")),
}
envs = st.fixed_dictionaries({}, optional=dict(_env_values))


@st.composite
def wizards(draw: st.DrawFn, name: str, port: int) -> Wizard:
    return Wizard(
        kind="Wizard",
        name=name,
        host=HERE,
        desired=draw(st.sampled_from([DesiredState.UNROBED] * 5 + list(DesiredState))),
        role=draw(st.sampled_from(["", "scribe"])),
        father=None,
        port=port,
        codebase=draw(st.sampled_from(["hermes", "hermes", "hermes-old"])),
        model=draw(st.sampled_from(sorted(MODELS))),
        soul=draw(st.one_of(st.sampled_from([SoulFile(file=f) for f in SOULS]), charters)),
        home="homes/di" if name == "di" else None,
        env=draw(envs),
        config=draw(configs),
    )


charters = st.builds(
    lambda identity, father: SoulCharter(charter=Charter(identity=identity, father=father)),
    st.sampled_from(["A scribe", "A student"]),
    st.sampled_from(["", "obeys"]),
)


def fleet_of(*found: Wizard, policy: Policy | None = None) -> DesiredFleet:
    """A fleet of two hosts with these wizards."""
    hosts = {HERE: FleetHost(root=ROOT), ELSEWHERE: FleetHost(root=ROOT)}
    codebases = {
        name: Codebase(
            kind="Codebase",
            name=name,
            source=PypiSource.model_validate({"pypi": "hermes-agent", "version": version, "with": ("aiohttp",)}),
        )
        for name, version in (("hermes", "0.19.0"), ("hermes-old", "0.18.2"))
    }
    return DesiredFleet(
        fleet=Fleet(kind="Fleet", name="test", hosts=hosts, policy=policy or Policy()),
        wizards={wizard.name: wizard for wizard in found},
        services={},
        codebases=codebases,
        models=MODELS,
        crons={},
        tasks={},
        positions={},
        souls={**SOULS, **{f"souls/{wizard.name}.md": f"# {wizard.name}\n" for wizard in found}},
    )


def simple(name: str, port: int = 8643, **fields: object) -> Wizard:
    """A wizard without anything special, but for `fields`."""
    plain: dict[str, object] = {
        "kind": "Wizard",
        "name": name,
        "host": HERE,
        "port": port,
        "codebase": "hermes",
        "model": "big",
        "soul": {"file": f"souls/{name}.md"},
    }
    return Wizard.model_validate({**plain, **fields})


def changed(fleet: DesiredFleet, name: str, **fields: object) -> DesiredFleet:
    return replace(fleet, wizards={**fleet.wizards, name: fleet.wizards[name].model_copy(update=fields)})


def at_version(fleet: DesiredFleet, version: str) -> DesiredFleet:
    """The codebase `hermes` at a release, or at a commit of 40 digits."""
    source: CodebaseSource = PypiSource(pypi="hermes-agent", version=version, with_=("aiohttp",))
    if len(version) == 40:
        source = CheckoutSource(git="https://git.example/hermes.git", commit=version, with_=("aiohttp",))
    codebase = fleet.codebases["hermes"].model_copy(update={"source": source})
    return replace(fleet, codebases={**fleet.codebases, "hermes": codebase})


def version_at(version: str, name: str = "hermes") -> CodebaseVersion:
    """The codebase version that `at_version` declares."""
    codebase = at_version(fleet_of(), version).codebases["hermes"]
    return codebase_version(codebase.model_copy(update={"name": name}), ROOT)


def without(fleet: DesiredFleet, *names: str) -> DesiredFleet:
    return replace(fleet, wizards={n: w for n, w in fleet.wizards.items() if n not in names})


@st.composite
def fleets(draw: st.DrawFn, least: int = 1) -> DesiredFleet:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=least, max_size=len(NAMES), unique=True))
    ports = draw(st.permutations(PORTS))
    return fleet_of(*(draw(wizards(name, port)) for name, port in zip(sorted(names), ports, strict=False)))


def desired_of(fleet: DesiredFleet, commit: str = "c0ffee00" * 5) -> Desired:
    return expand(fleet, HERE, None, commit)


class Edit(Enum):
    """What a commit does to the fleet."""

    NOTHING = "nothing"
    PORT = "port"
    SWAP = "swap"
    SHIFT = "shift"
    MODEL = "model"
    CONFIG = "config"
    ENV = "env"
    STATE = "state"
    CODEBASE = "codebase"
    VERSION = "codebase version"
    SOUL = "soul"
    REMOVE = "remove"
    ADD = "add"
    REMOVE_AND_ADD = "remove and add"
    MOVE_HOST = "move to another host"


@dataclass(frozen=True)
class Commit:
    """An edit; `wizards` are drawn beside it and used where the edit needs new values."""

    edit: Edit
    pick: int
    new: Wizard

    def apply(self, fleet: DesiredFleet) -> DesiredFleet:
        here = sorted(name for name, w in fleet.wizards.items() if w.host == HERE)
        if self.edit is Edit.ADD or not here:
            return self._added(fleet)
        name = here[self.pick % len(here)]
        match self.edit:
            case Edit.NOTHING | Edit.ADD:
                return fleet
            case Edit.PORT:
                return changed(fleet, name, port=self._free(fleet))
            case Edit.SWAP | Edit.SHIFT:
                return self._turned(fleet, here)
            case Edit.MODEL:
                return changed(fleet, name, model=self.new.model)
            case Edit.CONFIG:
                return changed(fleet, name, config=self.new.config)
            case Edit.ENV:
                return changed(fleet, name, env=self.new.env)
            case Edit.STATE:
                return changed(fleet, name, desired=self.new.desired)
            case Edit.CODEBASE:
                return changed(fleet, name, codebase=self.new.codebase)
            case Edit.VERSION:
                return at_version(fleet, VERSIONS[self.pick % len(VERSIONS)])
            case Edit.SOUL:
                return changed(fleet, name, soul=self.new.soul)
            case Edit.REMOVE:
                return without(fleet, name)
            case Edit.REMOVE_AND_ADD:
                return self._added(without(fleet, name))
            case Edit.MOVE_HOST:
                return changed(fleet, name, host=ELSEWHERE)

    def _free(self, fleet: DesiredFleet) -> int:
        taken = {w.port for w in fleet.wizards.values()}
        return next(port for port in (*PORTS, 8699) if port not in taken)

    def _added(self, fleet: DesiredFleet) -> DesiredFleet:
        """A name that is not there, or one that lives on the other host."""
        names = [n for n in NAMES if n not in fleet.wizards or fleet.wizards[n].host != HERE]
        if not names:
            return fleet
        name = names[self.pick % len(names)]
        home = "homes/di" if name == "di" else None
        rest = without(fleet, name)
        new = self.new.model_copy(update={"name": name, "host": HERE, "port": self._free(rest), "home": home})
        return replace(rest, wizards={**rest.wizards, name: new})

    def _turned(self, fleet: DesiredFleet, here: list[str]) -> DesiredFleet:
        """Everybody takes the port of the next one; a shift gives the last one a fresh port instead."""
        ports = [fleet.wizards[name].port for name in here]
        ports = [*ports[1:], ports[0] if self.edit is Edit.SWAP else self._free(fleet)]
        for name, port in zip(here, ports, strict=True):
            fleet = changed(fleet, name, port=port)
        return fleet


commits = st.builds(Commit, st.sampled_from(Edit), st.integers(0, 3), wizards(name="ada", port=8643))


class Blow(Enum):
    """What befalls a host. The first ones are drift, which one pass mends; the others only stand in the way."""

    DELETE = "a file deleted"
    MODE = "a mode changed"
    TEXT = "a text changed"
    KEY = "an owned key changed"
    COUSIN = "an owned key changed to what Python takes for the same"
    KEY_GONE = "an owned key removed"
    RELINK = "a link changed"
    KILL = "a process killed"
    ORPHAN = "a process outside its supervisor"
    FOREIGN_INPUTS = "a process started with other values"
    BACKOFF = "a supervisor that gave up"
    AGENT_KEY = "the agent added a key"
    AGENT_FILE = "the agent wrote a file"
    LEDGER_LOST = "the ledger was lost"
    STRANGER = "a stranger on a port"
    UNKNOWN = "something can't be observed"
    PAUSE = "a pause"
    SECRET_MISSING = "a secret is missing"
    IN_THE_WAY = "something else stands in its place"
    HALF_BUILT = "a codebase version that was left in the middle"


OBSTACLES = frozenset({Blow.STRANGER, Blow.UNKNOWN, Blow.PAUSE, Blow.SECRET_MISSING, Blow.IN_THE_WAY})
AGENTS_OWN = frozenset({Blow.AGENT_KEY, Blow.AGENT_FILE})
DRIFT = frozenset(Blow) - OBSTACLES - AGENTS_OWN - {Blow.LEDGER_LOST}
COUSINS: tuple[tuple[object, object], ...] = ((True, 1), (False, 0), (1, 1.0))


@dataclass(frozen=True)
class Disturbance:
    blow: Blow
    pick: int
    value: object

    def strike(self, host: Host, desired: Desired) -> str | None:
        """Does it to the host; returns the key of the resource that was hit, or None where it can't be done."""
        match self.blow:
            case Blow.DELETE:
                return self._delete(host, desired)
            case Blow.MODE | Blow.TEXT | Blow.RELINK:
                return self._file(host, desired)
            case Blow.KEY | Blow.COUSIN | Blow.KEY_GONE:
                return self._key(host, desired)
            case Blow.KILL | Blow.ORPHAN | Blow.FOREIGN_INPUTS | Blow.BACKOFF:
                return self._process(host)
            case Blow.AGENT_KEY | Blow.AGENT_FILE:
                return self._agent(host, desired)
            case Blow.HALF_BUILT:
                return self._half_built(host)
            case Blow.LEDGER_LOST:
                host.records = Records(attic=host.records.attic)
                return None
            case _:
                return self._obstacle(host, desired)

    def _choose(self, found: list[Resource]) -> Resource | None:
        return found[self.pick % len(found)] if found else None

    def _there(self, host: Host, desired: Desired, *kinds: type[Resource]) -> list[Resource]:
        """Resources of the kinds that stand on the disk, as what they are."""
        return [
            r
            for r in desired.resources
            if isinstance(r, kinds) and not isinstance(r, Process) and host.place(r) == r.path
            if r.path in host.files and host.files[r.path].kind == r.type
        ]

    def _delete(self, host: Host, desired: Desired) -> str | None:
        found = self._choose(self._there(host, desired, TextFile, KeyedFile, Symlink))
        if found is None or isinstance(found, Process):
            return None
        del host.files[found.path]
        return found.key

    def _file(self, host: Host, desired: Desired) -> str | None:
        kinds: tuple[type[Resource], ...] = (Directory, TextFile, KeyedFile)
        kinds = {Blow.TEXT: (TextFile,), Blow.RELINK: (Symlink,)}.get(self.blow, kinds)
        found = self._choose(self._there(host, desired, *kinds))
        if found is None or isinstance(found, Process):
            return None
        node = host.files[found.path]
        if self.blow is Blow.MODE:
            node.mode ^= 0o011
        else:
            node.content = f"{node.content}, by hand"
        return found.key

    def _key(self, host: Host, desired: Desired) -> str | None:
        """An owned key gets another value, one that only its type tells apart, or goes."""
        spots = [
            (file, key.path)
            for file in self._there(host, desired, KeyedFile)
            if isinstance(file, KeyedFile)
            for key in file.keys
            if self._fits(read(host.files[file.path], key.path))
        ]
        if not spots:
            return None
        file, path = spots[self.pick % len(spots)]
        tree = tree_of(host.files[file.path])
        before = read(host.files[file.path], path)
        if self.blow is Blow.KEY_GONE:
            parent = tree
            for part in path[:-1]:
                inner = parent[part]
                assert isinstance(inner, dict)
                parent = inner
            del parent[path[-1]]
        elif self.blow is Blow.COUSIN:
            put(tree, path, cousin(before))
        else:
            put(tree, path, f"{before}, by hand")
        return file.key

    def _fits(self, value: object) -> bool:
        if isinstance(value, dict):
            return False
        return cousin(value) is not None if self.blow is Blow.COUSIN else value is not MISSING

    def _process(self, host: Host) -> str | None:
        running = sorted(key for key, live in host.processes.items() if live.state in HAS_PID)
        if not running:
            return None
        key = running[self.pick % len(running)]
        live = host.processes[key]
        match self.blow:
            case Blow.KILL:
                host.processes[key] = Live(ProcessState.EXITED, None, live.port, None, -9)
            case Blow.BACKOFF:
                host.processes[key] = Live(ProcessState.BACKOFF, None, live.port, None, 1)
            case Blow.ORPHAN:
                live.state = ProcessState.ORPHAN
            case _:
                live.inputs = "0" * 64 if self.pick % 2 else None
        return key

    def _agent(self, host: Host, desired: Desired) -> str | None:
        folders = self._there(host, desired, Directory)
        files = [f for f in self._there(host, desired, KeyedFile) if isinstance(f, KeyedFile)]
        if self.blow is Blow.AGENT_FILE:
            folder = self._choose(folders)
            if not isinstance(folder, Directory):
                return None
            host.files.setdefault(f"{folder.path}/of-the-agent", Node("foreign", 0o600, f"written {self.pick}"))
            return folder.key
        file = self._choose([*files])
        if not isinstance(file, KeyedFile):
            return None
        env = file.key.endswith(".env")
        path = ("AGENT_KEY",) if env else AGENT_PATHS[self.pick % len(AGENT_PATHS)]
        if any(key.path[: len(path)] == path or path[: len(key.path)] == key.path for key in file.keys):
            return None
        put(tree_of(host.files[file.path]), path, "mine" if env else self.value)
        return file.key

    def _half_built(self, host: Host) -> str | None:
        """Also one that is used: a program may run on from a folder that an update of it left in the middle."""
        versions = [r for r in (e.resource for e in host.records.held.values()) if isinstance(r, CodebaseVersion)]
        found = self._choose([r for r in versions if r.path in host.files])
        if not isinstance(found, CodebaseVersion):
            return None
        host.files[found.path].content = ""
        return found.key

    def _obstacle(self, host: Host, desired: Desired) -> str | None:
        processes = [r for r in desired.resources if isinstance(r, Process)]
        found = self._choose([*desired.resources, *(e.resource for e in host.records.held.values())])
        if found is None:
            return None
        match self.blow:
            case Blow.STRANGER if processes:
                port = processes[self.pick % len(processes)].port
                if port not in host.listeners():
                    host.strangers[port] = 1
            case Blow.UNKNOWN:
                host.unknown[found.key] = "permission denied"
            case Blow.PAUSE:
                host.pause(NAMES[self.pick % len(NAMES)])
            case Blow.SECRET_MISSING:
                refs = sorted({ref for r in processes for ref in secret_refs(r) if ref.source != "generate"})
                if refs:
                    host.missing.add(refs[self.pick % len(refs)])
            case Blow.IN_THE_WAY:
                parent = "" if isinstance(found, Process) else found.path.rpartition("/")[0]
                if not isinstance(found, Process | Directory) and parent in host.files and found.path not in host.files:
                    host.files[found.path] = Node("strange")
            case _:
                return None
        return found.key


AGENT_PATHS = (("learned",), ("agent", "learned"), ("ui", "learned"), ("ui", "theme", "learned"), ("memory", "learned"))
MISSING = object()


def read(node: Node, path: tuple[str, ...]) -> object:
    """The value at a path of a keyed file, or MISSING."""
    value: object = tree_of(node)
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return MISSING
        value = value[part]
    return value


def cousin(value: object) -> object:
    """What Python takes for equal although it is another value in a file; None when there is none."""
    for a, b in COUSINS:
        for one, other in ((a, b), (b, a)):
            if type(value) is type(one) and value == one:
                return other
    return None


def disturbances(blows: frozenset[Blow]) -> st.SearchStrategy[Disturbance]:
    ordered = sorted(blows, key=lambda blow: blow.name)
    return st.builds(Disturbance, st.sampled_from(ordered), st.integers(0, 60), scalars)


@dataclass(frozen=True)
class Chapter:
    """What happens before one pass (commits to Git, blows to the host), and how the pass goes: `picks` choose among the
    steps that are ready, `failing` tells which of them fail (as a share of seven), `limit` ends it early."""

    commits: tuple[Commit, ...]
    blows: tuple[Disturbance, ...]
    picks: tuple[int, ...] = (0,)
    failing: int = 0
    limit: int | None = None

    def pick(self, ready: int) -> int:
        return self.picks[ready % len(self.picks)]


@st.composite
def chapters(draw: st.DrawFn, blows: frozenset[Blow], rough: bool = False) -> Chapter:
    return Chapter(
        tuple(draw(st.lists(commits, max_size=2))),
        tuple(draw(st.lists(disturbances(blows), max_size=4))) if blows else (),
        tuple(draw(st.lists(st.integers(0, 20), min_size=1, max_size=3))),
        draw(st.integers(0, 3)) if rough else 0,
        draw(st.none() | st.integers(0, 30)) if rough else None,
    )


@dataclass(frozen=True)
class Story:
    fleet: DesiredFleet
    chapters: tuple[Chapter, ...]


def stories(
    blows: frozenset[Blow] = frozenset(Blow), *, rough: bool = False, length: int = 3
) -> st.SearchStrategy[Story]:
    """A first fleet and up to `length` chapters. `rough`: steps fail and passes are killed."""
    found = st.lists(chapters(blows, rough), min_size=1, max_size=length)
    return st.builds(Story, fleets(), found.map(tuple))
