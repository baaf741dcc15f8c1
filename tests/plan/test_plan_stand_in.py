"""Who is down while its change has to wait runs on what it was last healthy on, and nobody who runs is touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan.change import Disposition
from reconciler.plan.expand import Desired
from reconciler.plan.retire import body_key
from reconciler.plan.value import SecretRef
from tests.plan.fleets import NAMES, desired_of, fleet_of, simple
from tests.plan.host import Host, Node
from tests.plan.test_plan_trust import lineages, moving, remember, some
from tests.plan.trying import Try
from tests.plan.walk import settle


def end(host: Host, names: Iterable[str]) -> None:
    for name in names:
        host.processes.pop(body_key(name), None)


def pids(host: Host) -> dict[str, int | None]:
    return {key: live.pid for key, live in host.processes.items()}


def healthy(ports: Mapping[str, int]) -> Host:
    """All are healthy on these ports."""
    host, desired = Host(), ported(ports, "a")
    settle(host, desired)
    remember(host, desired)
    return host


def ported(ports: Mapping[str, int], letter: str, **fields: object) -> Desired:
    return desired_of(fleet_of(*(simple(name, port, **fields) for name, port in ports.items())), letter * 40)


@given(lineages, st.none() | st.sampled_from(NAMES), some, some, st.sampled_from((0, 1, 7, 12)))
def test_whoever_waits_behind_a_canary_runs_again_when_it_went_down(
    fathers: Mapping[str, str], canary: str | None, bad: frozenset[str], down: frozenset[str], limit: int
) -> None:
    host, desired = moving(fathers, canary)
    one = Try(host, desired, bad, limit=limit or None)
    one.run()
    one.limit = None
    one.run()
    for names in (NAMES, down, down):
        end(host, names)
        before = pids(host)
        one.run()
        one.run()
        assert [name for name in desired.wizards if not one.runs(name)] == []
        settled = pids(host)
        one.run()
        assert (pids(host), one.plan().steps) == (settled, ())
        if not bad:
            assert before.items() <= settled.items()


@given(lineages, st.none() | st.sampled_from(NAMES), some, some)
def test_a_secret_that_changes_reaches_whoever_has_it_and_nobody_else(
    fathers: Mapping[str, str], canary: str | None, bad: frozenset[str], changed: frozenset[str]
) -> None:
    """Also those who wait behind a canary that failed, and only once."""
    host, desired = moving(fathers, canary)
    one = Try(host, desired, bad)
    for _ in NAMES:
        one.run()
    before = pids(host)
    for name in changed:
        host.secrets[SecretRef("generate", f"{name}/API_SERVER_KEY")] = "another"
    one.run()
    after = pids(host)
    assert {key for key in before if before[key] != after[key]} == {body_key(name) for name in changed}
    assert [name for name in desired.wizards if not one.runs(name)] == []
    one.run()
    assert (pids(host), one.plan().steps) == (after, ())


def test_one_that_runs_under_its_old_name_is_not_down() -> None:
    host = healthy({"ada": 8643, "bo": 8644})
    host.strangers[8650] = 1
    desired = desired_of(fleet_of(simple("eve", 8650, formerly=("ada",)), simple("bo", 8644)), "b" * 40)
    one = Try(host, desired, frozenset())
    assert one.plan().steps == ()
    end(host, ["ada"])
    one.run()
    one.run()
    assert (one.runs("eve"), one.port("eve")) == (True, 8643)
    host.strangers.clear()
    one.run()
    one.run()
    assert (one.port("eve"), one.plan().changes) == (8650, ())


def test_what_need_not_wait_is_as_git_declares_it() -> None:
    """A soul is read at each run: it does not go back and forth with a gateway that comes and goes."""
    host = healthy({"ada": 8643})
    host.strangers[8650] = 1
    one = Try(host, ported({"ada": 8650}, "b", soul={"charter": {"identity": "A scribe"}}), frozenset())
    one.run()
    soul = host.records.held["wizard/ada/file/home/SOUL.md"]
    assert "A scribe" in str(soul.resource)
    end(host, ["ada"])
    assert {step.key for step in one.plan().steps} == {body_key("ada")}
    one.run()
    assert host.records.held["wizard/ada/file/home/SOUL.md"] == soul


def test_a_plan_for_one_wizard_gives_nobody_elses_last_port_away() -> None:
    """Also where what that one is to be can't even be compared."""
    host = healthy({"ada": 8643, "bo": 8644})
    token = {"TOKEN": {"file": "/nowhere"}}
    desired = desired_of(fleet_of(simple("ada", 8650, env=token), simple("bo", 8643)), "b" * 40)
    host.missing = {ref for ref in host.observe(desired).secrets if ref.source == "file"}
    end(host, ["ada"])
    one = Try(host, desired, frozenset())
    body = one.plan(only=frozenset({"bo"})).change(body_key("bo"))
    assert body.disposition is Disposition.BLOCKED
    assert "port 8643 is kept for ada" in body.obstacle
    one.run()
    assert (one.port("ada"), one.port("bo")) == (8643, 8644)


def test_one_that_can_not_get_its_new_name_runs_under_the_old_one() -> None:
    """Also where it would get another port, and that is free; nothing of the new name is made meanwhile."""
    host = healthy({"ada": 8643, "bo": 8644})
    desired = desired_of(fleet_of(simple("eve", 8650, formerly=("ada",)), simple("bo", 8644)), "b" * 40)
    host.files[f"{desired.root}/eve"] = Node("strange")
    one = Try(host, desired, frozenset())
    one.run()
    end(host, ["ada"])
    assert {step.key for step in one.plan(only=frozenset({"eve"})).steps} == {body_key("ada")}
    one.run()
    assert (one.runs("ada"), one.port("ada"), one.plan().steps) == (True, 8643, ())
    del host.files[f"{desired.root}/eve"]
    one.run()
    one.run()
    assert (one.runs("eve"), one.port("eve"), one.plan().changes) == (True, 8650, ())
