"""Never on unknown, never what is paused, never what is not ours, never more than the fleet's policy allows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan.build import Rules, build
from reconciler.plan.canary import moves
from reconciler.plan.change import Action, Cause, Change, Disposition, Operation
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Absent, InTheWay, Unknown
from reconciler.plan.held import Origin, Records
from reconciler.plan.policy import Lifted, deletions, removed_wizards
from reconciler.plan.resource import CodebaseVersion, Directory, KeyedFile, Process
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import Policy
from tests.plan.fleets import (
    DRIFT,
    FREE,
    NAMES,
    OBSTACLES,
    Blow,
    Disturbance,
    Story,
    desired_of,
    disturbances,
    fleets,
    stories,
)
from tests.plan.host import HAS_PID, Host, below, put, tree_of
from tests.plan.walk import Page, plan_for, settle, walk

TAKES = frozenset({Action.DELETE, Action.STORE, Action.CREATE, Action.RELEASE})
DESTROYS = frozenset({Operation.REMOVE, Operation.STORE})


@given(stories())
def test_nothing_is_made_or_taken_on_unknown(story: Story) -> None:
    for page in walk(story):
        for change in page.plan.changes:
            if isinstance(page.observed.facts.get(change.key), Unknown | InTheWay):
                assert change.disposition is not Disposition.APPLY or change.action is Action.RELEASE
        stepped = {step.key for step in page.plan.steps}
        unknown = {key for key, fact in page.observed.facts.items() if isinstance(fact, Unknown)}
        assert not stepped & unknown
        for wizard in {c.wizard for c in page.plan.changes if c.key in unknown and isinstance(c.resource, Process)}:
            operations = {s.operation for s in page.plan.steps if s.wizard == wizard}
            assert not operations & (DESTROYS | {Operation.EDIT_KEYS, Operation.START})


@given(stories(), st.data())
def test_a_fact_that_turns_unknown_takes_steps_away_and_adds_none(story: Story, data: st.DataObject) -> None:
    for page in walk(story):
        if not page.observed.facts:
            continue
        key = data.draw(st.sampled_from(sorted(page.observed.facts)))
        facts = {**page.observed.facts, key: Unknown("permission denied")}
        plan = build(page.desired, replace(page.observed, facts=facts), page.records, FREE)
        before = {(s.operation, s.key) for s in page.plan.steps}
        assert {(s.operation, s.key) for s in plan.steps} <= before
        assert not [s for s in plan.steps if s.key == key]


@given(stories())
def test_what_is_paused_has_changes_and_no_steps(story: Story) -> None:
    for page in walk(story):
        paused = page.records.pauses.keys()
        assert not [s for s in page.plan.steps if s.wizard in paused]
        assert all(c.disposition is Disposition.HELD for c in page.plan.changes if c.wizard in paused)
        free = build(page.desired, page.observed, replace(page.records, pauses={}), FREE)
        shown = {(c.key, c.action) for c in page.plan.changes}
        assert {(c.key, c.action) for c in free.changes} == shown


@given(stories())
def test_what_is_held_or_blocked_has_no_steps_and_says_why(story: Story) -> None:
    for page in walk(story):
        waiting = {c.key for c in page.plan.waiting}
        assert not [s for s in page.plan.steps if s.key in waiting]
        assert all(c.obstacle for c in page.plan.waiting)
        assert not any(c.obstacle for c in page.plan.pending)
        assert {s.key for s in page.plan.steps} == {c.key for c in page.plan.pending}


@given(stories(OBSTACLES))
def test_what_needs_what_is_stuck_is_stuck_too(story: Story) -> None:
    for page in walk(story):
        for stuck in page.plan.waiting:
            for change in page.plan.pending:
                assert not _must_wait(change, stuck), f"{change.key} does not wait for {stuck.key}"


def _must_wait(change: Change, stuck: Change) -> bool:
    starts = change.action in (Action.START, Action.RESTART) and isinstance(change.resource, Process)
    if isinstance(stuck.resource, CodebaseVersion):
        return starts and change.resource.codebase == stuck.resource.path  # type: ignore[union-attr]
    if change.wizard != stuck.wizard or change.key == stuck.key:
        return False
    if starts or change.action is Action.STORE or stuck.action is Action.RETURN:
        return True
    if isinstance(stuck.resource, Process):
        return isinstance(change.resource, KeyedFile) or change.action is Action.DELETE
    inside = not isinstance(change.resource, Process) and change.resource.path.startswith(f"{stuck.resource.path}/")
    return inside and isinstance(stuck.resource, Directory)


def _place_after(page: Page, path: str) -> str:
    """Where a path is once the folders have moved that this pass moved."""
    for step in page.plan.steps:
        stored = page.plan.change(step.key).stored
        if stored and step.id in page.done and step.operation in (Operation.STORE, Operation.RETURN):
            ends = (stored.original, stored.path)
            source, target = ends if step.operation is Operation.STORE else ends[::-1]
            if below(path, source):
                return target + path[len(source) :]
    return path


@given(stories())
def test_nothing_is_deleted_that_the_inventory_does_not_hold(story: Story) -> None:
    for page in walk(story):
        ours = {
            page.before.place(e.resource) for e in page.records.held.values() if not isinstance(e.resource, Process)
        }
        for path, node in page.before.files.items():
            after = page.after.files.get(_place_after(page, path))
            if path not in ours:
                assert after is not None, f"{path} is gone"
            if node.kind in ("foreign", "strange"):
                assert after == node
        processes = {s.key for s in page.plan.steps if s.operation is Operation.STOP}
        known = page.records.held.keys() | {r.key for r in page.desired.resources}
        assert processes <= known


@given(stories())
def test_what_was_there_before_us_is_never_removed_or_moved(story: Story) -> None:
    for page in walk(story):
        for key, entry in page.records.held.items():
            if entry.origin is not Origin.CLAIMED or isinstance(entry.resource, Process):
                continue
            assert f"{key}#remove" not in page.done
            path = page.before.place(entry.resource)
            if isinstance(entry.resource, Directory) and path in page.before.files:
                stored = page.records.attic.get(entry.resource.wizard or "")
                assert stored or page.after.files.get(path) == page.before.files[path] or key in _touched(page)


def _touched(page: Page) -> set[str]:
    return {s.key for s in page.plan.steps if s.operation is Operation.MAKE_DIRECTORY}


@given(stories())
def test_what_lives_on_another_host_or_runs_elsewhere_is_never_started_here(story: Story) -> None:
    for page in walk(story):
        here = set(page.desired.wizards)
        for step in page.plan.steps:
            if step.operation in (Operation.START, Operation.EDIT_KEYS, Operation.WRITE_TEXT, Operation.MAKE_DIRECTORY):
                released = page.plan.change(step.key).action is Action.RELEASE
                assert step.wizard is None or step.wizard in here or released


@given(stories(), st.integers(0, 3))
def test_more_deletions_than_the_policy_allows_are_refused(story: Story, allowed: int) -> None:
    policy = Policy(max_deletions=allowed, max_restarts=100)
    for page in walk(story):
        desired = replace(page.desired, policy=policy)
        plan = build(desired, page.observed, page.records, Rules())
        looks = {r.what.split()[1] for r in plan.refusals if "looks like a rename" in r.what}
        all_gone = removed_wizards(page.plan.changes, waiting=True)
        gone = [name for name in removed_wizards(page.plan.changes) if name not in looks]
        refused = [r for r in plan.refusals if "would remove" in r.what]
        assert bool(refused) == (len(gone) > allowed)
        for refusal in refused:
            assert all(name in refusal.what and f"--allow-delete {name}" in refusal.mend for name in gone)
            assert "Allow-Delete: " in refusal.mend
        assert not build(desired, page.observed, page.records, Rules(deletions=frozenset(all_gone))).refusals
        if len(gone) > allowed:
            one_less = Rules(deletions=frozenset(gone[: len(gone) - allowed - 1]))
            assert build(desired, page.observed, page.records, one_less).refusals


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_one_deletion_beyond_the_policy_is_refused(allowed: int) -> None:
    gone = ["ada", "bo", "cy"][: allowed + 1]
    policy = Policy(max_deletions=allowed)
    assert not list(deletions(gone[:allowed], policy, Lifted()))
    [refusal] = deletions(gone, policy, Lifted())
    assert f"would remove {allowed + 1} wizard" in refusal.what
    assert not list(deletions(gone, policy, Lifted(frozenset({"ada"}))))


@given(stories())
def test_whoever_is_taken_off_the_host_is_counted(story: Story) -> None:
    """Seen from the host: who had a folder or a process and is not declared any more."""
    for page in walk(story):
        keys = {s.key for s in page.plan.steps if s.operation in DESTROYS | {Operation.STOP}}
        loses = {page.plan.change(key).wizard for key in keys if key.endswith(("/attic", "/dir", "/dir/home", "/body"))}
        assert loses - set(page.desired.wizards) <= set(removed_wizards(page.plan.changes))


@given(stories(), st.integers(0, 3))
def test_more_restarts_than_the_policy_allows_are_refused(story: Story, allowed: int) -> None:
    """Counted are wizards that run, as far as their supervisor tells, and are interrupted although they stay; not those
    whose codebase moves one after the other, behind a canary."""
    policy = Policy(max_deletions=100, max_restarts=allowed)
    rules = Rules(deletions=frozenset(NAMES))
    for page in walk(story):
        stays = set(page.desired.wizards)
        calm = {c.wizard for c in page.plan.changes if _only_heals(c) or (moves(c) and _has_its_turn(c))}
        stopped = {
            s.wizard
            for s in page.plan.steps
            if s.operation is Operation.STOP and s.wizard in stays - calm and _counts(page, s.key)
            if not page.plan.change(s.key).halts
        }
        desired = replace(page.desired, policy=policy)
        plan = build(desired, page.observed, page.records, rules)
        refused = [r for r in plan.refusals if "restart or stop" in r.what]
        assert bool(refused) == (len(stopped) > allowed)
        assert not build(desired, page.observed, page.records, replace(rules, restarts=len(stopped))).refusals
        for refusal in refused:
            assert f"--allow-restarts {len(stopped)}" in refusal.mend
            assert f"Allow-Restarts: {len(stopped)}" in refusal.mend


def _only_heals(change: Change) -> bool:
    return any(reason.cause is Cause.ORPHAN for reason in change.reasons) and not change.fields


def _has_its_turn(change: Change) -> bool:
    return any(reason.cause is Cause.TURN for reason in change.reasons)


def _counts(page: Page, key: str) -> bool:
    live = page.before.processes.get(key)
    return live is not None and (live.pid is not None or live.state.value == "backoff")


@given(fleets(), st.lists(disturbances(frozenset({Blow.KILL, Blow.ORPHAN, Blow.BACKOFF})), max_size=6))
def test_healing_is_not_counted(fleet: DesiredFleet, blows: list[Disturbance]) -> None:
    desired = desired_of(fleet)
    host = Host()
    settle(host, desired)
    for blow in blows:
        blow.strike(host, desired)
    strict = replace(desired, policy=Policy(max_deletions=0, max_restarts=0))
    plan = plan_for(host, strict, Rules())
    assert not plan.refusals
    host.apply(plan)
    assert all(live.state.value == "running" for live in host.processes.values())
    assert not plan_for(host, strict, Rules()).changes


@given(fleets(), st.data())
def test_a_plan_names_exactly_what_was_tampered_with(fleet: DesiredFleet, data: st.DataObject) -> None:
    desired = desired_of(fleet)
    host = Host()
    settle(host, desired)
    for blow in data.draw(st.lists(disturbances(DRIFT), min_size=1, max_size=4)):
        before = repr((host.files, host.processes))  # to Python, True and 1 would be the same
        key = blow.strike(host, desired)
        plan = plan_for(host, desired)
        if repr((host.files, host.processes)) == before:
            assert not plan.changes
            continue
        assert [c.key for c in plan.changes] == [key]
        assert plan.changes[0].reasons[0].text
        assert not plan.changes[0].obstacle
        host.apply(plan)
        assert not plan_for(host, desired).changes


@given(fleets())
def test_a_lost_ledger_only_claims(fleet: DesiredFleet) -> None:
    desired = desired_of(fleet)
    host = Host()
    settle(host, desired)
    before = host.copy()
    host.records = type(host.records)()
    plan = settle(host, desired, Rules())
    assert {c.action for c in plan.changes} <= {Action.CLAIM}
    assert {s.operation for s in plan.steps} <= {Operation.RECORD}
    assert (host.files, host.processes) == (before.files, before.processes)
    assert not plan_for(host, desired).changes
    made = (Process, CodebaseVersion)  # known for ours by what they carry
    assert all(e.origin is Origin.CLAIMED for e in host.records.held.values() if not isinstance(e.resource, made))


@given(fleets(), st.frozensets(st.sampled_from(NAMES), min_size=1))
def test_a_removed_wizard_that_was_there_before_us_loses_only_our_keys(
    fleet: DesiredFleet, gone: frozenset[str]
) -> None:
    whole = desired_of(fleet, "a" * 40)
    host = Host()
    settle(host, whole)
    host.records = Records()
    settle(host, whole)
    for resource in whole.resources:
        if isinstance(resource, KeyedFile):
            put(tree_of(host.files[resource.path]), ("OF_THE_AGENT",), "mine")
    before = host.copy()
    settle(host, _without(whole, gone))
    assert host.files.keys() == before.files.keys()
    for path, node in host.files.items():
        if node.kind != "keyed":
            assert node == before.files[path]
        assert node.kind != "keyed" or tree_of(node)["OF_THE_AGENT"] == "mine"
    left = [r for r in whole.resources if isinstance(r, KeyedFile) and r.wizard in gone]
    assert all(tree_of(host.files[file.path]) == {"OF_THE_AGENT": "mine"} for file in left)
    assert not [key for key in host.records.held if key.split("/")[1] in gone and key.startswith("wizard/")]


def _without(whole: Desired, gone: frozenset[str]) -> Desired:
    rest = tuple(r for r in whole.resources if r.wizard not in gone)
    return replace(whole, resources=rest, wizards=tuple(n for n in whole.wizards if n not in gone), commit="b" * 40)


@given(fleets(), st.frozensets(st.sampled_from(NAMES)))
def test_memories_come_back_as_they_were(fleet: DesiredFleet, gone: frozenset[str]) -> None:
    whole = desired_of(fleet, "a" * 40)
    host = Host()
    settle(host, whole)
    for resource in whole.resources:
        if isinstance(resource, Directory):
            Disturbance(Blow.AGENT_FILE, whole.resources.index(resource), None).strike(host, whole)
            host.files[f"{resource.path}/MEMORY.md"] = type(host.files[resource.path])("foreign", 0o600, resource.key)
    settle(host, whole)
    before = host.copy()
    settle(host, _without(whole, gone))
    kept = [n.content for p, n in host.files.items() if p.endswith("/MEMORY.md")]
    assert sorted(map(str, kept)) == sorted(str(n.content) for p, n in before.files.items() if p.endswith("/MEMORY.md"))
    assert not any(key.split("/")[1] in gone for key, live in host.processes.items() if live.state in HAS_PID)
    settle(host, replace(whole, commit="c" * 40))
    assert host.files == before.files
    assert host.processes.keys() == before.processes.keys()
    assert not host.records.attic
    assert not plan_for(host, whole).changes


@given(stories())
def test_a_folder_only_returns_to_a_place_that_was_seen_to_be_free(story: Story) -> None:
    for page in walk(story):
        for step in page.plan.steps:
            if step.operation is Operation.RETURN:
                assert isinstance(page.observed.facts[f"wizard/{step.wizard}/dir/original"], Absent)
