"""Intent before, outcome after: the only place that writes what happened into the ledger while a plan is applied.

`updates` says what the inventory will hold once a step is done. Intents left open by a kill are resolved by observing:
what turns out to have happened is recorded as done, everything else as interrupted, and the next plan sees to it.
A start that was announced counts as one that was tried, whatever came of it: the databases were copied before it, and
must not be copied again after a new version may have changed them.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.engine.effects import forget
from reconciler.engine.host import Host
from reconciler.engine.observe import Observer
from reconciler.plan.canary import never_held_since, version_left
from reconciler.plan.change import Action, Change, Operation, Step
from reconciler.plan.codebases import version_key
from reconciler.plan.diff import HAS_PROCESS, LIVE
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Absent, Fact, Observed, Present, ProcessFact, Unknown
from reconciler.plan.fields import inputs_digest, secret_refs, wanted_fields
from reconciler.plan.formerly import carried
from reconciler.plan.held import Held, Origin, Records, Renaming, Start
from reconciler.plan.resource import Directory, Process, Resource
from reconciler.protocols.ledger import Intent, Result, Update

_HOLDS = frozenset(
    {
        Operation.INSTALL,
        Operation.MAKE_DIRECTORY,
        Operation.WRITE_TEXT,
        Operation.EDIT_KEYS,
        Operation.LINK,
        Operation.RECORD,
    }
)
_DROPS = frozenset({Action.RELEASE, Action.DELETE})
_MOVES = frozenset({Operation.STORE, Operation.RETURN, Operation.RENAME})


def update_for(host: Host, step: Step, change: Change, commit: str) -> Update:
    """What the inventory will hold when the step is done."""
    if isinstance(change.resource, Process):
        return _of_process(host, step, change, commit)
    entry = _held(host, change, commit)
    match step.operation:
        case Operation.RECORD if change.action is Action.RELEASE and change.stored:
            return Update(returned=(change.stored.wizard,))  # somebody emptied the attic
        case Operation.EDIT_KEYS | Operation.RECORD | Operation.REMOVE if change.action in _DROPS:
            return Update(drop=(change.key,))
        case Operation.STORE if change.stored:
            return Update(stored=(change.stored,))
        case Operation.RETURN if change.wizard:
            return Update(returned=(change.wizard,))
        case Operation.RENAME if change.renaming:
            return _renamed(host.ledger.records(), change.renaming)
        case operation if operation in _HOLDS:
            return Update(hold=((change.key, entry),))
        case _:
            return Update()


def _renamed(records: Records, one: Renaming) -> Update:
    """All that is known of the wizard goes over at once. Its process was stopped before under the old name, and is held
    until now: what it was started with tells what differs."""
    along = carried(records, one)
    return Update(
        hold=along.held,
        drop=tuple(key for key, entry in records.held.items() if entry.resource.wizard == one.old),
        returned=(one.old,) if one.old in records.attic else (),
        renamed=((one.old, one.new),),
        generations=along.generations,
        starts=along.starts,
    )


def _of_process(host: Host, step: Step, change: Change, commit: str) -> Update:
    """The same for the steps of a process.

    Once its databases have been copied it counts as moved, whatever comes next: a second copy would be one of what the
    new version has made of them.
    """
    records, entry = host.ledger.records(), _held(host, change, commit)
    old, left = records.held.get(change.key), never_held_since(change.key, records)
    match step.operation:
        case Operation.COPY_DATABASES:
            entry = replace(entry, left=left or version_left(change))
        case Operation.START:
            return Update(((change.key, replace(entry, left=left)),), used=_version(change.resource))
        case Operation.STOP:
            drop = (change.key,) if change.action is Action.STOP and not change.renaming else ()
            return Update(drop=drop, used=_version(old.resource) if old else ())
        case Operation.RECORD if change.action is Action.RELEASE:
            return Update(drop=(change.key,))
        case Operation.RECORD:
            entry = replace(entry, left=left)
        case Operation.GATE | Operation.PUT_BACK_DATABASES:
            pass
        case _:
            return Update()
    return Update(hold=((change.key, entry),))


def _version(resource: Resource) -> tuple[str, ...]:
    """Key of the codebase version that a process runs on."""
    return (version_key(resource.codebase),) if isinstance(resource, Process) else ()


def _held(host: Host, change: Change, commit: str) -> Held:
    secrets = host.secrets.observe(secret_refs(change.resource))
    origin = Origin.CREATED if isinstance(change.resource, Process) else change.origin
    return Held(change.resource, origin, wanted_fields(change.resource, secrets), commit)


def tried(step: Step, update: Update) -> Update:
    """What the inventory will hold when the step was not done."""
    return update if step.operation is Operation.START else Update()


def resolve(host: Host, observer: Observer) -> None:
    """Settles what a killed pass left open. The desired state has been read by now: only then is it known what may be
    looked at. A move of which one end can't be looked at stays open, since no plan could make up for it."""
    for intent in host.ledger.open_intents():
        observed = _look(intent, observer)
        unknown = any(isinstance(fact, Unknown) for fact in observed.facts.values())
        if unknown and intent.step.operation in _MOVES:
            continue
        done = _happened(intent, observed) or _passed(host, intent)
        words = "found done after an interruption" if done else "interrupted; the next plan sees to it"
        if done and intent.step.operation is Operation.RENAME and intent.change.renaming:
            words += forget(host, intent.change.renaming)
        host.say(f"{intent.change.key}: {intent.step.operation.value} was {words}", intent.change.wizard)
        if intent.step.operation is Operation.START:
            _owe_gate(host, intent, observed)
        host.ledger.settle(
            intent.id,
            Result.DONE if done else Result.INTERRUPTED,
            words,
            intent.update if done else _begun(intent, observed),
        )
    host.ledger.close_passes()


def _passed(host: Host, intent: Intent) -> bool:
    """A gate or a soak that was passed is remembered with its start, before its step is settled."""
    start = host.ledger.records().starts.get(intent.change.key)
    if start is None or not start.proven:
        return False
    return intent.step.operation is Operation.GATE or (intent.step.operation is Operation.SOAK and not start.soaks)


def _owe_gate(host: Host, intent: Intent, observed: Observed) -> None:
    """Whatever came of the start, its gate was not passed."""
    fact = observed.facts[intent.change.key]
    started = fact.started if isinstance(fact, ProcessFact) and fact.started else host.clock.now()
    host.ledger.started(intent.change.key, Start(started, proven=False, soaks=intent.change.soaks))


def _begun(intent: Intent, observed: Observed) -> Update:
    """An install that was begun is ours to finish, or to remove if nobody wants it any more."""
    if intent.step.operation is not Operation.INSTALL:
        return tried(intent.step, intent.update)
    if not isinstance(observed.facts[intent.change.key], Present):
        return Update()
    return Update(hold=tuple((key, replace(held, fields=())) for key, held in intent.update.hold))


def _happened(intent: Intent, observed: Observed) -> bool:
    """Whether the effect of an open intent is there."""
    step, change = intent.step, intent.change
    fact = observed.facts[change.key]
    match step.operation:
        case Operation.STORE if change.stored:
            return isinstance(fact, Absent) and isinstance(observed.facts["moved"], Present)
        case Operation.RETURN | Operation.RENAME:
            return isinstance(fact, Present) and isinstance(observed.facts["moved"], Absent)
        case Operation.REMOVE:
            return isinstance(fact, Absent)
        case Operation.STOP:
            return isinstance(fact, ProcessFact) and fact.state not in HAS_PROCESS
        case Operation.START:
            wanted = intent.update.hold[0][1].fields
            return isinstance(fact, ProcessFact) and fact.state in LIVE and fact.inputs == inputs_digest(wanted)
        case _:
            return _matches(fact, intent)


def _matches(fact: Fact, intent: Intent) -> bool:
    """Whether a file now holds what the intent was going to write, and no longer what it was to take out."""
    if not isinstance(fact, Present):
        return False
    live = dict(fact.fields)
    if any(change.after is None and change.path in live for change in intent.change.fields):
        return False
    return all(live.get(path) == value for _, held in intent.update.hold for path, value in held.fields)


def _look(intent: Intent, observer: Observer) -> Observed:
    """Observes just the resource of an intent, and the other end of a move."""
    resource = intent.change.resource
    alone = Desired(host="", root="", commit="", resources=(resource,))
    observed = observer.observe(alone, Records())
    facts = {intent.change.key: observed.facts[resource.key]}
    stored = intent.change.stored
    if stored:
        other = Directory("moved", None, stored.path, 0o700)
        facts["moved"] = observer.observe(replace(alone, resources=(other,)), Records()).facts["moved"]
    return replace(observed, facts=facts)
