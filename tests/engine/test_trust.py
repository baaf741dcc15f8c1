"""Generations and quarantine, as passes of new processes on one host."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler import compose
from reconciler.adapters.files import Disk
from reconciler.engine.apply import Apply
from reconciler.engine.request import Request, retry, rollback
from reconciler.errors import Interrupted, Refused, Terminal
from reconciler.plan.change import Action
from reconciler.plan.held import Pause
from reconciler.plan.resource import Format
from reconciler.plan.status import WizardState
from reconciler.protocols.files import KeyEdit
from reconciler.protocols.runtime import Program
from tests.engine.site import NEWEST, Site, deaf

BAD = {"compact": True}
SECRET = "A_TOKEN"


def numbers(site: Site, wizard: str = "ada") -> list[int]:
    return [generation.number for generation in site.records().generations[wizard]]


def test_a_healthy_wizard_leaves_a_generation_for_each_thing_that_it_was(site: Site) -> None:
    assert numbers(site) == [1]
    site.settle()
    assert numbers(site) == [1]
    site.config("ada", compact=True)
    site.settle()
    assert numbers(site) == [2, 1]
    assert numbers(site, "bo") == [1]
    newest = site.records().generations["ada"][0]
    assert newest.commit == site.remote.git("rev-parse", "main")
    assert site.status("ada").generation == 2


def test_a_failed_gate_goes_back_in_the_same_pass(site: Site) -> None:
    before, pids = (site.home("ada") / "config.yaml").read_bytes(), site.pids()
    commit = site.config("ada", **BAD)
    deaf(site)
    memory = site.home("ada") / "memories" / "DURING.md"
    memory.parent.mkdir(exist_ok=True)
    site.gateways.acts = lambda program: memory.touch()
    report = site.run()
    assert not report.done
    assert report.stuck == ("ada",)
    assert memory.exists()
    assert (site.home("ada") / "config.yaml").read_bytes() == before
    after = site.pids()
    assert {name for name in pids if pids[name] != after[name]} == {"ada"}
    assert after["ada"]
    assert report.left.changes == ()
    status = site.status("ada")
    assert (status.observed, status.healthy, status.settled, status.generation) == (WizardState.UNROBED, True, False, 1)
    assert f"commit {commit[:7]} failed here: did not pass its gate" in status.quarantined
    assert "generation 1 (commit " in status.quarantined
    assert "`reconciler retry ada`" in status.quarantined
    assert status.differences == ()


def test_what_the_agent_wrote_while_it_failed_stays(site: Site) -> None:
    site.config("ada", **BAD)
    deaf(site)
    config = site.home("ada") / "config.yaml"
    site.gateways.acts = lambda program: config.write_text(config.read_text() + "command_allowlist: [ls]\n")
    site.run()
    assert "command_allowlist: [ls]" in config.read_text()
    assert site.display("ada") is None


def test_the_same_commit_is_not_tried_again_and_nobody_restarts(site: Site) -> None:
    site.config("ada", **BAD)
    deaf(site)
    site.run()
    pids = site.pids()
    for _ in range(3):
        report = site.run()
        assert (report.applied.outcomes, report.stuck) == ((), ("ada",))
    site.wizards["bo"]["role"] = "Scribe"
    site.push("something else")
    assert site.run().stuck == ("ada",)
    assert site.pids() == pids


def test_the_commit_that_fixes_it_is_applied_at_once(site: Site) -> None:
    site.config("ada", **BAD)
    deaf(site)
    site.run()
    site.config("ada", compact=False)
    site.settle()
    assert site.display("ada") == {"compact": False}
    assert numbers(site) == [2, 1]
    assert site.records().quarantines == {}
    assert site.status("ada").quarantined == ""


def test_a_way_back_that_fails_too_is_stopped_and_said_and_tried_by_the_next_pass(site: Site) -> None:
    site.config("ada", **BAD)
    site.gateways.ill = lambda program: "deaf" if program.name == "ada-body" else ""
    report = site.run()
    assert [o.step.key for o in report.applied.failures] == ["wizard/ada/body"] * 2
    assert site.pid("ada") is None
    assert site.display("ada") is None
    assert site.status("ada").observed is WizardState.DEAD
    site.gateways.ill = lambda program: ""
    report = site.run()
    assert (report.done, report.stuck) == (True, ("ada",))
    assert site.pid("ada")
    assert site.display("ada") is None


def test_without_an_earlier_generation_it_is_stopped_and_its_files_stay(site: Site) -> None:
    site.wizards["di"] = {**site.wizards["ada"], "name": "di", "port": 8646, "soul": {"charter": {"identity": "di"}}}
    site.push("a new wizard")
    site.gateways.ill = lambda program: "deaf" if program.name == "di-body" else ""
    report = site.run()
    assert report.stuck == ("di",)
    assert site.pid("di") is None
    assert (site.home("di") / "SOUL.md").exists()
    text = site.status("di").quarantined
    assert "there is no earlier generation, so it stays stopped and its files stay" in text
    report = site.run()
    assert (report.applied.outcomes, site.pid("di")) == ((), None)
    site.gateways.ill = lambda program: ""
    assert site.run().applied.outcomes == ()
    site.run(retry(frozenset({"di"})))
    assert site.pid("di")
    assert site.run().stuck == ()


def test_what_was_healthy_until_now_is_no_commits_fault(site: Site) -> None:
    """A crash on a busy host: stopped and said, tried again, never exchanged for something older."""
    site.config("ada", compact=True)
    site.settle()
    site.gateways.crash("ada-body", 0)
    site.gateways.ill = lambda program: "busy" if program.name == "ada-body" else ""
    report = site.run()
    assert not report.done
    assert (site.records().quarantines, site.pid("ada")) == ({}, None)
    site.gateways.ill = lambda program: ""
    site.settle()
    assert site.display("ada") == {"compact": True}


@pytest.mark.parametrize("code", [78, 1])
def test_a_gateway_that_refuses_its_configuration_goes_back(site: Site, code: int) -> None:
    """Hermes also ends with 78 on a configuration that it does not take. What an earlier run said is no evidence."""
    state = site.home("ada") / "gateway_state.json"
    state.write_text(port_in_use(time.time() - 60))
    site.config("ada", **BAD)
    site.gateways.acts = lambda program: site.gateways.fail_start("ada-body", None)
    site.gateways.fail_start("ada-body", code)
    pids = site.pids()
    report = site.run()
    assert report.stuck == ("ada",)
    assert (site.display("ada"), bool(site.pid("ada"))) == (None, True)
    assert {name for name, pid in site.pids().items() if pid != pids[name]} == {"ada"}
    assert f"exit code {code}" in site.status("ada").quarantined


def port_in_use(at: float) -> str:
    """gateway_state.json, as Hermes leaves it when it can't bind its port."""
    said = {"error_code": "api_server_port_in_use", "updated_at": datetime.fromtimestamp(at, UTC).isoformat()}
    return json.dumps({"gateway_state": "startup_failed", "platforms": {"api_server": said}})


@pytest.mark.parametrize("evidence", ["its own word", "the kernel"])
def test_a_port_that_a_stranger_takes_while_it_starts_is_not_its_fault(site: Site, evidence: str) -> None:
    """Also when the stranger has gone by the time that we look."""

    def act(_: Program) -> None:
        if evidence == "the kernel":
            site.gateways.strangers[8643] = 4711
        else:
            (site.home("ada") / "gateway_state.json").write_text(port_in_use(site.clock.now()))

    site.config("ada", **BAD)
    site.gateways.acts = act
    site.gateways.fail_start("ada-body", 78)
    report = site.run()
    assert not report.done
    assert site.records().quarantines == {}
    (failed,) = report.applied.failures
    said = "port 8643 is held by pid 4711 (nginx)" if evidence == "the kernel" else "port 8643 was taken"
    assert said in failed.text
    assert "free the port" in failed.text
    site.gateways.fail_start("ada-body", None)
    site.gateways.strangers.clear()
    site.gateways.acts = lambda program: None
    site.settle()


def test_a_gateway_that_lives_on_beside_a_stranger_on_its_port_is_not_at_fault(site: Site) -> None:
    site.config("ada", **BAD)
    site.gateways.acts = lambda program: site.gateways.strangers.update({8643: 4711})
    report = site.run()
    assert not report.done
    assert "port 8643 is held by pid 4711 (nginx), not by ours" in report.applied.failures[0].text
    assert site.records().quarantines == {}
    site.gateways.acts = lambda program: None
    site.gateways.strangers.clear()
    site.settle()


def test_the_reason_is_what_it_said_since_it_was_started(site: Site) -> None:
    """Its banner comes last, and its log holds older runs."""
    log = Path(site.gateways.program("ada-body").log)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("ERROR of an older run\n└────┘\n")
    site.config("ada", **BAD)
    site.gateways.fail_start("ada-body", 3)
    text = site.run().applied.failures[0].text
    assert "did not pass its gate: ended with exit code 3 (see" in text
    site.run()
    said = "ERROR gateway.run: Refusing to start: wecom is open\n└────┘\n"
    site.config("ada", worse=True)
    site.gateways.acts = lambda program: log.write_text(log.read_text() + said)
    text = site.run().applied.failures[0].text
    assert "ended with exit code 3: ERROR gateway.run: Refusing to start: wecom is open (see" in text


def test_how_a_failed_gateway_ended_is_not_told_again_as_news(site: Site) -> None:
    site.config("ada", **BAD)
    site.gateways.acts = lambda program: site.gateways.fail_start("ada-body", None)
    site.gateways.fail_start("ada-body", 3)
    site.run()
    site.gateways.crash("bo-body", 4)
    site.run()
    seen = [entry.reason for entry in site.entries() if entry.operation == "seen"]
    assert seen == ["bo-body: ended with exit code 4, started again"]


def test_a_generation_holds_the_secret_of_its_time(site: Site) -> None:
    """The old text comes back, and the new one with the commit that fixes what failed."""
    old = site.key("ada")
    secret = site.folder / "token"
    secret.write_text("first\n")
    site.wizards["ada"]["env"] = {SECRET: {"file": str(secret)}}
    site.push("a token")
    site.settle()
    secret.write_text("second\n")
    site.config("ada", **BAD)
    deaf(site)
    site.run()
    env = site.home("ada") / ".env"
    assert "first" in env.read_text()
    assert "second" not in env.read_text()
    assert site.key("ada") == old
    assert site.run().applied.outcomes == ()
    site.config("ada", compact=False)
    site.settle()
    assert "second" in env.read_text()


def test_a_rotated_secret_that_fails_brings_the_old_one_back(site: Site) -> None:
    secret = site.folder / "token"
    secret.write_text("first\n")
    site.wizards["ada"]["env"] = {SECRET: {"file": str(secret)}}
    site.push("a token")
    site.settle()
    secret.write_text("second\n")
    env = site.home("ada") / ".env"
    site.gateways.ill = lambda program: "deaf" if program.name == "ada-body" and "second" in env.read_text() else ""
    assert site.run().stuck == ("ada",)
    assert "first" in env.read_text()
    secret.write_text("third\n")
    site.settle()
    assert "third" in env.read_text()


# By hand


def test_a_rollback_shows_its_plan_and_changes_nothing_before(site: Site) -> None:
    site.config("ada", compact=True)
    site.settle()
    with site.bound(change=False) as (_, reconciler):
        planned = reconciler.plan(rollback("ada"))
    (change,) = (c for c in planned.plan.changes if c.key == "wizard/ada/file/home/config.yaml")
    assert [f.path[-1] for f in change.fields] == ["compact"]
    assert [reason.text for reason in change.reasons] == [f"back to generation 1 (commit {_first(site)})"]
    assert planned.plan.quarantined[0][0] == "ada"
    assert site.records().quarantines == {}
    assert site.display("ada") == {"compact": True}


def _first(site: Site) -> str:
    return site.records().generations["ada"][-1].commit[:7]


def test_a_rollback_puts_the_generation_back_and_keeps_it_until_a_commit(site: Site) -> None:
    pids = site.pids()
    site.config("ada", compact=True)
    site.settle()
    with site.bound() as (_, reconciler):
        report = reconciler.roll_back("ada")
    assert (report.done, report.stuck, report.left.changes) == (True, (), ())
    assert site.display("ada") is None
    assert {name for name, pid in site.pids().items() if pid != pids[name]} == {"ada"}
    assert site.run().applied.outcomes == ()
    told = [entry.reason for entry in site.entries("ada") if entry.operation == "told"]
    assert len(told) == 1
    assert told[0].startswith("rolled back by hand from commit ")
    assert site.status("ada").quarantined == told[0]
    site.config("ada", compact=False)
    site.settle()
    assert site.display("ada") == {"compact": False}


def test_a_retry_brings_back_what_was_rolled_back(site: Site) -> None:
    site.config("ada", compact=True)
    site.settle()
    site.run(rollback("ada"))
    site.run(retry(frozenset()))
    assert site.display("ada") == {"compact": True}
    assert site.records().quarantines == {}
    assert site.run().left.changes == ()
    assert "tried again" in [entry.reason for entry in site.entries("ada") if entry.operation == "told"][-1]


def test_a_retry_that_fails_is_quarantined_again(site: Site) -> None:
    site.config("ada", **BAD)
    deaf(site)
    site.run()
    report = site.run(retry(frozenset({"ada"})))
    assert (report.done, report.stuck) == (False, ("ada",))
    assert site.pid("ada")
    assert site.display("ada") is None


def test_a_rollback_that_can_not_be(site: Site) -> None:
    with pytest.raises(Terminal, match="ada has no earlier generation to go back to"):
        site.run(rollback("ada"))
    with pytest.raises(Terminal, match="there is no wizard `adda`"):
        site.run(rollback("adda"))
    site.config("ada", compact=True)
    site.settle()
    with site.bound() as (host, _):
        host.ledger.pause(Pause("ada", "looking", "2026-01-01T00:00:00Z"))
    with pytest.raises(Refused, match="ada is paused"):
        site.run(rollback("ada"))
    with site.bound() as (host, _):
        host.ledger.resume("ada")
    site.run(rollback("ada"))
    with pytest.raises(Terminal, match="ada has gone back already: rolled back by hand"):
        site.run(rollback("ada"))
    assert numbers(site) == [1, 2]


# Kills


def test_a_generation_is_not_lost_with_the_process_that_saw_it_hold(site: Site) -> None:
    """Killed after the gate and before the generation was written: the next process writes it."""
    site.config("ada", compact=True)
    with site.bound() as (host, reconciler):
        planned = reconciler.plan(retry(frozenset()))
        pass_id = host.ledger.begin(planned.plan.commit, "killed")
        Apply(host, planned.plan, pass_id).run()
    assert numbers(site) == [1]
    site.run()
    assert numbers(site) == [2, 1]


def test_a_gate_that_nobody_awaited_makes_no_generation(site: Site) -> None:
    old = site.pid("ada")
    site.config("ada", compact=True)
    deaf(site)
    with site.bound() as (_, reconciler), pytest.raises(Interrupted):
        reconciler.run(Request("test"), lambda: site.pid("ada") not in (None, old))
    assert site.pid("ada") != old
    assert numbers(site) == [1]
    report = site.run()
    assert [change.action for change in report.plan.changes] == [Action.PROVE]
    assert numbers(site) == [1]
    assert report.stuck == ("ada",)
    assert site.display("ada") is None


# Pauses that are said while a pass runs


def pause(site: Site, wizard: str) -> None:
    """As another process says it, beside the pass."""
    settings = compose.load(str(site.folder / "reconciler.toml"), {})
    with compose.open_host(settings, site.told, {}, change=True, exclusive=False) as bound:
        bound.host.ledger.pause(Pause(wizard, "hands off", "2026-01-01T00:00:00Z"))


def test_who_is_paused_during_a_pass_is_left_alone(site: Site) -> None:
    """While the canary is watched, a person pauses the next one."""
    before = site.pids()
    site.version(NEWEST)
    site.gateways.acts = lambda program: pause(site, "bo") if program.name == "ada-body" else None
    report = site.run()
    after = site.pids()
    assert {name for name in before if before[name] != after[name]} == {"ada"}
    assert "bo was paused meanwhile" in str([o.text for o in report.applied.outcomes])
    site.gateways.acts = lambda program: None
    with site.bound() as (host, _):
        host.ledger.resume("bo")
    site.settle()
    assert {site.running(name) for name in site.wizards} == {NEWEST}


def test_who_is_paused_between_its_files_and_its_stop_gets_the_whole_change(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it would be what a crash starts it on."""
    real, before = Disk.edit_keys, site.pids()

    def edit_keys(disk: Disk, path: str, form: Format, edits: Sequence[KeyEdit], mode: int) -> None:
        real(disk, path, form, edits, mode)
        if "/bo/" in path:
            pause(site, "bo")

    site.wizards["bo"]["port"] = 8650
    site.push("another port")
    with monkeypatch.context() as patched:
        patched.setattr(Disk, "edit_keys", edit_keys)
        site.run()
    assert "bo" in site.records().pauses
    after = site.pids()
    assert site.port("bo") == 8650
    assert {name for name in before if before[name] != after[name]} == {"bo"}


def test_who_is_paused_while_its_gate_fails_goes_back_all_the_same(site: Site) -> None:
    """It was stopped by us, and is not left so."""
    site.config("ada", **BAD)
    deaf(site)
    site.gateways.acts = lambda program: pause(site, "ada")
    site.run()
    assert site.pid("ada")
    assert site.display("ada") is None
    assert "ada" in site.records().pauses


# What is kept of secrets


def test_a_secret_that_was_rotated_goes_with_the_generations_that_had_it(site: Site) -> None:
    site.wizards["ada"]["env"] = {SECRET: {"env": SECRET}}
    site.push("a token")
    texts = [f"text-{number}-of-the-token" for number in range(8)]
    for text in texts:
        assert site.run(environ={SECRET: text}).done
    held = b"".join(path.read_bytes() for path in site.state.rglob("*") if path.is_file())
    assert [text for text in texts if text.encode() in held] == texts[-5:]
    site.run(rollback("ada"), environ={SECRET: texts[-1]})
    assert texts[-2] in (site.home("ada") / ".env").read_text()


def test_a_value_that_was_not_ours_is_kept(site: Site) -> None:
    env = site.home("ada") / ".env"
    env.write_text(env.read_text().replace(site.key("ada"), "a-key-that-somebody-put-there"))
    site.settle()
    assert any("a-key-that-somebody-put-there" in path.read_text() for path in (site.state / "kept").iterdir())


def test_one_bot_for_two_wizards_is_held_whatever_its_token_is_called(site: Site, tmp_path: Path) -> None:
    """cy has it by another reference; who holds it already keeps it."""
    token = f"{10**9}:{'A' * 35}"
    site.wizards["bo"]["telegram"] = {"token": {"env": "BOT"}}
    site.push("bo speaks")
    assert site.run(environ={"BOT": token}).done
    copy = tmp_path / "token"
    copy.write_text(token)
    copy.chmod(0o644)
    site.wizards["ada"]["telegram"] = {"token": {"file": str(copy)}}
    before = site.pids()
    site.push("ada too")
    report = site.run(environ={"BOT": token})
    obstacles = {change.obstacle for change in report.left.changes if change.wizard == "ada"}
    assert obstacles == {"its TELEGRAM_BOT_TOKEN is the one of bo; give each wizard a bot of its own"}
    assert site.pids() == before
    assert token not in (site.home("ada") / ".env").read_text()
    assert report.left.warnings == (f"{copy} can be read by every user of this host (chmod 600 {copy})",)
    copy.write_text(token.replace("A", "B"))
    copy.chmod(0o600)
    report = site.run(environ={"BOT": token})
    assert (report.done, report.left.changes, report.left.warnings) == (True, (), ())
