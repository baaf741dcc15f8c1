"""What each operation of a step does to the host; one method an operation. Effects execute and never choose.

Raises Retryable when something outside is in the way and Terminal when a person has to mend something. Not done here:
journal, order, threads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import assert_never

from reconciler.agents import AGENTS
from reconciler.engine.gate import Gate
from reconciler.engine.host import Host
from reconciler.engine.observe import look_at, program_name
from reconciler.errors import ReconcilerError, Retryable, Terminal
from reconciler.plan.canary import version_left
from reconciler.plan.change import Action, Change, Copies, FieldChange, Operation, Step
from reconciler.plan.fields import KEY, inputs_digest, secret_refs, wanted_fields
from reconciler.plan.held import Origin, Renaming, Start
from reconciler.plan.resource import CodebaseVersion, Directory, KeyedFile, Process, Symlink, TextFile
from reconciler.plan.value import Known, SecretRef
from reconciler.protocols.files import KeyEdit
from reconciler.protocols.runtime import INPUTS_VARIABLE, PROGRAM_VARIABLE, Program, Stopped


class Effects:
    """`cancelled` is asked while a gate holds and while something is installed."""

    def __init__(self, host: Host, cancelled: Callable[[], bool]) -> None:
        self._host = host
        self._cancelled = cancelled
        self._gate = Gate(host, cancelled)

    def perform(self, step: Step, change: Change) -> str:  # noqa: PLR0911 - one line an operation
        """Does the step; returns what to say about it in the history."""
        match step.operation:
            case Operation.INSTALL:
                return self._install(change)
            case Operation.MAKE_DIRECTORY | Operation.WRITE_TEXT | Operation.EDIT_KEYS | Operation.LINK:
                return self._write(change)
            case Operation.REMOVE:
                return self._remove(change)
            case Operation.RECORD:
                return "recorded"
            case Operation.STOP:
                return self._stop(change)
            case Operation.START:
                return self._start(change)
            case Operation.GATE:
                return self._hold(change, self._host.limits.gate_hold, soaks=change.soaks)
            case Operation.SOAK:
                held = self._hold(change, self._host.limits.soak, soaks=False)
                return f"as the canary, {held}; the others may move"
            case Operation.COPY_DATABASES | Operation.PUT_BACK_DATABASES:
                return self._databases(step, change)
            case Operation.STORE | Operation.RETURN:
                return self._move(step, change)
            case Operation.RENAME:
                return self._rename(change)
            case _:
                assert_never(step.operation)

    def _install(self, change: Change) -> str:
        if not isinstance(change.resource, CodebaseVersion):
            raise TypeError(change.key)
        self._host.codebases.install(change.resource, self._cancelled)
        return f"installed at {change.resource.path}"

    def _write(self, change: Change) -> str:
        files = self._host.files
        match change.resource:
            case Directory(path=path, mode=mode):
                files.make_directory(path, mode)
                return ""
            case TextFile(path=path, mode=mode, text=text):
                kept = files.keep(path)
                files.write_text(path, text, mode)
                return f"the text before is kept at {kept}" if kept else ""
            case Symlink(path=path, target=target):
                files.link(path, target)
                return ""
            case KeyedFile() as resource:
                return self._edit(change, resource)
            case _:
                raise TypeError(change.key)

    def _edit(self, change: Change, resource: KeyedFile) -> str:
        kept = self._host.files.keep(resource.path) if self._overwrites(change) else None
        edits = [self._key_edit(field, resource) for field in change.fields if field.path[0] == KEY]
        self._host.files.edit_keys(resource.path, resource.format, edits, resource.mode)
        return f"the file before is kept at {kept}" if kept else ""

    def _overwrites(self, change: Change) -> bool:
        """Whether values go that we did not write ourselves. Ours stand in Git, or are secrets that were rotated."""
        held = self._host.ledger.records().held.get(change.key)
        last = dict(held.fields) if held else {}
        keys = (field for field in change.fields if field.path[0] == KEY)
        return any(field.before is not None and field.before != last.get(field.path) for field in keys)

    def _key_edit(self, field: FieldChange, resource: KeyedFile) -> KeyEdit:
        path = field.path[1:]
        if field.after is None:
            return KeyEdit(path, None)
        value = next(key.value for key in resource.keys if key.path == path)
        match value:
            case Known(text=text):
                return KeyEdit(path, text)
            case SecretRef():
                return KeyEdit(path, json.dumps(self._host.secrets.reveal(value)))
            case _:
                assert_never(value)

    def _remove(self, change: Change) -> str:
        if isinstance(change.resource, Process):
            raise TypeError(change.key)
        if isinstance(change.resource, CodebaseVersion):
            # Nothing leads back to it any more, so neither do the copies of databases that were made when it was left.
            copies = self._host.databases.discard(digest_of(change.resource.path))
            self._host.codebases.remove(change.resource)
            what = "1 copy" if copies == 1 else f"{copies} copies"
            along = f" and {what} of databases made when it was left" if copies else ""
            return f"removed {change.resource.path}{along}"
        kept = self._host.files.keep(change.resource.path) if isinstance(change.resource, TextFile) else None
        if change.origin is Origin.CREATED:
            self._host.files.remove(change.resource.path)
        return f"the text before is kept at {kept}" if kept else ""

    def _move(self, step: Step, change: Change) -> str:
        stored = change.stored
        if stored is None:
            raise TypeError(change.key)
        ends = (stored.original, stored.path) if step.operation is Operation.STORE else (stored.path, stored.original)
        self._host.files.move(*ends)
        return f"moved from {ends[0]} to {ends[1]}"

    def _rename(self, change: Change) -> str:
        """What was generated for the old name is copied first, so that a failure of the move leaves all in place."""
        stored, renaming = change.stored, change.renaming
        if stored is None or renaming is None:
            raise TypeError(change.key)
        self._host.secrets.inherit(renaming.old, renaming.new)
        self._host.databases.inherit(renaming.old, renaming.new)
        self._host.files.move(stored.path, stored.original)
        return f"moved from {stored.path} to {stored.original}{forget(self._host, renaming)}"

    def _stop(self, change: Change) -> str:
        process = _process(change)
        if change.databases is Copies.MADE:
            # What can't be copied is told while the gateway still runs, and leaves it running.
            self._host.databases.rehearse(*_copied(process, change))
        last = self._host.ledger.records().starts.get(process.key)
        if last and change.action is Action.RESTART:
            # From here on its gate is owed: should we be killed, it goes on first, before its siblings.
            self._host.ledger.started(process.key, replace(last, proven=False))
        stopped = self._rest(process)
        how = "was killed after its time to stop" if stopped.forced else "stopped"
        return how if stopped.exit_code is None else f"{how} (exit code {stopped.exit_code})"

    def _rest(self, process: Process) -> Stopped:
        """From here on nothing runs, and nobody but us can start it: its supervisor does not know it any more."""
        name = program_name(process.key)
        stopped = self._host.runtime.stop(name, process.stop_seconds, process.home)
        self._host.runtime.forget(name)
        return stopped

    def _start(self, change: Change) -> str:
        """A start is unproven until its gate has passed: a pass that is killed in between leaves that to the next."""
        process = _process(change)
        program = self._program(process)
        log, now = self._length(process.log), self._host.clock.now()
        self._host.runtime.start(program)
        fact = look_at(self._host, process)
        started = fact.started if fact.started is not None else now
        self._host.ledger.started(process.key, Start(started, proven=False, soaks=change.soaks, log=log))
        return f"pid {fact.pid}" if fact.pid else f"started ({fact.state.value})"

    def _length(self, log: str) -> int:
        """A log that can't be looked at is told by what fails on it."""
        try:
            return self._host.files.size(log)
        except ReconcilerError:
            return 0

    def _passed(self, process: Process, *, soaks: bool) -> None:
        """It has held. `soaks`: as the canary it owes its soak still, which a killed pass leaves to the next."""
        fact, now = look_at(self._host, process), self._host.clock.now()
        last = self._host.ledger.records().starts.get(process.key) or Start(now, proven=False)
        started = fact.started if fact.started is not None else now
        self._host.ledger.started(process.key, replace(last, started=started, proven=True, soaks=soaks))

    def _program(self, process: Process) -> Program:
        name = program_name(process.key)
        markers = ((INPUTS_VARIABLE, self.inputs(process)), (PROGRAM_VARIABLE, name))
        return Program(
            name=name,
            argv=process.argv,
            env=(*process.env, *markers),
            cwd=process.cwd,
            log=process.log,
            stop_signal=process.stop_signal,
            stop_seconds=process.stop_seconds,
            quiet_exits=AGENTS[process.program].quiet_exits,
        )

    def inputs(self, process: Process) -> str:
        """The digest that the live process will carry; all secrets exist by now."""
        return inputs_digest(wanted_fields(process, self._host.secrets.observe(secret_refs(process))))

    def _databases(self, step: Step, change: Change) -> str:
        """Copies carry the version that made them; what a failed version did to the databases goes with it."""
        process = _process(change)
        self._rest(process)
        self._host.ledger.started(process.key, Start(self._host.clock.now(), proven=False))
        if step.operation is Operation.COPY_DATABASES:
            names = self._host.databases.copy(*_copied(process, change))
            return f"copied {', '.join(names)}" if names else "there are none to copy"
        patterns = AGENTS[process.program].databases
        label = f"{process.wizard}/{digest_of(process.codebase)}"
        back = self._host.databases.restore(process.home, patterns, label)
        if back is None:
            return f"the copies {label} are gone, so its databases stay as the failed version left them"
        if not back:
            return "there are none to put back"
        return f"put back {', '.join(back)}; what they replaced is kept beside the copies {label}"

    def _hold(self, change: Change, seconds: float, *, soaks: bool) -> str:
        process = _process(change)
        verdict = self._gate.hold(process, self.inputs(process), seconds)
        if verdict.passed:
            self._passed(process, soaks=soaks)
            return verdict.text
        name = program_name(process.key)
        self._host.runtime.stop(name, process.stop_seconds, process.home)
        with suppress(ReconcilerError):
            self._host.runtime.unplanned(name)  # that it ended is told as the failure of its gate, and is no news
        what = f"did not pass its gate: {verdict.text}"
        if verdict.blocked:
            mend = "free the port, or give the wizard another" if not verdict.by_hand else "look for what starts it"
            raise Retryable(what, where=process.key, mend=f"{mend}; it is tried again")
        raise Terminal(what, where=process.key, mend=f"see `reconciler logs {process.wizard}`")


def forget(host: Host, renaming: Renaming) -> str:
    """Takes away what was generated for a name that nobody has any more. The rename is done by then: what can't be
    taken away is said, and does no harm."""
    try:
        host.secrets.forget(renaming.old)
    except ReconcilerError as error:
        return f"; the secrets made for {renaming.old} could not be removed: {error}"
    return ""


def digest_of(codebase: str) -> str:
    """A name for the copies made before a codebase version was left."""
    return hashlib.sha256(codebase.encode()).hexdigest()[:16]


def _copied(process: Process, change: Change) -> tuple[str, tuple[str, ...], str]:
    """Home, patterns and label of the databases to copy."""
    label = f"{process.wizard}/{digest_of(version_left(change))}"
    return process.home, AGENTS[process.program].databases, label


def _process(change: Change) -> Process:
    if not isinstance(change.resource, Process):
        raise TypeError(change.key)
    return change.resource
