"""Codebase versions: two unused ones stay, nothing that is needed ever goes, and a failed install leaves a wizard as it
was."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan.build import Rules
from reconciler.plan.change import Action, Cause, Change, Copies, Operation, Step
from reconciler.plan.codebases import program_version, version_name, version_path
from reconciler.plan.fact import Unknown
from reconciler.plan.generation import effective, expansion, of_wizard
from reconciler.plan.held import Generation, Quarantine, Records
from reconciler.plan.prune import KEPT
from reconciler.plan.resource import CodebaseVersion, GitInstall, Process, PypiInstall, Symlink
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import DesiredState, PypiSource, Wizard
from tests.plan.fleets import VERSIONS, Story, at_version, changed, desired_of, fleet_of, simple, stories, version_at
from tests.plan.host import Host, Live
from tests.plan.walk import Page, plan_for, settle, walk

ADA, BO = simple("ada", 8643), simple("bo", 8644)
COMMIT = VERSIONS[-1]


def moved(host: Host, fleet: DesiredFleet, *versions: str) -> None:
    """The fleet at one version after the other, each applied whole."""
    for number, version in enumerate(versions):
        desired = desired_of(at_version(fleet, version), f"{number:040x}")
        settle(host, desired)
        assert not plan_for(host, desired).changes


def installed(host: Host) -> set[str]:
    return {version_name(path).rpartition("/")[2] for path, node in host.files.items() if node.kind == "codebase"}


def removals(changes: tuple[Change, ...]) -> set[str]:
    return {version_name(c.key).rpartition("/")[2] for c in changes if isinstance(c.resource, CodebaseVersion)}


def test_the_last_two_unused_versions_stay() -> None:
    host = Host()
    moved(host, fleet_of(ADA), "1.0", "2.0", "3.0")
    assert installed(host) == {"1.0", "2.0", "3.0"}
    moved(host, fleet_of(ADA), "4.0")
    assert installed(host) == {"2.0", "3.0", "4.0"}


def test_last_means_last_used_not_last_installed() -> None:
    host = Host()
    moved(host, fleet_of(ADA), "1.0", "2.0", "3.0", "1.0")
    assert installed(host) == {"1.0", "2.0", "3.0"}
    moved(host, fleet_of(ADA), "4.0")
    assert installed(host) == {"1.0", "3.0", "4.0"}


def test_commits_and_releases_of_one_codebase_are_versions_alike() -> None:
    host = Host()
    moved(host, fleet_of(ADA), "1.0", COMMIT, "2.0", "3.0")
    assert installed(host) == {COMMIT[:12], "2.0", "3.0"}


def test_what_was_left_in_the_middle_goes_at_once_and_counts_for_nothing() -> None:
    host = Host()
    moved(host, fleet_of(ADA), "1.0", "2.0", "3.0")
    host.files[version_at("2.0").path].content = ""
    desired = desired_of(at_version(fleet_of(ADA), "3.0"))
    plan = settle(host, desired)
    assert [(c.key, c.action) for c in plan.changes] == [(version_at("2.0").key, Action.DELETE)]
    assert "never finished" in plan.changes[0].reasons[0].text
    assert installed(host) == {"1.0", "3.0"}
    assert not plan_for(host, desired).changes


def test_a_version_in_the_middle_that_is_wanted_is_finished() -> None:
    host = Host()
    moved(host, fleet_of(ADA), "1.0")
    host.files[version_at("1.0").path].content = ""
    plan = settle(host, desired_of(at_version(fleet_of(ADA), "1.0")))
    assert [(s.operation, s.key) for s in plan.steps] == [(Operation.INSTALL, version_at("1.0").key)]
    assert not plan_for(host, desired_of(at_version(fleet_of(ADA), "1.0"))).changes


def test_a_paused_wizard_keeps_the_version_that_it_runs() -> None:
    host = Host()
    moved(host, fleet_of(ADA, BO), "1.0")
    host.pause("ada")
    for version in ("2.0", "3.0", "4.0", "5.0"):
        settle(host, desired_of(at_version(fleet_of(ADA, BO), version)))
    assert installed(host) == {"1.0", "3.0", "4.0", "5.0"}


def test_a_generation_keeps_its_version() -> None:
    host = Host()
    moved(host, fleet_of(ADA), "1.0")
    resources = desired_of(at_version(fleet_of(ADA), "1.0")).resources
    kept = Generation("ada", 1, "c" * 40, "2026-01-01T00:00:00Z", "x", resources)
    host.records = replace(host.records, generations={"ada": (kept,)})
    moved(host, fleet_of(ADA), "2.0", "3.0", "4.0", "5.0")
    assert installed(host) == {"1.0", "3.0", "4.0", "5.0"}


def test_while_it_is_not_known_what_a_process_runs_nothing_goes() -> None:
    host = Host()
    fleet = fleet_of(ADA, BO)
    moved(host, fleet, "1.0", "2.0", "3.0")
    host.pause("bo")
    host.processes["wizard/bo/body"].inputs = "started by somebody else"
    settle(host, desired_of(at_version(fleet, "4.0")))
    settle(host, desired_of(at_version(fleet, "5.0")))
    assert installed(host) == {"1.0", "2.0", "3.0", "4.0", "5.0"}
    host.calm(desired_of(fleet))
    settle(host, desired_of(at_version(fleet, "5.0")))
    assert installed(host) == {"3.0", "4.0", "5.0"}


@pytest.mark.parametrize("key", [version_at("1.0").key, "wizard/ada/body"])
def test_nothing_is_pruned_on_unknown(key: str) -> None:
    host = Host()
    moved(host, fleet_of(ADA), "1.0", "2.0", "3.0")
    host.records = replace(host.records, held=host.records.held)
    host.unknown[key] = "permission denied"
    plan = plan_for(host, desired_of(at_version(fleet_of(ADA), "4.0")))
    assert not any(step.operation is Operation.REMOVE for step in plan.steps)
    assert isinstance(host.observe(desired_of(fleet_of(ADA))).facts.get(key), Unknown)


def test_a_plan_for_some_wizards_prunes_nothing() -> None:
    host = Host()
    moved(host, fleet_of(ADA), "1.0", "2.0", "3.0")
    plan = plan_for(host, desired_of(at_version(fleet_of(ADA), "4.0")), Rules(only=frozenset({"ada"})))
    assert not removals(tuple(c for c in plan.changes if c.action is Action.DELETE))


def test_pruning_comes_after_every_gate_and_falls_with_each_of_them() -> None:
    host = Host()
    moved(host, fleet_of(ADA, BO), "1.0", "2.0", "3.0")
    plan = plan_for(host, desired_of(at_version(fleet_of(ADA, BO), "4.0")))
    (remove,) = (step for step in plan.steps if step.operation is Operation.REMOVE)
    assert remove.key == version_at("1.0").key
    gates = {step.id for step in plan.steps if step.operation is Operation.GATE}
    assert len(gates) == 2
    assert gates <= set(remove.needs)
    done = host.apply(plan, fails=lambda step: step.id == max(gates))
    assert remove.id not in done
    assert "1.0" in installed(host)


def test_the_reason_is_told() -> None:
    host = Host()
    moved(host, fleet_of(ADA), "1.0", "2.0", "3.0")
    plan = plan_for(host, desired_of(at_version(fleet_of(ADA), "4.0")))
    change = plan.change(version_at("1.0").key)
    assert change.reasons[0].cause is Cause.REMOVED
    assert "last 2 unused" in change.reasons[0].text


def _needed(page: Page) -> set[str]:
    """What may not go in this pass: it is declared, or runs or is linked once the pass is over."""
    declared = {r.path for r in page.desired.resources if isinstance(r, CodebaseVersion)}
    running = {live.codebase for live in page.after.processes.values()}
    held = (e.resource for e in page.after.records.held.values() if e.resource.wizard not in page.after.records.attic)
    return declared | running | {r.codebase if isinstance(r, Process) else "" for r in held}


@given(stories(length=4))
def test_nothing_that_is_needed_is_ever_removed(story: Story) -> None:
    for page in walk(story):
        gone = page.before.files.keys() - page.after.files.keys()
        gone = {path for path in gone if page.before.files[path].kind == "codebase"}
        assert not gone & _needed(page)
        assert gone <= {e.resource.path for e in page.records.held.values() if not isinstance(e.resource, Process)}


@given(stories(length=4))
def test_after_a_whole_pass_at_most_two_unused_versions_of_each_codebase_are_left(story: Story) -> None:
    *_, page = walk(story)
    host = page.after
    host.calm(page.desired)
    settle(host, page.desired)
    settle(host, page.desired)
    declared = {r.path for r in page.desired.resources if isinstance(r, CodebaseVersion)}
    unused: dict[str, set[str]] = defaultdict(set)
    for entry in host.records.held.values():
        version = entry.resource
        if isinstance(version, CodebaseVersion) and version.path not in declared:
            unused[version.path.rpartition("/")[0]].add(version.path)
    assert all(len(paths) <= KEPT for paths in unused.values())


def _state(host: Host, wizard: str) -> tuple[object, ...]:
    """Process, link, start script and configuration of a wizard."""
    folder = f"/srv/wizards/{wizard}"
    names = ("hermes-agent", "start-gateway.sh", "home/config.yaml", "home/.env")
    return (host.processes[f"wizard/{wizard}/body"], *(host.files[f"{folder}/{name}"] for name in names))


@given(st.permutations(range(40)), st.booleans())
def test_a_version_that_can_not_be_installed_leaves_the_wizard_as_it_was(order: list[int], blocked: bool) -> None:
    """Registry away while applying, or known to be in the way before: with a new port and keys in the same commit."""
    host = Host()
    fleet = fleet_of(ADA, BO)
    moved(host, fleet, "1.0")
    before = host.copy()
    fleet = changed(at_version(fleet, "2.0"), "ada", port=8650, config={"ui": {"theme": "dark"}}, env={"PLAIN": "b"})
    desired = desired_of(fleet)
    if blocked:
        host.unknown[version_at("2.0").key] = "permission denied"
    picks = iter(order * 10)
    plan = plan_for(host, desired)
    done = host.apply(plan, lambda ready: next(picks), lambda step: step.operation is Operation.INSTALL)
    assert not any(op in step for step in done for op in ("#stop", "#start", "#link", "#edit"))
    for wizard in ("ada", "bo"):
        assert _state(host, wizard) == _state(before, wizard)
    host.calm(desired)
    settle(host, desired)
    assert not plan_for(host, desired).changes
    assert host.processes["wizard/ada/body"].codebase == version_at("2.0").path


def test_what_does_not_hang_on_the_version_is_still_mended() -> None:
    host = Host()
    fleet = fleet_of(ADA)
    moved(host, fleet, "1.0")
    soul = "/srv/wizards/ada/home/SOUL.md"
    host.files[soul].content = "tampered"
    host.apply(plan_for(host, desired_of(at_version(fleet, "2.0"))), fails=lambda s: s.operation is Operation.INSTALL)
    assert host.files[soul].content == "# ada\n"


def test_a_wizard_that_is_dead_links_to_a_version_only_when_it_is_there() -> None:
    host = Host()
    fleet = changed(fleet_of(ADA), "ada", desired=DesiredState.DEAD)
    moved(host, fleet, "1.0")
    plan = plan_for(host, desired_of(at_version(fleet, "2.0")))
    host.apply(plan, fails=lambda step: step.operation is Operation.INSTALL)
    assert host.files["/srv/wizards/ada/hermes-agent"].content == version_at("1.0").path
    assert f"{version_at('1.0').path}/" in str(host.files["/srv/wizards/ada/start-gateway.sh"].content)


def test_a_version_that_is_there_already_is_ours_by_its_marker() -> None:
    host = Host()
    moved(host, fleet_of(ADA), "1.0", "2.0", "3.0")
    host.records = Records()
    moved(host, fleet_of(ADA), "3.0")
    assert all(e.origin.value == "created" for k, e in host.records.held.items() if k.startswith("codebase/"))


def test_a_process_of_a_commit_says_its_first_digits() -> None:
    fleet = at_version(fleet_of(ADA), COMMIT)
    desired = desired_of(fleet)
    process = next(r for r in desired.resources if isinstance(r, Process))
    version = next(r for r in desired.resources if isinstance(r, CodebaseVersion))
    link = next(r for r in desired.resources if isinstance(r, Symlink))
    assert process.version == program_version(fleet.codebases["hermes"]) == COMMIT[:12]
    assert version_name(version.key) == f"hermes/{COMMIT[:12]}"
    assert version.source == GitInstall("https://git.example/hermes.git", COMMIT, ("aiohttp",))
    assert process.codebase == link.target == version.path == version_at(COMMIT).path


def test_another_address_of_the_same_commit_is_recorded_and_nothing_is_built() -> None:
    host = Host()
    moved(host, fleet_of(ADA), COMMIT)
    desired = desired_of(at_version(fleet_of(ADA), COMMIT))
    version = next(r for r in desired.resources if isinstance(r, CodebaseVersion))
    assert isinstance(version.source, GitInstall)
    elsewhere = replace(version, source=replace(version.source, url="https://mirror.example/hermes.git"))
    desired = replace(desired, resources=(elsewhere, *(r for r in desired.resources if r is not version)))
    plan = settle(host, desired)
    assert [(s.operation, s.key) for s in plan.steps] == [(Operation.RECORD, version.key)]
    assert not plan_for(host, desired).changes


def declaring(source: dict[str, object], *wizards: Wizard) -> DesiredFleet:
    fleet = at_version(fleet_of(*wizards), "1.0")
    codebase = fleet.codebases["hermes"].model_copy(update={"source": PypiSource.model_validate(source)})
    return replace(fleet, codebases={**fleet.codebases, "hermes": codebase})


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"pypi": "hermes-agent", "version": "1.0", "with": ["idna", "aiohttp"]}, "with: aiohttp -> aiohttp, idna"),
        ({"pypi": "hermes-agent", "version": "1.0"}, "with: aiohttp -> nothing"),
        ({"pypi": "hermes-fork", "version": "1.0", "with": ["aiohttp"]}, "package hermes-agent -> hermes-fork"),
    ],
)
def test_another_source_is_another_folder_and_an_ordinary_move(source: dict[str, object], reason: str) -> None:
    """Behind a canary, with its gate and a way back; what runs stays as it was until then."""
    host = Host()
    moved(host, fleet_of(ADA, BO), "1.0")
    before = host.copy()
    desired = desired_of(declaring(source, ADA, BO))
    plan = plan_for(host, desired)
    restarts = [plan.change(f"wizard/{name}/body") for name in ("ada", "bo")]
    assert [[r.text for r in c.reasons] for c in restarts] == [[reason, "canary first"], [reason, "after ada"]]
    assert {change.databases for change in restarts} == {Copies.MADE}
    assert not any(step.operation is Operation.REMOVE for step in plan.steps)
    host.apply(plan, fails=lambda step: step.operation is Operation.INSTALL)  # the registry is away
    assert host.files == before.files
    assert host.processes == before.processes
    settle(host, desired)
    assert version_at("1.0").path in host.files
    assert host.processes["wizard/bo/body"].codebase not in before.files
    assert not plan_for(host, desired).changes


def test_one_source_written_otherwise_is_the_same_version() -> None:
    host = Host()
    moved(host, fleet_of(ADA), "1.0")
    source = {"pypi": "Hermes_Agent", "version": "1.0", "with": ["aiohttp", "aiohttp"]}
    plan = plan_for(host, desired_of(declaring(source, ADA)))
    assert [(s.operation, s.key) for s in plan.steps] == [(Operation.RECORD, version_at("1.0").key)]


def test_paths_name_the_version_and_tell_sources_apart() -> None:
    """Whatever differs between two sources, and never a thing that does not."""
    commit = GitInstall("https://git.example/hermes.git", COMMIT, ("aiohttp",))
    sources = [
        PypiInstall("hermes-agent", "1.0", ("aiohttp",)),
        PypiInstall("hermes-agent", "1.0", ()),
        PypiInstall("hermes-agent", "1.0", ("aiohttp", "idna")),
        PypiInstall("hermes-fork", "1.0", ("aiohttp",)),
        PypiInstall("hermes-agent", "1.0.post1", ("aiohttp",)),
        commit,
        replace(commit, commit=COMMIT[:39] + "9"),
        replace(commit, extras=()),
    ]
    paths = [version_path("hermes", source, "/srv") for source in sources]
    assert len(set(paths)) == len(paths)
    assert version_name(paths[0]) == version_name(paths[3]) == "hermes/1.0"
    assert version_name(paths[5]) == version_name(paths[6]) == f"hermes/{COMMIT[:12]}"
    assert version_path("hermes", replace(commit, url="git@git.example:hermes.git"), "/srv") == paths[5]


def test_a_quarantined_wizard_keeps_its_packages_and_takes_nothing_from_the_others() -> None:
    """Its generation and the declaration name one release with other packages beside it: two versions."""
    host = Host()
    old, new = at_version(fleet_of(ADA, BO), "1.0"), declaring({"pypi": "hermes-agent", "version": "1.0"}, ADA, BO)
    settle(host, desired_of(old))
    kept = Generation("ada", 1, "c" * 40, "2026-01-01T00:00:00Z", "x", of_wizard(desired_of(old))["ada"])
    secrets = host.observe(desired_of(new)).secrets
    made = expansion(of_wizard(desired_of(new))["ada"], secrets, desired_of(new).company["ada"])
    failed = Quarantine("ada", made.digest, "d" * 40, "did not listen", "2026-01-01T00:00:00Z", secrets=made.secrets)
    host.records = replace(
        host.records,
        generations={"ada": (kept,)},
        quarantines={"ada": failed},
    )
    wanted = effective(desired_of(new), host.records, secrets).desired
    runs = {r.wizard: r.codebase for r in wanted.resources if isinstance(r, Process)}
    assert runs == {"ada": version_at("1.0").path, "bo": next(iter(desired_of(new).runs.values()))}
    assert {r.path for r in wanted.resources if isinstance(r, CodebaseVersion)} == set(runs.values())


def test_where_a_commit_comes_from_is_what_git_says_now() -> None:
    """Also for one that a generation knows from another address, which may be gone."""
    fleet = at_version(fleet_of(ADA, BO), COMMIT)
    desired = desired_of(fleet)
    version = version_at(COMMIT)
    assert isinstance(version.source, GitInstall)
    gone = replace(version, source=replace(version.source, url="https://gone.example/hermes.git"))
    resources = (gone, *(r for r in of_wizard(desired)["ada"] if r != version))
    kept = Generation("ada", 1, "c" * 40, "2026-01-01T00:00:00Z", "x", resources)
    made = expansion(of_wizard(desired)["ada"], {}, desired.company["ada"])
    failed = Quarantine("ada", made.digest, "d" * 40, "ill", "2026-01-01T00:00:00Z", secrets=made.secrets)
    wanted = effective(desired, Records(generations={"ada": (kept,)}, quarantines={"ada": failed}), {}).desired
    assert [r for r in wanted.resources if isinstance(r, CodebaseVersion)] == [version]


def test_live_tells_what_it_runs() -> None:
    """The reference host would notice a version that is removed under a live process."""
    host = Host()
    moved(host, fleet_of(ADA), "1.0")
    version = next(e.resource for k, e in host.records.held.items() if k.startswith("codebase/"))
    change = Change(version.key, None, Action.DELETE, version, ())
    assert isinstance(host.processes["wizard/ada/body"], Live)
    with pytest.raises(AssertionError, match="in use"):
        host.perform(Step("x", Operation.REMOVE, version.key, None), change, "c" * 40)
