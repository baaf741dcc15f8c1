"""`reconciler run` as a process, against a forge that signs like Gitea: pushes, pull requests, signals, kills.

Wizards are files only here; test_push_to_converged.py does the same with real gateways.
"""

from __future__ import annotations

import random
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.forged import BOT, StillForged
from tests.e2e.world import free_ports, until

pytestmark = pytest.mark.system


@pytest.fixture
def world() -> Iterator[StillForged]:
    found = StillForged(Path(tempfile.mkdtemp(prefix="forged-")), "http://127.0.0.1:9/v1", free_ports(3))
    try:
        found.settle_in()
        yield found
    finally:
        found.shutdown()


def soul(world: StillForged, wizard: str, text: str) -> str:
    world.edit(f"{wizard}.yaml", lambda doc: doc.update(soul={"charter": {"identity": text}}))
    return world.push(f"{wizard} is {text}")


def test_a_push_wakes_it_through_the_webhook_and_the_commit_gets_its_status(world: StillForged) -> None:
    with world.daemon() as daemon:
        daemon.converged(world.repository.tip())
        commit = soul(world, "ezra", "a new one")
        daemon.converged(commit)
        assert "a new one" in (world.home("ezra") / "SOUL.md").read_text()
        line = daemon.until(lambda line: line.stage == "fetched" and commit.startswith(line.revision), "it is fetched")
        assert line.revision
        until(lambda: _states(world, commit)[-1:] == ["success"], 60, "the commit is told to be applied")
        assert _states(world, commit) == ["pending", "success"]
        assert any("webhook: push from 127.0.0.1" in line.text for line in daemon.lines())
        metrics = daemon.text("/metrics")
        assert 'event="push",outcome="accepted"' in metrics or 'outcome="accepted",event="push"' in metrics


def test_a_commit_that_cannot_be_used_gets_the_failure_and_the_last_good_one_keeps_its_success(
    world: StillForged,
) -> None:
    with world.daemon():
        good = world.repository.tip()
        until(lambda: _states(world, good)[-1:] == ["success"], 60, "the good one is told")
        world.edit("ezra.yaml", lambda doc: doc.update(port="none"))
        broken = world.push("broken")
        until(lambda: _states(world, broken) == ["failure"], 60, "the broken one is told")
        mended = _mended(world)
        until(lambda: _states(world, mended)[-1:] == ["success"], 60, "the mended one is told")
        assert _states(world, good)[-1] == "success"


def _mended(world: StillForged) -> str:
    world.edit("ezra.yaml", lambda doc: doc.update(port=world.ports[world.names.index("ezra")]))
    return world.push("mended")


def test_of_two_merges_in_one_pass_both_are_told(world: StillForged) -> None:
    with world.daemon() as daemon:
        daemon.converged(world.repository.tip())
        numbers = []
        for wizard in ("bilbo", "ezra"):
            world.git(world.clone, "checkout", "-q", "-B", wizard, "origin/main")
            world.edit(f"{wizard}.yaml", lambda doc: doc.update(soul={"charter": {"identity": "merged"}}))
            _push(world, wizard)
            numbers.append(world.repository.pull(f"Another {wizard}", wizard))
        first, second = [world.repository.merge(number) for number in numbers]
        until(lambda: _states(world, second)[-1:] == ["success"], 60, "the second merge is told")
        until(lambda: _states(world, first)[-1:] == ["success"], 60, "the first merge is told")


def _states(world: StillForged, commit: str) -> list[str]:
    return [status.state for status in world.repository.statuses(commit, "reconciler/apply")]


def test_a_pull_request_is_previewed_updated_and_merged(world: StillForged) -> None:
    with world.daemon() as daemon:
        daemon.converged(world.repository.tip())
        world.git(world.clone, "checkout", "-q", "-b", "change")
        world.edit("bilbo.yaml", lambda doc: doc.update(soul={"charter": {"identity": "a preview"}}))
        head = _push(world, "change")
        number = world.repository.pull("Another Bilbo", "change")
        body = _comment(world, number, lambda text: head[:7] in text and "SOUL.md" in text)
        assert "bilbo" in body
        assert _plan_state(world, head) == "success"
        world.edit("bilbo.yaml", lambda doc: doc.update(model="nobody"))
        broken = _push(world, "change")
        body = _comment(world, number, lambda text: broken[:7] in text and "nobody" in text)
        assert "fleet/bilbo.yaml:" in body
        assert _plan_state(world, broken) == "failure"
        world.edit("bilbo.yaml", lambda doc: doc.update(model="small"))
        mended = _push(world, "change")
        _comment(world, number, lambda text: mended[:7] in text and "SOUL.md" in text)
        assert len([c for c in world.repository.comments(number) if c.user.login == BOT]) == 1
        merged = world.repository.merge(number)
        daemon.converged(merged)
        until(lambda: _states(world, merged)[-1:] == ["success"], 60, "the merge is told to be applied")
        assert "a preview" in (world.home("bilbo") / "SOUL.md").read_text()


def _push(world: StillForged, branch: str) -> str:
    world.git(world.clone, "add", "--all")
    world.git(world.clone, "commit", "-q", "-m", "a change")
    world.git(world.clone, "push", "-q", "origin", branch)
    return world.git(world.clone, "rev-parse", "HEAD").strip()


def _comment(world: StillForged, number: int, right: object) -> str:
    def look() -> str | None:
        found = [c.body for c in world.repository.comments(number) if c.user.login == BOT]
        return next((body for body in found if right(body)), None)  # type: ignore[operator]

    found = until(look, 90, "the comment says so")
    print(f"\n----- the comment on pull request {number}\n{found}")  # `pytest -s` shows what people read
    return found


def _plan_state(world: StillForged, commit: str) -> str:
    def look() -> str | None:
        found = [s.state for s in world.repository.statuses(commit, "reconciler/plan") if s.state != "pending"]
        return found[-1] if found else None

    return until(look, 60, "the commit has a status")


def test_a_forge_that_never_answers_delays_no_pass(world: StillForged) -> None:
    """Its API takes connections and is silent; Git and webhooks work. The push is applied before that is noticed."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        world.forge_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        world.write_settings()
        with world.daemon() as daemon:
            daemon.converged(world.repository.tip())
            commit = soul(world, "ezra", "a new one")
            daemon.converged(commit)
            noticed = daemon.until(lambda line: "tried again in" in line.text, "the silence is noticed")
            applied = daemon.until(lambda line: line.stage == "recorded", "the first pass is recorded")
            assert applied.at < noticed.at


def test_sighup_reads_the_settings_again_and_broken_ones_are_refused(world: StillForged) -> None:
    toml = world.folder / "reconciler.toml"
    with world.daemon() as daemon:
        daemon.converged(world.repository.tip())
        whole = toml.read_text()
        toml.write_text(whole.replace('poll = "1h"', 'poll = "0s"'))
        daemon.signal(signal.SIGHUP)
        until(lambda: "the old ones stay" in daemon.log.read_text(), 60, "the broken settings are told")
        assert "source.poll" in daemon.log.read_text()
        toml.write_text(whole.replace('poll = "1h"', 'poll = "300ms"'))
        before = time.time()
        daemon.signal(signal.SIGHUP)
        daemon.until(lambda line: "dashboard at" in line.text, "it serves again", since=before)
        before = time.time()
        daemon.until(lambda line: line.stage == "fetched", "it polls", since=before)


def test_settings_that_cannot_be_used_leave_the_old_ones_in_force(world: StillForged) -> None:
    """A secret and keys that are not there, and an address that is taken, are only found when everything is opened
    anew."""
    toml = world.folder / "reconciler.toml"
    with world.daemon() as daemon, socket.create_server(("127.0.0.1", 0)) as taken:
        daemon.converged(world.repository.tip())
        whole = toml.read_text()
        keys = 'signed = "ssh"\nallowed_signers = "no_such_signers"'
        for wrong, told in (
            (whole.replace('{file = "token"}', '{file = "nowhere"}'), "nowhere can't be read"),
            (whole.replace(str(world.web), str(taken.getsockname()[1])), "is taken by"),
            (whole.replace("[source]", f"[source]\n{keys}"), "the allowed keys can't be read"),
        ):
            toml.write_text(wrong)
            before = time.time()
            daemon.signal(signal.SIGHUP)
            line = daemon.until(lambda line: "the old ones stay" in line.text, "it is told", since=before)
            assert told in line.text
            daemon.until(lambda line: "dashboard at" in line.text, "it serves again", since=before)
            assert daemon.text("/healthz")
        daemon.converged(soul(world, "ezra", "as before"))


def test_many_sighups_in_a_row_end_nothing(world: StillForged) -> None:
    with world.daemon() as daemon:
        daemon.converged(world.repository.tip())
        for _ in range(40):
            daemon.signal(signal.SIGHUP)
            time.sleep(0.03)
        daemon.settled()
        daemon.converged(soul(world, "ezra", "still here"))


def test_a_forge_that_never_answers_does_not_hold_up_the_end(world: StillForged) -> None:
    """The end comes before the request that is under way could have timed out, which would have been told."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        world.forge_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        world.write_settings()
        daemon = world.start_daemon()
        try:
            connection, _ = silent.accept()
            with connection:
                daemon.signal(signal.SIGTERM)
                assert daemon.process.wait(60) == 0
        finally:
            daemon.process.kill()
            daemon.process.wait()
        assert "did not answer" not in daemon.log.read_text()
        assert "tried again" not in daemon.log.read_text()


def test_sigterm_at_any_moment_ends_it_and_the_next_one_goes_on(world: StillForged) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for turn in range(6):
        commit = soul(world, dice.choice(world.names), f"turn {turn}")
        daemon = world.start_daemon()
        time.sleep(dice.uniform(0.0, 1.5))
        daemon.signal(dice.choice([signal.SIGTERM, signal.SIGINT, signal.SIGKILL]))
        code = daemon.process.wait(30)
        assert code in (0, -signal.SIGKILL), daemon.log.read_text()[-3000:]
    with world.daemon() as daemon:
        daemon.converged(commit)
    assert "Traceback" not in daemon.log.read_text()
    assert world.changed(code=0) == []


def test_a_second_daemon_says_who_holds_the_host(world: StillForged) -> None:
    with world.daemon() as daemon:
        output = world.cli("run", code=1)
        assert f"pid {daemon.process.pid}" in output


def test_a_taken_address_is_told_with_its_holder(world: StillForged) -> None:
    with socket.create_server(("127.0.0.1", world.web)):
        output = world.cli("run", code=1)
    assert f"127.0.0.1:{world.web}" in output
    assert "Traceback" not in output


def test_the_init_system_hears_ready_status_watchdog_and_stopping(world: StillForged) -> None:
    path = str(world.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(60)
        heard: list[str] = []
        with world.daemon(NOTIFY_SOCKET=path, WATCHDOG_USEC="600000"):
            while not any("WATCHDOG=1" in text for text in heard) or not any("STATUS=done" in text for text in heard):
                heard.append(manager.recv(4096).decode())
        while "STOPPING=1" not in heard[-1]:
            heard.append(manager.recv(4096).decode())
    assert any("READY=1" in text for text in heard)
