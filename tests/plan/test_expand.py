"""What a wizard becomes on its host. The expansion of the golden fleet is held as a snapshot."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import assert_never

import pytest
from hypothesis import given
from syrupy.assertion import SnapshotAssertion

from reconciler.errors import Terminal
from reconciler.plan.expand import Desired, expand
from reconciler.plan.fact import SecretFact
from reconciler.plan.fields import inputs_digest, secret_refs, wanted_fields
from reconciler.plan.resource import (
    CodebaseVersion,
    Directory,
    KeyedFile,
    Process,
    PypiInstall,
    Resource,
    Symlink,
    TextFile,
)
from reconciler.plan.soul import MAX_SIBLINGS
from reconciler.plan.value import Known, SecretRef, known
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.load import load_fleet
from tests.plan.fleets import HERE, ROOT, desired_of, fleet_of, fleets, simple

GOLDEN = Path(__file__).parents[2] / "fleet"


def _golden() -> DesiredFleet:
    files = {f"fleet/{p.relative_to(GOLDEN)}": p.read_bytes() for p in GOLDEN.rglob("*") if p.is_file()}
    fleet = load_fleet(files, "fleet").fleet
    assert fleet is not None
    return fleet


def _one(desired: Desired, key: str) -> Resource:
    return next(r for r in desired.resources if r.key == key)


def _told(resource: Resource) -> Iterator[str]:
    """A resource as people read it."""
    yield f"{resource.type} {resource.key}"
    match resource:
        case Directory(path=path, mode=mode):
            yield f"  {path} {mode:04o}"
        case TextFile(path=path, mode=mode, text=text):
            yield f"  {path} {mode:04o}"
            yield from (f"  | {line}" for line in text.splitlines())
        case KeyedFile(path=path, mode=mode, keys=keys):
            yield f"  {path} {mode:04o}"
            yield from (f"  {'.'.join(key.path)} = {_value(key.value)}" for key in keys)
        case Symlink(path=path, target=target):
            yield f"  {path} -> {target}"
        case CodebaseVersion(path=path, source=source):
            assert isinstance(source, PypiInstall)
            yield f"  {path} {source.package} {source.version} with {', '.join(source.extras)}"
        case Process():
            yield f"  {shlex.join(resource.argv)}"
            yield f"  in {resource.cwd}, port {resource.port}, log {resource.log}, run {resource.run}"
            yield f"  stopped by {resource.stop_signal} in {resource.stop_seconds} s, answers as {resource.identity}"
            yield from (f"  {name}={value}" for name, value in resource.env)
            yield from (f"  reads {'.'.join(key.path)} = {_value(key.value)}" for key in resource.start_values)
        case _:
            assert_never(resource)


def _value(value: Known | SecretRef) -> str:
    return value.text if isinstance(value, Known) else f"({value.source} {value.location})"


def test_the_golden_fleet(snapshot: SnapshotAssertion) -> None:
    desired = expand(_golden(), "hermes-vps", None, "c0ffee")
    text = "\n".join(line for resource in desired.resources for line in _told(resource))
    assert f"{text}\n\n" + "\n".join(desired.unenforced) == snapshot


@given(fleets())
def test_expanding_is_a_function(fleet: DesiredFleet) -> None:
    first, second = desired_of(fleet), desired_of(fleet)
    assert first == second
    keys = [r.key for r in first.resources]
    assert len(keys) == len(set(keys))
    assert all(r.key.startswith(f"wizard/{r.wizard}/") for r in first.resources if r.wizard)
    paths = [r.path for r in first.resources if not isinstance(r, Process)]
    assert len(paths) == len(set(paths))


@given(fleets())
def test_what_a_wizard_becomes_depends_on_no_other_wizard_but_for_its_soul(fleet: DesiredFleet) -> None:
    whole = desired_of(fleet)
    for name in whole.wizards:
        alone = desired_of(replace(fleet, wizards={name: fleet.wizards[name]}))
        own = [r for r in whole.resources if r.wizard == name and not r.key.endswith("SOUL.md")]
        assert own == [r for r in alone.resources if r.wizard == name and not r.key.endswith("SOUL.md")]


@given(fleets())
def test_a_secret_is_only_ever_named(fleet: DesiredFleet) -> None:
    for resource in desired_of(fleet).resources:
        refs = secret_refs(resource)
        assert list(refs) == sorted(set(refs))
        if isinstance(resource, Process):
            assert resource.api_key in refs
            assert not any("API_SERVER_KEY" in word for word in (*resource.argv, *dict(resource.env)))


def test_a_generated_secret_belongs_to_one_wizard() -> None:
    desired = desired_of(fleet_of(simple("ada"), simple("bo", 8644)))
    refs = {r.api_key for r in desired.resources if isinstance(r, Process)}
    assert refs == {SecretRef("generate", "ada/API_SERVER_KEY"), SecretRef("generate", "bo/API_SERVER_KEY")}


def test_lists_and_empty_sections_are_leaves() -> None:
    config = {"a": {"b": {"c": 1}, "d": [{"e": 1}]}, "f": {}, "g": None}
    file = _one(desired_of(fleet_of(simple("ada", config=config))), "wizard/ada/file/home/config.yaml")
    assert isinstance(file, KeyedFile)
    own = {key.path: key.value for key in file.keys if key.path[0] in config}
    assert own == {
        ("a", "b", "c"): known(1),
        ("a", "d"): known([{"e": 1}]),
        ("f",): known({}),
        ("g",): known(None),
    }


def test_a_wizards_own_keys_win_over_the_defaults() -> None:
    fleet = fleet_of(
        simple("ada", config={"memory": {"memory_enabled": False}}, env={"CLOUD_KEY": "own"}, model="cloud")
    )
    desired = desired_of(fleet)
    config, env = (_one(desired, f"wizard/ada/file/home/{name}") for name in ("config.yaml", ".env"))
    assert isinstance(config, KeyedFile)
    assert isinstance(env, KeyedFile)
    assert dict((k.path, k.value) for k in config.keys)["memory", "memory_enabled"] == known(False)
    assert dict((k.path, k.value) for k in env.keys)["CLOUD_KEY",] == known("own")


def test_what_is_read_only_at_start_is_an_input_and_the_model_is_not() -> None:
    process = _one(desired_of(fleet_of(simple("ada", config={"tools": {"x": 1}}))), "wizard/ada/body")
    assert isinstance(process, Process)
    paths = {key.path for key in process.start_values}
    assert ("config.yaml", "platforms", "api_server", "extra", "port") in paths
    assert ("config.yaml", "tools", "x") in paths
    assert (".env", "API_SERVER_KEY") in paths
    assert not [path for path in paths if path[:2] in (("config.yaml", "model"), ("config.yaml", "memory"))]


def test_the_inputs_digest_tells_apart_what_is_next_to_each_other() -> None:
    fields = [((("a", "b"), known("c")),), ((("a",), known("bc")),), ((("ab",), known("c")),)]
    assert len({inputs_digest(f) for f in fields}) == 3


def test_the_inputs_digest_follows_a_rotated_secret() -> None:
    process = _one(desired_of(fleet_of(simple("ada"))), "wizard/ada/body")
    ref = secret_refs(process)[0]
    digests = {inputs_digest(wanted_fields(process, {ref: SecretFact(d)})) for d in ("", "1", "2")}
    assert len(digests) == 3


def test_a_start_script_is_what_the_process_runs_and_nothing_of_a_shell() -> None:
    fleet = fleet_of(simple("ada"))
    desired = expand(fleet, HERE, "/srv/it's here $HOME", "c0ffee")
    script, process = _one(desired, "wizard/ada/file/start-gateway.sh"), _one(desired, "wizard/ada/body")
    assert isinstance(script, TextFile)
    assert isinstance(process, Process)
    words = shlex.split(script.text.split("exec ", 1)[1].replace("\\\n", " "))
    assignments = [f"{name}={value}" for name, value in process.env]
    assert words == ["env", "-i", *assignments, *process.argv, "$@"]
    assert f"cd {shlex.quote(process.cwd)}" in script.text.replace("'\\''", "'\"'\"'")
    assert script.mode == 0o700


def test_the_key_of_an_api_server_must_be_a_secret() -> None:
    with pytest.raises(Terminal, match="must be a secret"):
        desired_of(fleet_of(simple("ada", env={"API_SERVER_KEY": "in the open"})))
    desired_of(fleet_of(simple("ada", env={"API_SERVER_KEY": {"env": "KEY"}})))


# Souls


def _soul(fleet: DesiredFleet, name: str) -> str:
    soul = _one(desired_of(fleet), f"wizard/{name}/file/home/SOUL.md")
    assert isinstance(soul, TextFile)
    return soul.text


FULL = {
    "identity": "Ada, the scribe",
    "lineage": "Daughter of none",
    "responsibilities": ["Writes", "Reads"],
    "father": "Asks him",
    "sovereign": "Serves",
}


def test_a_charter_is_written_in_the_form_of_the_house() -> None:
    fleet = fleet_of(
        simple("ada-of-x", soul={"charter": FULL}, father="old-bo"), simple("bo", 8644), simple("old-bo", 8645)
    )
    assert _soul(fleet, "ada-of-x").splitlines() == [
        "# Ada Of X House Charter",
        "",
        "Entity:",
        "- Ada, the scribe",
        "- Daughter of none",
        "",
        "Canonical placement:",
        f"- HERMES_HOME={ROOT}/ada-of-x/home",
        "- Shares codebase with bo, old-bo",
        "",
        "Role:",
        "- Writes",
        "- Reads",
        "",
        "Relationship to Old Bo:",
        "- Asks him",
        "",
        "Relationship to Sovereign:",
        "- Serves",
    ]


def test_a_short_charter_leaves_out_what_nobody_said() -> None:
    fleet = fleet_of(simple("ada", soul={"charter": {"identity": "Ada"}}, role="Scribe"))
    text = _soul(fleet, "ada")
    assert "Relationship" not in text
    assert "Shares codebase" not in text
    assert "Role:\n- Scribe\n" in text


def test_who_shares_a_codebase_lives_on_the_same_host() -> None:
    soul = {"charter": {"identity": "Ada"}}
    near, far = simple("bo", 8644), simple("cy", 8645, host="other")
    other = simple("di", 8646, codebase="hermes-old")
    assert "Shares codebase with bo\n" in _soul(fleet_of(simple("ada", soul=soul), near, far, other), "ada")


def test_in_a_crowd_a_newcomer_changes_nobodys_soul() -> None:
    crowd = [simple(f"w{n}", 8700 + n) for n in range(MAX_SIBLINGS + 1)]
    ada = simple("ada", soul={"charter": {"identity": "Ada"}})
    text = _soul(fleet_of(ada, *crowd), "ada")
    assert "- Shares codebase with the other wizards of this host\n" in text
    assert text == _soul(fleet_of(ada, *crowd, simple("new", 8800)), "ada")


def test_a_soul_file_is_taken_as_it_is_and_ends_its_line() -> None:
    fleet = replace(fleet_of(simple("ada")), souls={"souls/ada.md": "  # Ada\n\nno end"})
    assert _soul(fleet, "ada") == "  # Ada\n\nno end\n"


# What this version does not do yet


def test_what_is_not_enforced_is_said() -> None:
    robed = simple("ada", desired="robed", robe={"port": 18643})
    golden = expand(_golden(), "hermes-vps", None, "c0ffee").unenforced
    assert any(line.startswith("Cron ") for line in golden)
    assert any(line.startswith("Task TASK-") for line in golden)
    assert any(line.startswith("Model qwen: pull") for line in golden)
    assert "Wizard ada: its Robe (desired robed)" in desired_of(fleet_of(robed)).unenforced
    assert not desired_of(fleet_of(simple("ada"))).unenforced


@pytest.mark.parametrize(("desired", "runs"), [("robed", True), ("unrobed", True), ("lobster", False), ("dead", False)])
def test_which_states_have_a_running_body(desired: str, runs: bool) -> None:
    process = _one(desired_of(fleet_of(simple("ada", desired=desired))), "wizard/ada/body")
    assert isinstance(process, Process)
    assert process.run is runs


def test_a_telegram_token_goes_to_the_environment_and_turns_the_platform_on() -> None:
    desired = desired_of(fleet_of(simple("ada", telegram={"token": {"env": "T"}})))
    config, env = (_one(desired, f"wizard/ada/file/home/{name}") for name in ("config.yaml", ".env"))
    assert isinstance(config, KeyedFile)
    assert isinstance(env, KeyedFile)
    assert ("platforms", "telegram", "enabled") in {key.path for key in config.keys}
    assert {k.path: k.value for k in env.keys}["TELEGRAM_BOT_TOKEN",] == SecretRef("env", "T")
