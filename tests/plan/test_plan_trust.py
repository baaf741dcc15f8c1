"""Generations, quarantine, canary and loop stop: what the plan makes of what a host has learnt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.plan.build import Rules, build
from reconciler.plan.canary import chains
from reconciler.plan.change import (
    Action,
    Cause,
    Change,
    Copies,
    Disposition,
    FieldChange,
    Operation,
    Plan,
    Reason,
    Step,
)
from reconciler.plan.expand import Desired
from reconciler.plan.expansion import Expansion, expansion, of_wizard
from reconciler.plan.fact import ProcessFact, SecretFact
from reconciler.plan.fields import secret_refs
from reconciler.plan.generation import Effective, effective
from reconciler.plan.held import Generation, Pause, Quarantine, Repeat, Start
from reconciler.plan.repeat import LIMIT, change_digest, counted, repeat_digest, stopped
from reconciler.plan.resource import CodebaseVersion, KeyedFile, OwnedKey, Process, Resource, TextFile
from reconciler.plan.value import SecretRef, known
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import DesiredState
from tests.plan.fleets import (
    FREE,
    NAMES,
    ROOT,
    Commit,
    Edit,
    changed,
    commits,
    desired_of,
    fleet_of,
    fleets,
    simple,
)
from tests.plan.host import Host, digest
from tests.plan.walk import settle

AT = "2026-04-01T08:00:00Z"
HARMLESS = frozenset({Edit.CONFIG, Edit.ENV, Edit.MODEL, Edit.SOUL, Edit.CODEBASE})
"""Edits after which any wizard can go back without another one in its way."""
edits = st.lists(commits.filter(lambda commit: commit.edit in HARMLESS), max_size=4)
some = st.frozensets(st.sampled_from(NAMES))


def expansions(host: Host, desired: Desired) -> dict[str, Expansion]:
    found = of_wizard(desired)
    return {
        name: expansion(resources, secrets_of(host, resources), desired.company[name])
        for name, resources in found.items()
    }


def secrets_of(host: Host, resources: Iterable[Resource]) -> Mapping[SecretRef, SecretFact]:
    return {ref: host.secret_fact(ref) for resource in resources for ref in secret_refs(resource)}


def pin(host: Host, ref: SecretRef) -> SecretRef:
    text = host.reveal(ref)
    pinned = SecretRef("pinned", digest(text))
    host.secrets[pinned] = text
    return pinned


def pinned(host: Host, resource: Resource) -> Resource:
    def keys(found: tuple[OwnedKey, ...]) -> tuple[OwnedKey, ...]:
        return tuple(replace(k, value=pin(host, k.value)) if isinstance(k.value, SecretRef) else k for k in found)

    match resource:
        case KeyedFile(keys=found):
            return replace(resource, keys=keys(found))
        case Process(start_values=found, api_key=key):
            return replace(resource, start_values=keys(found), api_key=pin(host, key))
        case _:
            return resource


def remember(host: Host, desired: Desired) -> None:
    """Every wizard was healthy on what is desired."""
    digests = expansions(host, desired)
    generations = dict(host.records.generations)
    for name, resources in of_wizard(desired).items():
        older = generations.get(name, ())
        kept = tuple(pinned(host, resource) for resource in resources)
        made = digests[name]
        newest = Generation(name, len(older) + 1, desired.commit, AT, made.digest, kept, made.secrets)
        generations[name] = (newest, *older)
    host.records = replace(host.records, generations=generations)


def fail(host: Host, desired: Desired, names: Iterable[str], *, by_hand: bool = False) -> None:
    """What is desired of these wizards has failed here."""
    digests = expansions(host, desired)
    found = {
        name: Quarantine(name, made.digest, desired.commit, "deaf", AT, by_hand, made.secrets)
        for name, made in digests.items()
        if name in frozenset(names)
    }
    host.records = replace(host.records, quarantines={**host.records.quarantines, **found})


def wanted(host: Host, desired: Desired) -> Effective:
    return effective(desired, host.records, secrets_of(host, desired.resources))


def plan_of(host: Host, desired: Desired, rules: Rules = FREE) -> Plan:
    wants = wanted(host, desired)
    return build(wants.desired, host.observe(wants.desired), host.records, rules, None, wants.quarantined)


def own(desired: Desired, wizard: str) -> tuple[Resource, ...]:
    return tuple(resource for resource in desired.resources if resource.wizard == wizard)


def below_root(host: Host, wizard: str) -> dict[str, object]:
    return {path: node for path, node in host.files.items() if path.startswith(f"{ROOT}/{wizard}/")}


def edited(fleet: DesiredFleet, made: Iterable[Commit]) -> DesiredFleet:
    for commit in made:
        fleet = commit.apply(fleet)
    return fleet


# Quarantine


@given(fleets(), edits)
def test_nothing_quarantined_is_what_git_wants(fleet: DesiredFleet, made: list[Commit]) -> None:
    host, old, new = Host(), desired_of(fleet, "a" * 40), desired_of(edited(fleet, made), "b" * 40)
    settle(host, old)
    remember(host, old)
    assert wanted(host, new).desired is new
    fail(host, old, old.wizards)
    same = {name for name in new.wizards if expansions(host, new)[name] == expansions(host, old)[name]}
    assert set(wanted(host, new).quarantined) == same


@given(fleets(), edits, some)
def test_a_quarantined_wizard_gets_exactly_its_generation(
    fleet: DesiredFleet, made: list[Commit], failed: frozenset[str]
) -> None:
    host, old, new = Host(), desired_of(fleet, "a" * 40), desired_of(edited(fleet, made), "b" * 40)
    settle(host, old)
    remember(host, old)
    fail(host, new, failed)
    wants = wanted(host, new)
    keys = [resource.key for resource in wants.desired.resources]
    assert len(keys) == len(set(keys))
    for name in new.wizards:
        if name not in wants.quarantined:
            assert own(wants.desired, name) == own(new, name)
            continue
        generation = wants.quarantined[name][1]
        if generation is None:
            assert [replace(r, run=False) if isinstance(r, Process) else r for r in own(new, name)] == list(
                own(wants.desired, name)
            )
        else:
            assert set(own(wants.desired, name)) == {r for r in generation.resources if r.wizard == name}
    versions = {r.path for r in wants.desired.resources if isinstance(r, CodebaseVersion)}
    assert {r.codebase for r in wants.desired.resources if isinstance(r, Process)} <= versions


@given(fleets(), edits, some, st.booleans())
def test_what_failed_goes_back_to_the_byte_and_stays_there(
    fleet: DesiredFleet, made: list[Commit], failed: frozenset[str], by_hand: bool
) -> None:
    """The others go on to what is new; a second look finds nothing, and nothing moves any more."""
    host, old, new = Host(), desired_of(fleet, "a" * 40), desired_of(edited(fleet, made), "b" * 40)
    settle(host, old)
    remember(host, old)
    before = {name: below_root(host, name) for name in old.wizards}
    running = {name: host.processes.get(f"wizard/{name}/body") for name in old.wizards}
    before = {name: {path: replace(node) for path, node in found.items()} for name, found in before.items()}
    host = host.copy()
    settle(host, new)
    after = {name: below_root(host, name) for name in new.wizards}
    moved = {name for name in new.wizards if expansions(host, new)[name] != expansions(host, old)[name]}
    fail(host, new, failed & moved, by_hand=by_hand)
    plan = plan_of(host, new)
    host.apply(plan)
    left = plan_of(host, new)
    assert (left.changes, left.steps) == ((), ())
    for name in new.wizards:
        assert below_root(host, name) == (before[name] if name in failed & moved else after[name])
    for name in failed & moved:
        live, was = host.processes.get(f"wizard/{name}/body"), running[name]
        assert (live and live.inputs) == (was and was.inputs)


@given(fleets(), some)
def test_without_a_generation_the_process_stays_stopped_and_its_files_stay(
    fleet: DesiredFleet, failed: frozenset[str]
) -> None:
    host, desired = Host(), desired_of(fleet)
    settle(host, desired)
    before = {name: below_root(host, name) for name in desired.wizards}
    fail(host, desired, failed)
    host.apply(plan_of(host, desired))
    assert plan_of(host, desired).changes == ()
    for name in desired.wizards:
        assert below_root(host, name) == before[name]
        if name in failed:
            assert f"wizard/{name}/body" not in host.processes


def test_the_plan_says_why_a_wizard_goes_back() -> None:
    host, fleet = Host(), fleet_of(simple("ada"))
    old, new = desired_of(fleet, "a" * 40), desired_of(changed(fleet, "ada", port=8650), "b" * 40)
    settle(host, old)
    remember(host, old)
    settle(host, new)
    fail(host, new, ["ada"])
    plan = plan_of(host, new)
    reasons = [reason for change in plan.changes for reason in change.reasons]
    assert Reason(Cause.BACK, "back to generation 1 (commit aaaaaaa)") in reasons
    assert not [reason for reason in reasons if reason.cause in (Cause.CHANGED, Cause.DECLARED)]
    ((name, why),) = plan.quarantined
    assert name == "ada"
    assert why == (
        "commit bbbbbbb failed here: deaf; generation 1 (commit aaaaaaa) is wanted instead; "
        "push a commit that changes it, or `reconciler retry ada`"
    )
    assert plan_of(host, new, Rules(only=frozenset({"bo"}))).quarantined == ()


def test_a_rollback_goes_past_what_failed() -> None:
    """The newest generation may be the very thing that a person rolls back."""
    host, fleet = Host(), fleet_of(simple("ada"))
    old, new = desired_of(fleet, "a" * 40), desired_of(changed(fleet, "ada", port=8650), "b" * 40)
    for desired in (old, new):
        settle(host, desired)
        remember(host, desired)
    fail(host, new, ["ada"], by_hand=True)
    generation = wanted(host, new).quarantined["ada"][1]
    assert generation is not None
    assert generation.number == 1


def test_another_text_of_a_secret_is_another_expansion() -> None:
    host, desired = Host(), desired_of(fleet_of(simple("ada")))
    settle(host, desired)
    before = expansions(host, desired)
    ref = next(ref for resource in desired.resources for ref in secret_refs(resource))
    host.secrets[ref] = "rotated"
    assert expansions(host, desired) != before


# Canary


def lineage(fathers: Mapping[str, str], canary: str | None, codebase: str, **fields: object) -> DesiredFleet:
    found = [
        simple(name, 8643 + i, codebase=codebase, father=fathers.get(name), **fields) for i, name in enumerate(NAMES)
    ]
    fleet = fleet_of(*found)
    codebases = {**fleet.codebases, "hermes": fleet.codebases["hermes"].model_copy(update={"canary": canary})}
    return replace(fleet, codebases=codebases)


lineages = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(NAMES)).map(
    lambda found: {child: father for child, father in found.items() if father < child}
)


def moving(fathers: Mapping[str, str], canary: str | None = None) -> tuple[Host, Desired]:
    """Everybody is healthy on the old version, and Git wants the new one."""
    host, old = Host(), desired_of(lineage(fathers, canary, "hermes-old"), "a" * 40)
    settle(host, old)
    remember(host, old)
    return host, desired_of(lineage(fathers, canary, "hermes"), "b" * 40)


def body_steps(plan: Plan, operation: Operation) -> dict[str, Step]:
    return {step.wizard or "": step for step in plan.steps if step.operation is operation}


def above(plan: Plan, step: Step) -> set[str]:
    """Ids of all steps that have to be done before the step."""
    known, found, stack = {s.id: s for s in plan.steps}, set[str](), [step]
    while stack:
        for need in stack.pop().needs:
            if need not in found:
                found.add(need)
                stack.append(known[need])
    return found


@given(lineages, st.none() | st.sampled_from(NAMES))
def test_a_codebase_moves_under_one_and_then_one_at_a_time_fathers_last(
    fathers: dict[str, str], canary: str | None
) -> None:
    host, new = moving(fathers, canary)
    plan = plan_of(host, new)
    stops, gates, soaks = (body_steps(plan, o) for o in (Operation.STOP, Operation.GATE, Operation.SOAK))
    assert set(stops) == set(gates) == set(NAMES)
    (first,) = soaks
    leaves = sorted(set(NAMES) - set(fathers.values()))
    assert first == (canary or leaves[0])
    order = sorted(NAMES, key=lambda name: len(above(plan, stops[name])))
    assert order[0] == first
    for before, after in pairwise(order):
        assert gates[before].id in above(plan, stops[after])
        assert soaks[first].id in above(plan, stops[after])
    rest = [name for name in order if name != first]
    assert all(
        rest.index(child) < rest.index(father) for child, father in fathers.items() if {child, father} <= set(rest)
    )
    for name, step in product(NAMES[1:], plan.steps):
        if step.wizard == name != first:
            assert soaks[first].id in above(plan, step)
    turns = {c.wizard: c.reasons[-1].text for c in plan.changes if isinstance(c.resource, Process)}
    assert turns == {first: "canary first", **{b: f"after {a}" for a, b in pairwise(order)}}


@given(lineages, st.integers(0, 10**6), st.sampled_from([Operation.GATE, Operation.SOAK, Operation.START]))
def test_a_canary_that_fails_leaves_every_other_as_it_was(
    fathers: dict[str, str], seed: int, operation: Operation
) -> None:
    host, new = moving(fathers)
    plan = plan_of(host, new)
    (first,) = body_steps(plan, Operation.SOAK)
    before = {name: (below_root(host, name), host.processes[f"wizard/{name}/body"]) for name in NAMES if name != first}
    host.apply(plan, lambda ready: seed % ready, lambda s: s.operation is operation and s.wizard == first)
    for name, (files, process) in before.items():
        assert below_root(host, name) == files
        assert host.processes[f"wizard/{name}/body"] is process


@example({"bo": "ada", "cy": "bo", "di": "cy"})
@given(lineages)
def test_who_waits_for_a_failed_canary_waits_until_somebody_holds(fathers: dict[str, str]) -> None:
    host, new = moving(fathers)
    (first,) = body_steps(plan_of(host, new), Operation.SOAK)
    fail(host, new, [first])
    plan = plan_of(host, new)
    assert {step.wizard for step in plan.steps} <= {None, first}
    held = {c.wizard for c in plan.changes if c.disposition is Disposition.HELD}
    assert held == set(NAMES) - {first}
    assert all(f"{first} failed on hermes/0.19.0" in c.obstacle for c in plan.changes if c.wizard in held)
    other = max(set(NAMES) - {first})
    proven = Generation(other, 9, "c", AT, "e", tuple(r for r in own(new, other) if isinstance(r, Process)))
    records = host.records
    generations = {**records.generations, other: (proven, *records.generations[other])}
    host.records = replace(records, generations=generations)
    assert body_steps(plan_of(host, new), Operation.STOP) == {}, "it was healthy on it, and does not run on it"
    runs = replace(records.held[proven.resources[0].key], resource=proven.resources[0])
    host.records = replace(host.records, held={**records.held, runs.resource.key: runs})
    assert set(body_steps(plan_of(host, new), Operation.STOP)) == set(NAMES) - {first}
    host.records = replace(records, quarantines={})
    fail(host, new, [first], by_hand=True)
    assert set(body_steps(plan_of(host, new), Operation.STOP)) == set(NAMES) - {first}


@given(lineages, st.sampled_from(NAMES))
def test_a_declared_canary_that_can_not_move_keeps_the_others_waiting(fathers: dict[str, str], canary: str) -> None:
    """Blocked from outside, or rolled back by hand."""
    host, new = moving(fathers, canary)
    host.unknown[f"wizard/{canary}/body"] = "its supervisor is silent"
    plan = plan_of(host, new)
    assert body_steps(plan, Operation.STOP) == {}
    waiting = {c.obstacle for c in plan.changes if c.disposition is Disposition.HELD}
    assert waiting == {
        f"waits for the canary {canary}, which can't move: could not be observed: its supervisor is silent"
    }
    host.unknown.clear()
    fail(host, new, [canary], by_hand=True)
    plan = plan_of(host, new)
    assert body_steps(plan, Operation.STOP) == {}
    assert {c.obstacle for c in plan.changes if c.disposition is Disposition.HELD} == {
        f"waits for the canary {canary}, which was rolled back by hand; `reconciler retry {canary}` lets it go on"
    }


@given(lineages)
def test_a_soak_that_is_owed_comes_before_anybody_follows(fathers: dict[str, str]) -> None:
    """The pass was killed after the canary's gate."""
    host, new = moving(fathers)
    plan = plan_of(host, new)
    (first,) = body_steps(plan, Operation.SOAK)
    steps = [step.id for step in plan.steps]
    host.apply(plan, limit=steps.index(f"wizard/{first}/body#gate") + 1)
    fact = host.observe(new).facts[f"wizard/{first}/body"]
    assert isinstance(fact, ProcessFact)
    start = Start(fact.started or 0.0, proven=True, soaks=True)
    host.records = replace(host.records, starts={f"wizard/{first}/body": start})
    plan = plan_of(host, new)
    soak = f"wizard/{first}/body#soak"
    assert [step.operation for step in plan.steps if step.wizard == first][-2:] == [Operation.GATE, Operation.SOAK]
    assert all(soak in above(plan, step) for name, step in body_steps(plan, Operation.STOP).items() if name != first)
    assert len(body_steps(plan, Operation.STOP)) == len(NAMES) - 1


@given(lineages, st.sampled_from(NAMES), some)
def test_a_paused_canary_keeps_the_others_waiting_and_a_paused_leaf_is_passed_over(
    fathers: dict[str, str], canary: str, paused: frozenset[str]
) -> None:
    host, new = moving(fathers, canary)
    for name in paused:
        host.pause(name)
    plan = plan_of(host, new)
    stops = set(body_steps(plan, Operation.STOP))
    assert stops == (set() if canary in paused else set(NAMES) - paused)
    if canary in paused:
        waiting = {c.wizard: c.obstacle for c in plan.changes if c.wizard and c.wizard not in paused}
        assert all(text.startswith(f"waits for the canary {canary}, which is paused") for text in waiting.values())
    host, new = moving(fathers)
    for name in paused:
        host.pause(name)
    soaks = set(body_steps(plan_of(host, new), Operation.SOAK))
    free = sorted(set(NAMES) - paused)
    leaves = [name for name in free if name not in fathers.values()]
    assert soaks == ({(leaves or free)[0]} if free else set()), "also one alone owes it to those who are paused"


def test_who_is_first_rather_runs() -> None:
    host, new = moving({})
    host.processes.pop("wizard/ada/body")
    assert set(body_steps(plan_of(host, new), Operation.SOAK)) == {"bo"}


def test_one_alone_needs_no_soak_and_a_first_start_is_no_move() -> None:
    fleet = fleet_of(simple("ada", codebase="hermes-old"))
    host = Host()
    assert chains(plan_of(host, desired_of(fleet)).changes, desired_of(fleet), host.records) == ()
    settle(host, desired_of(fleet))
    plan = plan_of(host, desired_of(changed(fleet, "ada", codebase="hermes")))
    assert body_steps(plan, Operation.SOAK) == {}
    assert body_steps(plan, Operation.STOP).keys() == {"ada"}


# Databases


def copies(plan: Plan) -> dict[str | None, Copies]:
    return {c.wizard: c.databases for c in plan.changes if c.databases is not Copies.NONE}


def test_databases_are_copied_between_stop_and_start_of_a_move() -> None:
    host, new = moving({})
    plan = plan_of(host, new)
    assert copies(plan) == dict.fromkeys(NAMES, Copies.MADE)
    for name in NAMES:
        stop, copy, start = (
            body_steps(plan, o)[name] for o in (Operation.STOP, Operation.COPY_DATABASES, Operation.START)
        )
        assert stop.id in above(plan, copy)
        assert copy.id in above(plan, start)


def test_databases_go_back_to_the_version_that_was_left_unless_the_new_one_has_held() -> None:
    for held in (False, True):
        host, new = moving({})
        host.apply(plan_of(host, new), fails=lambda s, held=held: s.operation is Operation.GATE and not held)  # type: ignore[misc]
        first = next(name for name in NAMES if host.records.held[f"wizard/{name}/body"].resource.version == "0.19.0")  # type: ignore[union-attr]
        fail(host, new, [first])
        assert copies(plan_of(host, new))[first] is (Copies.MADE if held else Copies.PUT_BACK)


def test_a_gate_that_was_passed_counts_although_a_kill_kept_it_out_of_the_inventory() -> None:
    host, new = moving({})
    host.apply(plan_of(host, new), fails=lambda step: step.operation is Operation.GATE)
    first = next(key for key, entry in host.records.held.items() if entry.left)
    fail(host, new, [first.split("/")[1]])
    assert Copies.PUT_BACK in copies(plan_of(host, new)).values()
    host.records = replace(host.records, starts={first: Start(1.0, proven=True)})
    assert Copies.PUT_BACK not in copies(plan_of(host, new)).values()


def test_once_copied_they_are_not_copied_again_for_the_same_move() -> None:
    """Killed after the copy: the new version may have been started since."""
    host, new = moving({})
    plan = plan_of(host, new)
    steps = [step.id for step in plan.steps if step.wizard == "ada" or step.wizard is None]
    host.apply(plan, limit=steps.index("wizard/ada/body#copy_databases") + 1)
    plan = plan_of(host, new)
    assert "ada" not in copies(plan)
    assert set(body_steps(plan, Operation.SOAK)) == {"ada"}
    assert "wizard/ada/body#soak" in above(plan, body_steps(plan, Operation.STOP)["bo"])


def test_who_was_stopped_for_good_moves_when_it_starts_again() -> None:
    host, _ = moving({})
    rests = lineage({}, None, "hermes", desired=DesiredState.DEAD)
    settle(host, desired_of(rests))
    plan = plan_of(host, desired_of(lineage({}, None, "hermes")))
    assert copies(plan) == dict.fromkeys(NAMES, Copies.MADE)
    (change,) = (c for c in plan.changes if c.key == "wizard/ada/body")
    assert "codebase hermes-old/0.18.2 -> hermes/0.19.0" in [reason.text for reason in change.reasons]
    assert len(body_steps(plan, Operation.SOAK)) == 1


# Loops


def some_change(text: str = "x", action: Action = Action.UPDATE) -> Change:
    soul = TextFile("wizard/ada/file/home/SOUL.md", "ada", "/srv/ada/home/SOUL.md", 0o600, text)
    return Change(soul.key, "ada", action, soul, (Reason(Cause.DRIFT, "changed"),))


def after(passes: int, change: Change) -> dict[str, Repeat]:
    counts: dict[str, Repeat] = {}
    for _ in range(passes):
        counts = counted(counts, [change], frozenset({change.key}))
    return counts


@pytest.mark.parametrize("passes", range(LIMIT + 3))
def test_the_same_change_stops_after_three_passes(passes: int) -> None:
    change, host = some_change(), Host()
    records = replace(host.records, repeats=after(passes, change))
    assert bool(stopped(change, records)) is (passes >= LIMIT)
    assert not stopped(some_change("another text"), records)
    assert not stopped(some_change(action=Action.DELETE), records)


def drifted(before: str, after: str = "x", cause: Cause = Cause.DRIFT) -> Change:
    fields = (FieldChange(("text",), known(before), known(after), cause),)
    return replace(some_change(after), fields=fields)


def test_a_foreign_value_that_is_another_one_each_time_is_the_same_fight() -> None:
    counts: dict[str, Repeat] = {}
    for number in range(LIMIT):
        change = drifted(f"it is {number} o'clock")
        assert not stopped(change, replace(Host().records, repeats=counts))
        counts = counted(counts, [change], frozenset({change.key}))
    records = replace(Host().records, repeats=counts)
    assert stopped(drifted("it is late"), records)
    assert not stopped(drifted("it is late", "y"), records)
    assert change_digest(drifted("a")) != change_digest(drifted("b"))  # a saved plan is bound to both ends


def test_what_git_changes_each_time_is_no_fight() -> None:
    one, other = (drifted(before, cause=Cause.CHANGED) for before in ("a", "b"))
    assert repeat_digest(one) != repeat_digest(other)


def test_counts_begin_anew_when_a_pass_does_not_plan_it_or_plans_something_else() -> None:
    change = some_change()
    counts = after(LIMIT - 1, change)
    assert counted(counts, [], frozenset()) == {}
    assert counted(counts, [some_change("y")], frozenset({change.key}))[change.key].count == 1
    assert counted(counts, [change], frozenset()) == {}


def test_what_is_held_keeps_its_count_and_adds_none() -> None:
    change = some_change()
    held = replace(change, disposition=Disposition.HELD, obstacle="paused")
    counts = after(LIMIT - 1, change)
    assert counted(counts, [held], frozenset()) == counts
    blocked = replace(change, disposition=Disposition.BLOCKED, obstacle="full")
    assert counted(counts, [blocked], frozenset()) == counts
    assert repeat_digest(held) == repeat_digest(change)
    assert change_digest(held) != change_digest(change)


def test_a_pass_over_some_wizards_leaves_the_counts_of_the_others() -> None:
    change = some_change()
    counts = {**after(2, change), "codebase/hermes/0.19.0": Repeat("d", 2)}
    assert counted(counts, [], frozenset(), frozenset({"bo"})) == counts
    assert counted(counts, [], frozenset(), frozenset({"ada"})) == {"codebase/hermes/0.19.0": Repeat("d", 2)}


def test_a_stopped_change_is_held_with_what_needs_it_and_the_mend() -> None:
    host, desired = Host(), desired_of(fleet_of(simple("ada"), simple("bo", 8644)))
    settle(host, desired)
    for path in [path for path in host.files if path.endswith("/ada/home/SOUL.md")]:
        del host.files[path]
    (change,) = plan_of(host, desired).changes
    host.records = replace(host.records, repeats={change.key: Repeat(repeat_digest(change), LIMIT)})
    plan = plan_of(host, desired)
    (held,) = plan.changes
    assert (held.disposition, plan.steps) == (Disposition.HELD, ())
    assert "was made 3 passes in a row and came back each time" in held.obstacle
    assert "`reconciler retry ada`" in held.obstacle
    host.records = replace(host.records, pauses={"ada": Pause("ada", "", AT)})
    assert plan_of(host, desired).changes[0].obstacle.startswith("paused since")
