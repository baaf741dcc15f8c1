"""Who owns what: a key that Git declares is Git's, one that it no longer declares goes, every other one stays."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given

from reconciler.plan.change import Action, Cause, Change, FieldChange
from reconciler.plan.diff import diff
from reconciler.plan.fields import KEY
from reconciler.plan.held import Held, Origin
from reconciler.plan.resource import Format, KeyedFile, OwnedKey
from reconciler.plan.value import FieldPath, Hidden, Known, SecretRef, known
from reconciler.spec.kinds import FromEnv, Generate
from tests.plan.fleets import AGENTS_OWN, MISSING, Blow, Story, changed, desired_of, fleet_of, read, simple, stories
from tests.plan.host import Host, Node, leaves, plain, put, tree_of
from tests.plan.walk import Page, plan_for, settle, walk

CONFIG = "wizard/ada/file/home/config.yaml"
ENV = "wizard/ada/file/home/.env"


def _conflict(path: FieldPath, keys: set[FieldPath]) -> bool:
    """Whether one of the keys can't be there together with the path."""
    return any(path[: len(key)] == key or key[: len(path)] == path for key in keys)


def _agents(page: Page) -> list[tuple[KeyedFile, FieldPath, object]]:
    """Before the pass: every key on the disk that neither Git nor we have anything to do with."""
    found = []
    wanted = {r.key: r for r in page.desired.resources if isinstance(r, KeyedFile)}
    held = {k: e.resource for k, e in page.records.held.items() if isinstance(e.resource, KeyedFile)}
    for key, file in {**held, **wanted}.items():
        node = page.before.files.get(page.before.place(file))
        ours = {owned.path for owned in wanted[key].keys} if key in wanted else set()
        ours |= {path[1:] for path, _ in page.records.held[key].fields if path[0] == KEY} if key in held else set()
        if node is not None and node.kind == "keyed":
            found += [(file, path, value) for path, value in leaves(tree_of(node)) if not _conflict(path, ours)]
    return found


@given(stories(AGENTS_OWN | {Blow.KEY, Blow.KEY_GONE, Blow.LEDGER_LOST}))
def test_what_the_agent_wrote_is_never_touched(story: Story) -> None:
    for page in walk(story):
        for file, path, value in _agents(page):
            node = page.after.files.get(page.after.place(file))
            assert node is not None, f"{file.key} is gone with {path}"
            assert plain(read(node, path)) == plain(value)


@given(stories())
def test_a_plan_only_touches_keys_of_git_and_keys_that_were_applied(story: Story) -> None:
    for page in walk(story):
        for change in page.plan.changes:
            if not isinstance(change.resource, KeyedFile):
                continue
            declared = {(KEY, *key.path) for key in change.resource.keys}
            entry = page.records.held.get(change.key)
            applied = {path for path, _ in entry.fields} if entry else set()
            for field in change.fields:
                if field.after is not None:
                    assert field.path in declared | {("mode",)}
                else:
                    assert field.path in applied or _conflict(field.path, declared)


@given(stories(frozenset()))
def test_what_git_declares_is_there_and_what_it_took_out_is_gone(story: Story) -> None:
    was: dict[str, set[FieldPath]] = {}
    for page in walk(story):
        for file in (r for r in page.desired.resources if isinstance(r, KeyedFile)):
            tree = page.after.files[file.path]
            declared = {key.path for key in file.keys}
            for key in file.keys:
                text = known(page.after.secrets[key.value]) if isinstance(key.value, SecretRef) else key.value
                assert known(read(tree, key.path)) == text
            for path in was.get(file.key, set()) - declared:
                assert read(tree, path) is MISSING or _conflict(path, declared)
            was[file.key] = declared


@given(stories())
def test_unmanaged_keys_are_listed(story: Story) -> None:
    for page in walk(story):
        listed = dict(page.plan.undeclared)
        names = {name for name in page.desired.wizards}
        for file, path, _ in _agents(page):
            if file.wizard in names and file.key not in page.before.unknown:
                assert ".".join(path) in listed[file.key]


# One file, looked at closely


def _file(*keys: tuple[FieldPath, object]) -> KeyedFile:
    owned = tuple(OwnedKey(path, value if isinstance(value, SecretRef) else known(value)) for path, value in keys)
    return KeyedFile("wizard/ada/file/x", "ada", "/x", 0o600, Format.YAML, owned)


def _diff(
    wanted: KeyedFile, before: KeyedFile | None, tree: dict[str, object]
) -> tuple[Change | None, dict[str, object]]:
    """The change for a file that held `tree`, and the tree after it."""
    host = Host(files={"/": Node("directory", 0o700), "": Node("directory", 0o700), "/x": Node("keyed", 0o600, tree)})
    held = Held(before, Origin.CREATED, host._wanted(before), "c") if before else None
    if held:
        host.records = type(host.records)({wanted.key: held})
    refs = [key.value for key in wanted.keys if isinstance(key.value, SecretRef)]
    change = diff(wanted, host._file_fact(wanted, "/x"), held, {ref: host.secret_fact(ref) for ref in refs})
    if change and change.fields:
        host._edit(change, wanted)
    return change, tree_of(host.files["/x"])


A, B, AB, AC = ("a",), ("b",), ("a", "b"), ("a", "c")


@pytest.mark.parametrize(
    ("wanted", "before", "tree", "after"),
    [
        pytest.param([(A, [1, 2])], [(A, [1, 2])], {"a": [2, 1]}, {"a": [1, 2]}, id="lists are atomic"),
        pytest.param([(A, [1])], [(A, [1])], {"a": [1, "agent's"]}, {"a": [1]}, id="an agent's item of our list goes"),
        pytest.param([], [(A, 1)], {"a": 1, "b": 2}, {"b": 2}, id="removed from Git"),
        pytest.param([], [(A, 1)], {"a": "changed by hand"}, {}, id="removed from Git, changed by hand meanwhile"),
        pytest.param([], [(AB, 1)], {"a": {"b": 1, "c": 2}}, {"a": {"c": 2}}, id="removed beside an agent's key"),
        pytest.param([(B, 1)], None, {"a": 1, "b": 2}, {"a": 1, "b": 1}, id="first meeting"),
        pytest.param([(A, 1)], [(AB, 1)], {"a": {"b": 1}}, {"a": 1}, id="a section becomes a value"),
        pytest.param([(AB, 1)], [(A, 1)], {"a": 1}, {"a": {"b": 1}}, id="a value becomes a section"),
        pytest.param([(AB, 1)], None, {"a": "agent's"}, {"a": {"b": 1}}, id="an agent's value makes way"),
        pytest.param([(A, 1)], None, {"a": {"c": 2}}, {"a": 1}, id="an agent's section makes way"),
        pytest.param([(A, {})], None, {"a": {"c": 2}}, {"a": {"c": 2}}, id="an empty section keeps the agent's keys"),
        pytest.param([(A, {})], [(AB, 1)], {"a": {"b": 1}}, {"a": {}}, id="a section that loses our only key"),
        pytest.param([(A, {})], [(AB, 1)], {"a": {"b": 1, "c": 2}}, {"a": {"c": 2}}, id="and has one of the agent"),
        pytest.param([], [(A, {})], {"a": {"c": 2}}, {"a": {"c": 2}}, id="an empty section removed"),
    ],
)
def test_one_file(
    wanted: list[tuple[FieldPath, object]],
    before: list[tuple[FieldPath, object]] | None,
    tree: dict[str, object],
    after: dict[str, object],
) -> None:
    file = _file(*wanted)
    change, found = _diff(file, None if before is None else _file(*before), tree)
    assert change is not None
    assert found == after
    again, _ = _diff(file, file, found)
    assert again is None


@pytest.mark.parametrize(
    ("wanted", "live"), [(True, 1), (1, True), (1, 1.0), (0, False), ("1", 1), ("true", True), (None, "")]
)
def test_values_of_different_types_are_different(wanted: object, live: object) -> None:
    file = _file((A, wanted))
    change, found = _diff(file, file, {"a": live})
    assert change is not None
    assert change.fields == (FieldChange((KEY, "a"), known(live), known(wanted), Cause.DRIFT),)
    assert known(found["a"]) == known(wanted)


def test_what_makes_way_for_a_key_of_git_is_shown() -> None:
    change, _ = _diff(_file((AB, 1)), None, {"a": "agent's"})
    assert change is not None
    assert {(c.path, c.before, c.after) for c in change.fields} == {
        ((KEY, "a", "b"), None, known(1)),
        ((KEY, "a"), known("agent's"), None),
    }
    change, _ = _diff(_file((A, 1)), None, {"a": {"c": 2}})
    assert change is not None
    assert ((KEY, "a", "c"), known(2), None) in {(c.path, c.before, c.after) for c in change.fields}


def test_the_causes_of_a_difference() -> None:
    before = _file((A, 1), (B, 1), (("gone",), 1), (("moved",), 1))
    wanted = _file((A, 1), (B, 2), (("new",), 1), (("moved",), 2))
    change, _ = _diff(wanted, before, {"a": 9, "b": 1, "gone": 1, "moved": 9})
    assert change is not None
    assert {c.path[1]: c.cause for c in change.fields} == {
        "a": Cause.DRIFT,
        "b": Cause.CHANGED,
        "gone": Cause.REMOVED,
        "new": Cause.DECLARED,
        "moved": Cause.CHANGED,
    }
    first, _ = _diff(wanted, None, {"a": 9})
    assert first is not None
    assert {c.path[1]: c.cause for c in first.fields}["a"] is Cause.EXISTS


def test_a_secret_that_git_now_declares_in_the_open_is_not_shown() -> None:
    """The old text is on the disk under a key whose values may now be shown."""
    host = Host()
    fleet = fleet_of(simple("ada", env={"TOKEN": FromEnv(env="TOKEN")}))
    settle(host, desired_of(fleet))
    secret = host.secrets[SecretRef("env", "TOKEN")]
    plan = plan_for(host, desired_of(changed(fleet, "ada", env={"TOKEN": "open"})))
    field = next(f for f in plan.change(ENV).fields if f.path == (KEY, "TOKEN"))
    assert isinstance(field.before, Hidden)
    assert field.after == known("open")
    assert secret not in repr(plan)


AGENTS_KEY = "sk-proj-aB3daB3daB3daB3daB3daB3daB3d"


@pytest.mark.parametrize("known_before", [True, False])
@pytest.mark.parametrize("text", [AGENTS_KEY, "hunter2"])
def test_what_the_agent_wrote_into_an_env_is_not_shown_when_git_declares_it(known_before: bool, text: str) -> None:
    """In a file that we manage already, at a key that is new to Git, or over what Git had declared."""
    name = ("OPENAI_API_KEY",)
    before = replace(_file((name, "ollama"), (B, "1")) if known_before else _file((B, "1")), format=Format.ENV)
    change, _ = _diff(replace(_file((name, "none")), format=Format.ENV), before, {name[0]: text, "b": "1"})
    assert change is not None
    assert text not in repr(change.fields)
    assert (KEY, *name) in {field.path for field in change.fields}


@pytest.mark.parametrize(
    ("path", "text", "shown"),
    [
        (("extra", "token"), "x7Gq9LmP2vR4", False),
        (("extra", "token"), 8392615470, False),
        (("tokens", "brave"), "x7Gq9LmP2vR4tY8wZ1k", False),
        (("base_url",), AGENTS_KEY, False),
        (("base_url",), "http://127.0.0.1:9/v1", True),
        (("max_tokens",), 4096, True),
        (("memory", "enabled"), True, True),
    ],
)
def test_of_what_the_agent_wrote_into_a_config_only_what_may_be_a_secret_is_not_shown(
    path: FieldPath, text: object, shown: bool
) -> None:
    tree: dict[str, object] = {}
    put(tree, path, text)
    for before in (_file((B, 1)), _file((path, "none"), (B, 1)), None):
        for wanted in (_file((path, "other"), (B, 1)), _file((path[:1], "other"), (B, 1))):
            change, _ = _diff(wanted, before, {**deepcopy(tree), "b": 1})
            assert change is not None
            assert (known(text) in {field.before for field in change.fields}) == shown


def test_what_we_declared_in_the_open_is_shown_when_it_goes() -> None:
    before = replace(_file((("OPENAI_API_KEY",), "ollama"), (B, "1")), format=Format.ENV)
    change, _ = _diff(replace(_file((B, "1")), format=Format.ENV), before, {"OPENAI_API_KEY": "ollama", "b": "1"})
    assert change is not None
    assert [field.before for field in change.fields] == [known("ollama")]


@given(stories())
def test_no_secret_is_ever_in_a_plan(story: Story) -> None:
    for page in walk(story):
        text = repr(page.plan)
        for secret in page.after.secrets.values():
            assert secret not in text


def test_a_key_of_the_agent_survives_everything() -> None:
    """Port, model, environment, a removed key, dead, removed and added again."""
    host = Host()
    fleet = fleet_of(simple("ada", config={"ui": {"theme": "dark"}, "x": 1}), simple("bo", 8644))
    settle(host, desired_of(fleet))
    path = "/srv/wizards/ada/home/config.yaml"
    put(tree_of(host.files[path]), ("ui", "learned"), "by the agent")
    put(tree_of(host.files[path]), ("learned",), [1, 2])
    settle(host, desired_of(fleet))
    steps: list[dict[str, object]] = [
        {"port": 8650},
        {"model": "small"},
        {"env": {"KEY": Generate(generate=True)}},
        {"config": {"ui": {"font": "mono"}}},
        {"config": {}},
    ]
    for number, fields in enumerate(steps):
        fleet = changed(fleet, "ada", **fields)
        settle(host, desired_of(fleet, f"{number:040x}"))
        tree = tree_of(host.files[path])
        assert (tree["learned"], read(host.files[path], ("ui", "learned"))) == ([1, 2], "by the agent")
    assert "x" not in tree
    assert tree["ui"] == {"learned": "by the agent"}
    settle(host, desired_of(fleet_of(fleet.wizards["bo"]), "d" * 40))
    assert path not in host.files
    settle(host, desired_of(fleet, "e" * 40))
    assert read(host.files[path], ("ui", "learned")) == "by the agent"


def test_a_file_that_was_there_before_us_keeps_what_git_does_not_declare() -> None:
    host = Host()
    fleet = fleet_of(simple("ada"))
    home = "/srv/wizards/ada/home"
    for folder in ("/srv/wizards/ada", home):
        host.files[folder] = Node("directory", 0o755)
    host.files[f"{home}/config.yaml"] = Node("keyed", 0o644, {"mine": 1, "model": {"default": "old", "mine": 2}})
    plan = settle(host, desired_of(fleet))
    change = plan.change(CONFIG)
    assert change.action is Action.UPDATE
    assert change.origin is Origin.CLAIMED
    default = next(f for f in change.fields if f.path == (KEY, "model", "default"))
    assert (default.before, default.cause) == (known("old"), Cause.EXISTS)
    node = host.files[f"{home}/config.yaml"]
    assert (read(node, ("mine",)), read(node, ("model", "mine"))) == (1, 2)
    assert not any(isinstance(f.before, Known) and "mine" in f.path for f in change.fields)
    assert dict(plan.undeclared)[CONFIG] == ("mine", "model.mine")
