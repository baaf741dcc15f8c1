"""A host made of dictionaries: what a plan sees and what its steps do, in memory and without time.

It is the reference of what apply means. Every step checks what a real host would need: its needs are done, the parent
folder is there, the port is free, the codebase is installed, the process is down before its folder moves. Steps run in
any order that their needs allow. Not done here: comparing and choosing, which is what is being tested.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.plan.canary import version_left
from reconciler.plan.change import Action, Change, Operation, Plan, Step
from reconciler.plan.codebases import version_key
from reconciler.plan.expand import Desired
from reconciler.plan.fact import (
    Absent,
    Fact,
    InTheWay,
    Listener,
    Observed,
    Present,
    ProcessFact,
    ProcessState,
    SecretFact,
    Unknown,
)
from reconciler.plan.fields import KEY, inputs_digest, mode_value, secret_refs, source_value, wanted_fields
from reconciler.plan.formerly import borrowed, carried, renamed
from reconciler.plan.held import Held, Origin, Pause, Records, Renaming, Start, Stored
from reconciler.plan.resource import (
    CodebaseVersion,
    Directory,
    FileResource,
    Format,
    KeyedFile,
    Process,
    Resource,
    Symlink,
    TextFile,
)
from reconciler.plan.retire import folder_key
from reconciler.plan.value import FieldPath, Hidden, Known, SecretRef, Value, known

Tree = dict[str, object]
ABSENT = Absent()
HAS_PID = (ProcessState.RUNNING, ProcessState.STARTING, ProcessState.ORPHAN)
LIVES = (*HAS_PID, ProcessState.BACKOFF)
"""Runs, or may be started by its supervisor any moment."""


@dataclass
class Node:
    """What stands at a path. `content` is text of a file, the tree of a keyed file, the target of a link, the source
    of a codebase, and None for a folder. `kind` is the `type` of the resource it can be seen as, or "strange"."""

    kind: str
    mode: int = 0
    content: object = None


@dataclass
class Live:
    """A process, or what its supervisor remembers of it. `port` is what it listens on."""

    state: ProcessState
    pid: int | None
    port: int
    inputs: str | None
    exit_code: int | None = None
    codebase: str = ""


@dataclass
class Host:
    files: dict[str, Node] = field(default_factory=dict)
    processes: dict[str, Live] = field(default_factory=dict)
    strangers: dict[int, int] = field(default_factory=dict)
    """Port -> pid of somebody else's listener."""
    secrets: dict[SecretRef, str] = field(default_factory=dict)
    """Texts; `env` and `file` secrets exist unless they are in `missing`."""
    missing: set[SecretRef] = field(default_factory=set)
    unknown: dict[str, str] = field(default_factory=dict)
    """Resource key -> why it can't be observed."""
    records: Records = field(default_factory=Records)
    next_pid: int = 1000
    _facts: dict[str, Fact] = field(default_factory=dict)
    _secret_facts: Mapping[SecretRef, SecretFact] = field(default_factory=dict)
    _seen: tuple[Desired, Records, Records] | None = None

    # Observing

    def observe(self, desired: Desired) -> Observed:
        """The same objects as last time for whatever is as it was."""
        records = self.seen(desired)
        facts = {key: self._same(key, fact) for key, fact in self._look(desired, records)}
        refs = {ref for r in self._resources(desired, records) for ref in secret_refs(r)}
        under = borrowed(refs, records)
        secrets = {ref: self.secret_fact(under.get(ref, ref)) for ref in refs}
        if secrets != self._secret_facts:
            self._secret_facts = secrets
        return Observed(facts, self._secret_facts, self.listeners())

    def seen(self, desired: Desired) -> Records:
        """The records as a plan has to see them; the same object as last time while nothing changed."""
        last = self._seen
        if last is None or last[0] is not desired or last[1] is not self.records:
            self._seen = last = (desired, self.records, renamed(desired, self.records))
        return last[2]

    def listeners(self) -> dict[int, Listener]:
        ours = {p.port: Listener(p.port, p.pid, "hermes") for p in self.processes.values() if p.state in HAS_PID}
        return ours | {port: Listener(port, pid, "stranger") for port, pid in self.strangers.items()}

    def secret_fact(self, ref: SecretRef) -> SecretFact:
        if ref in self.missing:
            return SecretFact("", f"{ref.source} {ref.location} is not there; put it there")
        if ref.source == "generate" and ref not in self.secrets:
            return SecretFact("")
        return SecretFact(digest(self.reveal(ref)))

    def reveal(self, ref: SecretRef) -> str:
        assert ref not in self.missing
        return self.secrets.setdefault(ref, f"text of {ref.source} {ref.location}")

    def _same(self, key: str, fact: Fact) -> Fact:
        old = self._facts.get(key)
        if old is None or old != fact:
            self._facts[key] = old = fact
        return old

    def _resources(self, desired: Desired, records: Records) -> list[Resource]:
        wanted = {r.key for r in desired.resources}
        gone = (
            e.resource
            for key, e in records.held.items()
            if key not in wanted and e.resource.wizard not in records.attic
        )
        return [*desired.resources, *gone]

    def _look(self, desired: Desired, records: Records) -> Iterator[tuple[str, Fact]]:
        for resource in self._resources(desired, records):
            if resource.key in self.unknown:
                yield resource.key, Unknown(self.unknown[resource.key])
            elif isinstance(resource, Process):
                yield resource.key, self._process_fact(resource.key)
            else:
                yield resource.key, self._file_fact(resource, self.place(resource, records), records)
        for name in desired.wizards:
            folder = next(r for r in desired.resources if r.key == folder_key(name))
            if name in records.attic and isinstance(folder, Directory):
                key, fact = f"{folder.key}/original", self._file_fact(folder, folder.path, records)
                yield key, Unknown(self.unknown[key]) if key in self.unknown else fact

    def place(self, resource: FileResource | CodebaseVersion, records: Records | None = None) -> str:
        """Where the resource is now: its own path, below the attic, or below the folder of an earlier name."""
        attic = (records or self.records).attic
        stored = attic.get(resource.wizard) if resource.wizard else None
        if stored and below(resource.path, stored.original):
            return stored.path + resource.path[len(stored.original) :]
        return resource.path

    def _file_fact(self, resource: FileResource | CodebaseVersion, path: str, records: Records | None = None) -> Fact:
        node = self.files.get(path)
        if node is None:
            return ABSENT
        if node.kind != resource.type:
            return InTheWay(f"a {node.kind}")
        match resource:
            case Directory():
                return Present(((("mode",), mode_value(node.mode)),))
            case TextFile():
                return Present(((("mode",), mode_value(node.mode)), (("text",), known(node.content))))
            case KeyedFile():
                return Present(
                    tuple(sorted(self._keyed(resource, node, records or self.records), key=lambda item: item[0]))
                )
            case Symlink():
                return Present(((("target",), known(node.content)),))
            case CodebaseVersion():
                return Present(((("source",), known(json.loads(str(node.content)))),) if node.content else ())

    def _keyed(self, resource: KeyedFile, node: Node, records: Records) -> Iterator[tuple[FieldPath, Value]]:
        """Values that neither Git nor we declared in the open are hidden."""
        held = records.held.get(resource.key)
        applied = held.fields if held else ()
        shown = {key.path for key in resource.keys if isinstance(key.value, Known)}
        shown |= {path[1:] for path, value in applied if path[0] == KEY and isinstance(value, Known)}
        yield ("mode",), mode_value(node.mode)
        for path, value in leaves(tree_of(node)):
            near = any(path[: len(p)] == p or p[: len(path)] == path for p in shown)
            yield (KEY, *path), known(value) if near else Hidden(digest(plain(value)))

    def _process_fact(self, key: str) -> ProcessFact:
        live = self.processes.get(key)
        if live is None:
            return ProcessFact(ProcessState.STOPPED)
        return ProcessFact(live.state, live.pid, 1.0 if live.pid else None, live.inputs, live.exit_code)

    # Applying

    def apply(
        self,
        plan: Plan,
        pick: Callable[[int], int] = lambda ready: 0,
        fails: Callable[[Step], bool] = lambda step: False,
        limit: int | None = None,
    ) -> list[str]:
        """Runs the steps in an order that their needs allow (`pick` chooses among so many that are ready) and returns
        the ids of those that were done. `fails`: this step fails, and what needs it is skipped. `limit`: killed after
        so many steps."""
        assert not plan.refusals, "a refused plan is applied whole or not at all"
        changes = {change.key: change for change in plan.changes}
        waiting = list(plan.steps)
        done: list[str] = []
        while waiting and len(done) != limit:
            ready = [step for step in waiting if set(step.needs) <= set(done)]
            if not ready:
                break
            step = ready[pick(len(ready)) % len(ready)]
            waiting.remove(step)
            if not fails(step):
                self.perform(step, changes[step.key], plan.commit)
                done.append(step.id)
            elif step.operation in (Operation.GATE, Operation.SOAK):
                self.processes.pop(step.key, None)
        return done

    def perform(self, step: Step, change: Change, commit: str) -> None:
        """One step: its effect, then what the inventory says."""
        if step.operation in (Operation.EDIT_KEYS, Operation.START):
            for ref in secret_refs(change.resource):
                self.reveal(ref)
        self._effect(step.operation, change)
        self._record(step.operation, change, commit)

    def _effect(self, operation: Operation, change: Change) -> None:
        resource = change.resource
        match operation, resource:
            case Operation.INSTALL, CodebaseVersion(path=path, source=source):
                self._put(path, Node("codebase", content=source_value(source).text))
            case Operation.MAKE_DIRECTORY, Directory(path=path, mode=mode):
                self._put(path, Node("directory", mode))
            case Operation.WRITE_TEXT, TextFile(path=path, mode=mode, text=text):
                self._put(path, Node("text", mode, text))
            case Operation.LINK, Symlink(path=path, target=target):
                self._installed(target)
                self._put(path, Node("symlink", content=target))
            case Operation.EDIT_KEYS, KeyedFile():
                self._edit(change, resource)
            case Operation.REMOVE, Directory(path=path) | TextFile(path=path) | Symlink(path=path):
                self._remove(change, path)
            case Operation.START, Process():
                self._start(resource)
            case Operation.STOP, Process(key=key):
                self.processes.pop(key, None)
            case Operation.REMOVE, CodebaseVersion(path=path):
                assert not [key for key, live in self.processes.items() if live.codebase == path], f"{path} is in use"
                assert self.files.pop(path).kind == "codebase"
            case Operation.STORE | Operation.RETURN | Operation.RENAME, Directory():
                self._move(operation, change)
            case Operation.COPY_DATABASES | Operation.PUT_BACK_DATABASES, Process(key=key):
                live = self.processes.get(key)
                assert live is None or live.state not in LIVES, "its databases are in use, or may be any moment"
            case Operation.GATE | Operation.SOAK, Process(key=key):
                assert self.processes[key].state is ProcessState.RUNNING
            case Operation.RECORD, _:
                pass
            case _:
                raise AssertionError(f"{operation} of {resource.key}")

    def _put(self, path: str, node: Node) -> None:
        old = self.files.get(path)
        assert old is None or old.kind == node.kind, f"{path} is a {old and old.kind}"
        if node.kind not in ("directory", "codebase"):
            parent = self.files.get(path.rpartition("/")[0])
            assert parent is not None, f"{path} has no folder"
            assert parent.kind == "directory", f"the folder of {path} is a {parent.kind}"
        self.files[path] = node

    def _edit(self, change: Change, resource: KeyedFile) -> None:
        """Sets first, then removals; a removal leaves a section that has keys, and takes one that has none left."""
        node = self.files.get(resource.path)
        if node is None:
            self._put(resource.path, node := Node("keyed", resource.mode, {}))
        assert node.kind == "keyed"
        node.mode = resource.mode
        texts = {key.path: self._text(key.value) for key in resource.keys}
        edits = [(c.path[1:], c.after) for c in change.fields if c.path[0] == KEY]
        for path, after in edits:
            if after is not None:
                put(tree_of(node), path, json.loads(texts[path]))
        for path, after in edits:
            if after is None:
                cut(tree_of(node), path)
        if resource.format is Format.ENV:
            assert all(isinstance(value, str) for value in tree_of(node).values())

    def _text(self, value: Known | SecretRef) -> str:
        return value.text if isinstance(value, Known) else json.dumps(self.reveal(value))

    def _remove(self, change: Change, path: str) -> None:
        """As the disk does it: a folder that is not empty stays, silently."""
        held = self.records.held[change.key]
        assert held.origin is Origin.CREATED, f"{path} was there before us"
        if self.files[path].kind != "directory" or not any(other.startswith(path + "/") for other in self.files):
            del self.files[path]

    def _installed(self, path: str) -> None:
        assert self.files.get(path, Node("nothing")).kind == "codebase", f"{path} is not installed"

    def _start(self, process: Process) -> None:
        self._installed(process.codebase)
        live = self.processes.get(process.key)
        assert live is None or live.state not in LIVES, f"{process.key} would run twice"
        waiting = [
            key
            for key, p in self.processes.items()
            # On which port a supervisor starts one again is known from the ledger alone.
            if p.state is ProcessState.BACKOFF and p.port == process.port and key in self.records.held
        ]
        assert not waiting, f"port {process.port} may be taken any moment"
        assert process.port not in self.listeners(), f"port {process.port} is taken"
        for path in (process.home, process.cwd):
            assert self.files[path].kind == "directory"
        self.next_pid += 1
        inputs = inputs_digest(self._wanted(process))
        live = Live(ProcessState.RUNNING, self.next_pid, process.port, inputs, codebase=process.codebase)
        self.processes[process.key] = live

    def _move(self, operation: Operation, change: Change) -> None:
        stored = change.stored
        assert stored is not None
        names = [stored.wizard, *([change.renaming.old] if change.renaming else [])]
        assert not [n for n in names if f"wizard/{n}/body" in self.processes], f"{names} runs while its folder moves"
        ends = (stored.original, stored.path) if operation is Operation.STORE else (stored.path, stored.original)
        source, target = ends
        assert source in self.files, f"{source} is not there"
        assert not any(below(path, target) for path in self.files), f"{target} is taken"
        self.files = {
            target + path[len(source) :] if below(path, source) else path: node for path, node in self.files.items()
        }
        if change.renaming:
            old, new = (f"{name}/" for name in (change.renaming.old, change.renaming.new))
            made = [ref for ref in self.secrets if ref.source == "generate" and ref.location.startswith(old)]
            for ref in made:
                self.secrets[replace(ref, location=new + ref.location.removeprefix(old))] = self.secrets.pop(ref)

    def _wanted(self, resource: Resource) -> tuple[tuple[FieldPath, Value], ...]:
        return wanted_fields(resource, {ref: self.secret_fact(ref) for ref in secret_refs(resource)})

    def _record(self, operation: Operation, change: Change, commit: str) -> None:
        held, attic = dict(self.records.held), dict(self.records.attic)
        if operation is Operation.STORE and change.stored:
            attic[change.stored.wizard] = change.stored
        elif change.renaming:
            self._rename(operation, change.renaming, held, attic)
        elif change.stored:
            del attic[change.stored.wizard]
        elif change.action is Action.RELEASE or operation is Operation.REMOVE or change.action is Action.STOP:
            held.pop(change.key, None)  # nothing is held of a process that a lost ledger forgot
        elif operation not in (Operation.STOP, Operation.SOAK):
            held.pop(change.key, None)  # what is written anew comes last
            held[change.key] = self._entry(operation, change, commit)
        if operation in (Operation.START, Operation.STOP):
            before = self.records.held.get(change.key)
            process = change.resource if operation is Operation.START else before and before.resource
            key = version_key(process.codebase) if isinstance(process, Process) else ""
            if key in held:
                held[key] = held.pop(key)  # used just now
        self.records = replace(self.records, held=held, attic=attic)
        owed = operation is Operation.STOP and change.action is Action.RESTART and change.key in self.records.starts
        if owed or operation in (Operation.START, Operation.GATE):
            start = Start(1.0, proven=operation is Operation.GATE)
            self.records = replace(self.records, starts={**self.records.starts, change.key: start})

    def _rename(
        self, operation: Operation, renaming: Renaming, held: dict[str, Held], attic: dict[str, Stored]
    ) -> None:
        """A stop under the old name leaves the inventory as it is: it goes along with the folder."""
        if operation is not Operation.RENAME:
            return
        along = carried(self.records, renaming)
        for key in [key for key, entry in held.items() if entry.resource.wizard == renaming.old]:
            del held[key]
        held.update(along.held)
        attic.pop(renaming.old, None)
        rest = {n: g for n, g in self.records.generations.items() if n not in (renaming.old, renaming.new)}
        self.records = replace(
            self.records,
            generations={**rest, renaming.new: along.generations} if along.generations else rest,
            starts={**self.records.starts, **dict(along.starts)},
        )

    def _entry(self, operation: Operation, change: Change, commit: str) -> Held:
        """A process that moved has left its older version until it has passed its gate."""
        entry = Held(change.resource, change.origin, self._wanted(change.resource), commit)
        old = self.records.held.get(change.key)
        left = old.left if old else ""
        match operation:
            case Operation.COPY_DATABASES:
                return replace(entry, left=left or version_left(change))
            case Operation.START:
                return replace(entry, left=left)
            case _:
                return entry

    # What others do

    def pause(self, wizard: str) -> None:
        pauses = {**self.records.pauses, wizard: Pause(wizard, "looking at it", "2026-01-01T00:00:00Z")}
        self.records = replace(self.records, pauses=pauses)

    def calm(self, desired: Desired) -> None:
        """Takes away whatever only stands in the way. A gateway that a lost ledger forgot and that Git no longer
        declares is a stranger like any other."""
        known = self.records.held.keys() | {r.key for r in desired.resources}
        self.processes = {key: live for key, live in self.processes.items() if key in known}
        self.strangers.clear()
        self.missing.clear()
        self.unknown.clear()
        self.records = replace(self.records, pauses={})
        self.files = {path: node for path, node in self.files.items() if node.kind != "strange"}

    def copy(self) -> Host:
        return copy.deepcopy(self)


def digest(text: str) -> str:
    return hashlib.sha256(b"key of this host" + text.encode()).hexdigest()


def plain(value: object) -> str:
    return value if isinstance(value, str) else known(value).text


def below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def tree_of(node: Node) -> Tree:
    assert isinstance(node.content, dict)
    return node.content


def leaves(tree: Tree, path: FieldPath = ()) -> Iterator[tuple[FieldPath, object]]:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


def put(tree: Tree, path: FieldPath, value: object) -> None:
    for part in path[:-1]:
        inner = tree.get(part)
        if not isinstance(inner, dict):
            tree[part] = inner = {}
        tree = inner
    tree[path[-1]] = value


def cut(tree: Tree, path: FieldPath) -> None:
    chain: list[Tree] = [tree]
    for part in path[:-1]:
        inner = chain[-1].get(part)
        if not isinstance(inner, dict):
            return
        chain.append(inner)
    value = chain[-1].get(path[-1])
    if path[-1] not in chain[-1] or (isinstance(value, dict) and value):
        return
    del chain[-1][path[-1]]
    for parent, part, inner in reversed(list(zip(chain, path[:-1], chain[1:], strict=False))):
        if not inner:
            del parent[part]
