"""A wizard under another name on a real disk, ledger and secret store; killed before and after every effect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.engine.host import Host
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.request import Request, restart, rollback
from reconciler.errors import Refused
from reconciler.plan.change import Action, Step
from reconciler.plan.held import Pause, Records
from reconciler.protocols.runtime import Program
from tests.engine.site import NEW, NEWEST, Site, release, runs, said, write

STEPS = 9
"""Stop, move, config.yaml, SOUL.md, start-gateway.sh, start, gate; and the souls of the two who share its codebase."""


class Killed(BaseException):
    """What a SIGKILL is to those who come after: nothing of the pass is done from here on."""


class Mortal:
    """A ledger whose process dies: at the intent number `at` once that is written, or (`after`) when its effect is done
    and nothing of it is written."""

    def __init__(self, ledger: Any, at: int, after: bool) -> None:  # every call goes to the real one
        self._ledger, self._at, self._after = ledger, at, after
        self._seen: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def intend(self, *args: Any) -> int:
        if len(self._seen) > self._at:
            raise Killed
        number: int = self._ledger.intend(*args)
        self._seen.append(number)
        if len(self._seen) > self._at and not self._after:
            raise Killed
        return number

    def settle(self, intent: int, *rest: Any) -> None:
        if len(self._seen) > self._at and intent == self._seen[self._at]:
            raise Killed
        self._ledger.settle(intent, *rest)


def born(folder: Path) -> Site:
    """Three wizards that run; ada remembers things."""
    site = Site(folder)
    site.wizards["ada"]["env"] = {"TOOL_KEY": {"generate": True}}
    site.push()
    site.settle()
    home = site.home("ada")
    (home / "memories").mkdir()
    (home / "memories" / "MEMORY.md").write_text("The door is green.\n")
    write(home / "state.db", "hello")
    config = home / "config.yaml"
    config.write_text("# a note of the agent\n" + config.read_text() + "command_allowlist:\n  - git status\n")
    return site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return born(tmp_path)


def home_of(program: Program) -> Path:
    return Path(dict(program.env)["HERMES_HOME"])


def rename(site: Site, **more: object) -> str:
    """ada is eve from now on."""
    site.wizards["eve"] = {**site.wizards.pop("ada"), "name": "eve", "formerly": ["ada"], **more}
    return site.push("ada is eve")


def remembered(site: Site, name: str) -> tuple[str, list[str], str, object, str]:
    home = site.home(name)
    config = (home / "config.yaml").read_text()
    return (
        (home / "memories" / "MEMORY.md").read_text(),
        said(home / "state.db"),
        config.splitlines()[0],
        yaml.safe_load(config)["command_allowlist"],
        (home / ".env").read_text(),
    )


def secrets(site: Site) -> set[str]:
    folder = site.state / "secrets" / "generated"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def content(site: Site) -> dict[str, object]:
    """Paths, modes and bytes below the root; what is random or says where the test runs is left out."""
    found: dict[str, object] = {}
    for path in sorted(site.root.rglob("*")):
        if ".codebases" in path.parts:
            continue
        name, mode = str(path.relative_to(site.root)), path.lstat().st_mode
        text = path.read_bytes().replace(str(site.folder).encode(), b"") if path.is_file() else b""
        found[name] = (mode, b"" if path.name in (".env", "state.db") else text)
    return found


def known(records: Records) -> tuple[set[str], dict[str, int], object, object]:
    return (
        set(records.held),
        {name: len(found) for name, found in records.generations.items()},
        records.attic,
        records.quarantines,
    )


def test_all_of_it_goes_along(site: Site) -> None:
    before, pids = remembered(site, "ada"), site.pids()
    rename(site)
    site.settle()
    assert remembered(site, "eve") == before
    assert not (site.root / "ada").exists()
    assert secrets(site) == {f"{n}/API_SERVER_KEY" for n in ("bo", "cy", "eve")} | {"eve/TOOL_KEY"}
    assert site.pid("ada") is None
    assert site.pid("eve")
    assert {name: site.pid(name) for name in ("bo", "cy")} == {name: pids[name] for name in ("bo", "cy")}
    records = site.records()
    assert {e.resource.wizard for e in records.held.values()} == {None, "bo", "cy", "eve"}
    assert records.starts.keys() == {f"wizard/{name}/body" for name in ("bo", "cy", "eve")}
    numbers = [g.number for g in records.generations["eve"]]
    assert numbers == [2, 1]
    assert "ada" not in records.generations


def test_the_history_of_both_names_tells_it(site: Site) -> None:
    commit = rename(site)
    site.settle()
    told = {(e.key, e.operation): e for e in site.entries("eve")}
    entry = told["wizard/eve/rename", "rename"]
    assert entry.fields == (("name", "ada", "eve"),)
    assert entry.reason == "memories come along"
    assert entry.commit == commit
    assert str(site.root / "eve") in entry.detail
    assert told["wizard/ada/body", "stop"].reason == "is eve from now on"
    assert any(e.operation == "start" for e in site.entries("ada"))


def test_the_plan_before_changes_nothing_and_makes_no_secret(site: Site) -> None:
    rename(site)
    before, made = content(site), secrets(site)
    with site.bound(change=False) as (_, reconciler):
        plan = reconciler.plan(Request("test")).plan
        reconciler.status()
    assert [c.action for c in plan.changes if c.wizard == "eve"][:2] == [Action.STOP, Action.RENAME]
    assert not [c.key for c in plan.changes if c.key.endswith(".env")]
    assert (content(site), secrets(site)) == (before, made)


def test_what_stays_in_the_file_has_no_effect(site: Site) -> None:
    rename(site)
    site.settle()
    pids = site.pids()
    site.settle()
    site.config("bo", compact=True)
    site.settle()
    assert site.pids() == {**pids, "bo": site.pid("bo")}


def test_a_new_wizard_of_the_old_name_shares_nothing(site: Site) -> None:
    rename(site)
    site.settle()
    site.wizards["eve"].pop("formerly")
    site.wizards["ada"] = {**site.wizards["bo"], "name": "ada", "port": 8646, "soul": {"charter": {"identity": "new"}}}
    site.push("Another ada")
    site.settle()
    assert not (site.home("ada") / "memories").exists()
    assert site.key("ada") != site.key("eve")
    assert [g.number for g in site.records().generations["ada"]] == [1]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A host that nothing happened to."""
    site = born(tmp_path_factory.mktemp("calm"))
    rename(site)
    site.settle()
    return site


def test_the_steps_are_counted(calm: Site) -> None:
    newest = max(entry.pass_id for entry in calm.entries())
    entries = [entry for entry in calm.entries() if entry.pass_id == newest]
    assert len(entries) == STEPS, [(e.key, e.operation) for e in entries]


@pytest.mark.parametrize("after", [False, True], ids=["announced", "done"])
@pytest.mark.parametrize("at", range(STEPS))
def test_killed_at_any_effect_the_next_pass_ends_the_same(site: Site, calm: Site, at: int, after: bool) -> None:
    before = remembered(site, "ada")
    rename(site)
    with site.bound() as (host, _):
        mortal = replace(host, ledger=Mortal(host.ledger, at, after), limits=replace(host.limits, concurrency=1))
        with pytest.raises(Killed):
            Reconciler(mortal).run(Request("test"))
    site.settle()
    assert remembered(site, "eve") == before
    assert content(site) == content(calm)
    assert secrets(site) == secrets(calm)
    assert known(site.records()) == known(calm.records())
    assert site.pid("ada") is None
    assert site.pid("eve")
    assert all(e.result is not None for e in site.entries())


def test_a_move_that_fails_leaves_all_in_place_and_is_tried_again(site: Site) -> None:
    before = remembered(site, "ada")
    rename(site)
    blocker = site.root / "eve"

    class Late:
        """Somebody makes the folder between the look and the move."""

        def __init__(self, files: Any) -> None:
            self._files = files

        def __getattr__(self, name: str) -> Any:
            return getattr(self._files, name)

        def move(self, source: str, target: str) -> None:
            blocker.mkdir()
            self._files.move(source, target)

    with site.bound() as (host, _):
        report = Reconciler(replace(host, files=Late(host.files))).run(Request("test"))
    assert not report.done
    assert "stands there already" in report.applied.failures[0].text
    assert remembered(site, "ada") == before
    assert "ada/API_SERVER_KEY" in secrets(site)
    blocked = site.run()
    assert "move it away" in next(c.obstacle for c in blocked.left.changes if c.action is Action.RENAME)
    blocker.rmdir()
    site.settle()
    assert remembered(site, "eve") == before
    assert "ada/API_SERVER_KEY" not in secrets(site)


def test_taken_back_before_it_could_be_done_nothing_was_lost(site: Site) -> None:
    before = remembered(site, "ada")
    (site.root / "eve").mkdir()
    rename(site)
    assert site.run().left.changes
    site.wizards["ada"] = {**site.wizards.pop("eve"), "name": "ada", "formerly": []}
    site.push("ada after all")
    site.settle()
    assert remembered(site, "ada") == before


def test_from_the_attic(site: Site) -> None:
    before, document = remembered(site, "ada"), site.wizards.pop("ada")
    site.policy = {"max_deletions": 1}
    site.push("ada leaves")
    site.settle()
    site.wizards["ada"] = document
    rename(site)
    site.settle()
    assert remembered(site, "eve") == before
    assert list((site.root / ".attic").iterdir()) == []
    assert not site.records().attic


def test_a_bad_change_with_the_new_name_goes_back_in_the_new_place(site: Site) -> None:
    before = remembered(site, "ada")
    display = {"config": {"display": {"compact": True}}}
    site.gateways.ill = lambda program: "deaf" if "eve" in program.name and site.display("eve") else ""
    rename(site, **display)
    report = site.run()
    assert report.stuck == ("eve",)
    assert remembered(site, "eve") == before
    assert site.display("eve") is None
    assert site.pid("eve")
    assert not (site.root / "ada").exists()
    assert site.status("eve").healthy
    site.wizards["eve"].pop("config")
    site.push("A fix")
    site.settle()
    config = yaml.safe_load((site.home("eve") / "config.yaml").read_text())
    assert config["platforms"]["api_server"]["extra"]["model_name"] == "eve"


def test_a_codebase_that_moves_with_it_and_fails_gives_the_databases_back(site: Site) -> None:
    site.gateways.ill = runs(NEWEST)
    site.gateways.acts = lambda program: (
        write(site.home("eve") / "state.db", "spoilt") if "eve" in program.name else None
    )
    rename(site)
    site.codebase["canary"] = "eve"
    site.version(NEWEST)
    assert site.run().stuck == ("eve",)
    assert site.running("eve") == NEW
    rows = said(site.home("eve") / "state.db")
    assert rows[0] == "hello"
    assert not [row for row in rows if f"/{NEWEST}-" in row]


def test_copies_of_databases_go_along(site: Site) -> None:
    """Killed between the copy and the gate of a new version; then the name changes, and the version fails."""
    site.codebase["canary"] = "ada"
    site.version(NEWEST)
    site.gateways.acts = lambda program: write(home_of(program) / "state.db", program.argv[0])
    with site.bound() as (host, _):
        steps = [s.operation.value for s in Reconciler(host).plan(Request("test")).plan.steps if s.wizard == "ada"]
        with pytest.raises(Killed):
            Reconciler(_dying_at(host, "gate", "wizard/ada/body", after=False)).run(Request("test"))
    assert "copy databases" in steps
    assert site.running("ada") == NEWEST
    site.codebase["canary"] = "eve"
    rename(site)
    site.gateways.ill = runs(NEWEST)
    assert site.run().stuck == ("eve",)
    assert site.running("eve") == NEW
    rows = said(site.home("eve") / "state.db")
    assert not [row for row in rows if f"/{NEWEST}-" in row]


def _dying_at(host: Host, operation: str, key: str, *, after: bool) -> Host:
    """The host, dying when this step is announced, or when it is done."""

    class Until(Mortal):
        def intend(self, pass_id: int, commit: str, step: Step, *rest: Any) -> int:
            if (step.operation.value, step.key) == (operation, key):
                self._at, self._seen = 0, []
            return super().intend(pass_id, commit, step, *rest)

    return replace(host, ledger=Until(host.ledger, 10_000, after), limits=replace(host.limits, concurrency=1))


@pytest.mark.parametrize("fails", [False, True])
def test_a_version_that_held_under_the_old_name_held(site: Site, fails: bool) -> None:
    """Whoever goes back from it keeps what was written meanwhile, and gets it back when that fails."""
    site.version(NEWEST)
    site.settle()
    write(site.home("ada") / "state.db", "later")
    site.codebase["canary"] = "eve"
    rename(site)
    site.gateways.ill = runs(NEW) if fails else site.gateways.ill
    site.gateways.acts = lambda program: write(home_of(program) / "state.db", release(program))
    site.version(NEW)
    assert site.run().stuck == (("eve",) if fails else ())
    assert site.running("eve") == (NEWEST if fails else NEW)
    assert said(site.home("eve") / "state.db") == ["hello", "later", NEWEST if fails else NEW]


def test_killed_between_the_move_and_the_last_of_its_secrets(site: Site) -> None:
    before = remembered(site, "ada")
    rename(site)

    class Dying:
        def __init__(self, secrets: Any) -> None:
            self._secrets = secrets

        def __getattr__(self, name: str) -> Any:
            return getattr(self._secrets, name)

        def forget(self, wizard: str) -> None:
            raise Killed

    with site.bound() as (host, _):
        once = replace(_dying_at(host, "rename", "wizard/eve/rename", after=True), secrets=Dying(host.secrets))
        with pytest.raises(Killed):
            Reconciler(once).run(Request("test"))
    assert "ada/API_SERVER_KEY" in secrets(site)
    site.settle()
    assert "ada/API_SERVER_KEY" not in secrets(site)
    assert remembered(site, "eve") == before


def test_a_rollback_by_hand_under_the_new_name(site: Site) -> None:
    rename(site)
    site.settle()
    site.run(rollback("eve"))
    assert site.pid("eve")
    extra = yaml.safe_load((site.home("eve") / "config.yaml").read_text())
    assert extra["platforms"]["api_server"]["extra"]["model_name"] == "ada"  # as it was, in its new place
    assert extra["terminal"]["cwd"] == str(site.root / "eve" / "workspace")


def test_a_quarantine_of_the_old_name_does_not_follow(site: Site) -> None:
    site.gateways.ill = lambda program: "deaf" if site.display(program.name.removesuffix("-body")) else ""
    site.config("ada", compact=True)
    assert site.run().stuck == ("ada",)
    site.wizards["ada"].pop("config")
    rename(site)
    site.settle()
    assert not site.records().quarantines


def test_paused_under_the_old_name(site: Site) -> None:
    with site.bound() as (host, _):
        host.ledger.pause(Pause("ada", "I look at it", "2026-01-01T00:00:00Z"))
    pid = site.pid("ada")
    rename(site)
    assert {c.wizard for c in site.run().left.changes} == {"eve"}
    assert site.pid("ada") == pid
    with site.bound() as (host, _):
        assert host.ledger.resume("ada")
    site.settle()
    assert site.pid("eve")


def test_a_daemon_that_lives_on_sees_the_new_names(site: Site) -> None:
    with site.bound() as (_, reconciler):
        reconciler.run(Request("test"))
        rename(site)
        assert reconciler.run(Request("test")).left.changes == ()
        assert reconciler.run(Request("test")).plan.changes == ()
        site.wizards["ada"] = {**site.wizards.pop("eve"), "name": "ada", "formerly": ["eve"]}
        site.push("Back")
        assert reconciler.run(Request("test")).left.changes == ()
        assert reconciler.run(Request("test")).plan.changes == ()
    assert [g.number for g in site.records().generations["ada"]] == [1, 2], "it is what it was at first"


def test_the_new_name_waits_in_the_attic_and_so_does_all_that_git_declares_under_it(site: Site) -> None:
    before = remembered(site, "ada")
    ada = site.wizards.pop("ada")
    site.push("ada leaves\n\nAllow-Delete: ada")
    site.settle()
    bo = site.wizards.pop("bo")
    site.wizards["ada"] = {**bo, "name": "ada", "formerly": ["bo"], "port": 8660}
    pid = site.pid("bo")
    site.push("bo is ada")
    report = site.run()
    assert {change.wizard for change in report.plan.pending} == {"cy"}  # whose soul names its neighbours
    assert not (site.root / "ada").exists()
    assert (site.pid("ada"), site.pid("bo")) == (None, pid)
    site.wizards["ann"] = {**site.wizards.pop("ada"), "name": "ann"}
    site.push("a name that is free")
    site.settle()
    site.wizards["ada"] = ada
    site.push("and ada herself")
    site.settle()
    assert remembered(site, "ada") == before


def test_said_too_late_the_rename_can_still_be_made(site: Site) -> None:
    """A first pass has made folders under the new name, and could not start it on the port of the old one."""
    before = remembered(site, "ada")
    with site.bound() as (host, _):
        host.ledger.pause(Pause("ada", "", "2026-01-01T00:00:00Z"))
    site.wizards["eve"] = {**site.wizards.pop("ada"), "name": "eve"}
    site.push("ada is eve, and nobody says so\n\nAllow-Delete: ada")
    site.run()
    assert site.home("eve").exists()
    site.wizards["eve"]["formerly"] = ["ada"]
    site.push("said now")
    with site.bound() as (host, _):
        assert host.ledger.resume("ada")
    assert f"something stands at {site.root / 'eve'}; move it away" in str(site.run().left.waiting)
    (site.root / "eve").rename(site.folder / "moved-away")
    site.settle()
    assert remembered(site, "eve") == before
    assert not (site.root / "ada").exists()


def down(site: Site, name: str) -> None:
    site.gateways.crash(f"{name}-body", 0)
    assert site.pid(name) is None


def test_one_that_is_down_runs_under_its_old_name_while_something_is_in_the_way(site: Site) -> None:
    blocker, before = site.root / "eve", remembered(site, "ada")
    blocker.mkdir()
    (blocker / "a-file").write_text("of somebody else")
    rename(site)
    pid = site.pid("ada")
    site.run()
    assert site.pid("ada") == pid
    down(site, "ada")
    report = site.run()
    start = report.plan.change("wizard/ada/body")
    assert start.reasons[-1].text == f"runs as ada until it can be eve: something stands at {blocker}; move it away"
    assert (report.done, bool(site.pid("ada")), site.pid("eve")) == (True, True, None)
    pid = site.pid("ada")
    assert site.run().applied.outcomes == ()
    for name in ("eve", "ada"):
        site.run(restart(frozenset({name})))
        assert site.pid("ada") not in (pid, None)
        pid = site.pid("ada")
    (blocker / "a-file").unlink()
    blocker.rmdir()
    site.settle()
    assert remembered(site, "eve") == before
    assert (site.pid("ada"), bool(site.pid("eve"))) == (None, True)


def test_one_that_is_down_runs_under_its_old_name_while_the_new_one_is_anothers(site: Site) -> None:
    site.wizards.pop("ada")
    site.wizards["bo"]["formerly"] = ["ada"]
    site.push("ada is bo, whom there is already")
    bo = site.pid("bo")
    site.run()
    down(site, "ada")
    assert site.run().done
    assert (bool(site.pid("ada")), site.pid("bo")) == (True, bo)
    assert site.run().applied.outcomes == ()


def test_a_paused_one_stays_down_and_its_port_is_kept_for_it(site: Site) -> None:
    (site.root / "eve").mkdir()
    rename(site, port=8650)
    with site.bound() as (host, _):
        host.ledger.pause(Pause("ada", "", "2026-01-01T00:00:00Z"))
    site.run()
    down(site, "ada")
    site.run()
    assert site.pid("ada") is None
    with site.bound() as (host, _):
        host.ledger.resume("ada")
    site.wizards["bo"]["port"] = 8643
    site.push("bo is to have the port of ada")
    site.run()
    assert (bool(site.pid("ada")), site.port("ada"), site.port("bo")) == (True, 8643, 8644)
    (site.root / "eve").rmdir()
    site.settle()
    assert (site.port("eve"), site.port("bo")) == (8650, 8643)


def test_it_stays_down_where_git_wants_it_dead(site: Site) -> None:
    (site.root / "eve").mkdir()
    rename(site, desired="dead")
    site.run()
    down(site, "ada")
    site.run()
    assert site.pid("ada") is None


def test_it_stays_down_where_its_memories_are_gone(site: Site) -> None:
    rename(site)
    down(site, "ada")
    (site.root / "ada").rename(site.folder / "elsewhere")
    site.run()
    assert (site.pid("ada"), (site.root / "ada").exists()) == (None, False)


def test_it_stays_down_where_its_port_is_given_away_and_nothing_is_to_become_of_it(site: Site) -> None:
    site.wizards.pop("ada")
    site.wizards["bo"]["formerly"] = ["ada"]
    site.push("ada is bo, whom there is already")
    down(site, "ada")
    site.wizards["cy"]["port"] = 8643
    site.push("cy has the port of ada")
    report = site.run()
    assert (site.pid("ada"), site.port("cy")) == (None, 8643)
    assert report.left.change("wizard/ada/body").obstacle.startswith("port 8643 is cy's in Git now")


def test_a_secret_that_changed_since_does_not_keep_it_down(site: Site) -> None:
    token = site.folder / "token"
    token.write_text("first\n")
    site.wizards["ada"]["env"] = {"A_TOKEN": {"file": str(token)}}
    site.push("a token")
    site.settle()
    (site.root / "eve").mkdir()
    rename(site)
    token.write_text("second\n")
    down(site, "ada")
    site.run()
    assert site.pid("ada")
    assert site.run().applied.outcomes == ()
    (site.root / "eve").rmdir()
    site.settle()
    assert "second" in (site.home("eve") / ".env").read_text()


def test_one_in_the_attic_is_not_started_under_its_old_name(site: Site) -> None:
    ada = site.wizards.pop("ada")
    site.push("ada goes\n\nAllow-Delete: ada")
    site.settle()
    (site.root / "eve").mkdir()
    site.wizards["eve"] = {**ada, "name": "eve", "formerly": ["ada"]}
    site.push("ada is back as eve")
    site.run()
    assert (site.pid("ada"), (site.root / "ada").exists()) == (None, False)


def test_one_that_waits_for_its_new_name_is_not_rolled_back(site: Site) -> None:
    for number in (1, 2):
        site.config("ada", v=number)
        site.settle()
    (site.root / "eve").mkdir()
    site.wizards["eve"] = {**site.wizards.pop("ada"), "name": "eve", "formerly": ["ada"]}
    site.push("ada is eve")
    site.run()
    with pytest.raises(Refused, match="eve is about to get its name, and is ada until then"):
        site.run(rollback("eve"))
