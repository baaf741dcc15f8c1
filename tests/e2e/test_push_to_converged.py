"""One push with a changed key, from the push's return to the status commit, on real gateways: `python -m
tests.e2e.test_push_to_converged` prints the time line from the daemon's own events."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.forged import DaemonProcess, Forged, Line
from tests.e2e.world import free_ports, model_endpoint

pytestmark = [pytest.mark.hermes, pytest.mark.system]
SHOWN = ("fetched", "planned", "begun", "ended", "recorded")


@contextmanager
def living() -> Iterator[Forged]:
    with model_endpoint() as endpoint:
        found = Forged(Path(tempfile.mkdtemp(prefix="pushed-")), endpoint, free_ports(2), ("bilbo", "ezra"))
        try:
            found.settle_in()
            yield found
        finally:
            found.shutdown()


@pytest.fixture
def world() -> Iterator[Forged]:
    with living() as found:
        yield found


def pushed(world: Forged, daemon: DaemonProcess, message: str) -> tuple[float, list[Line]]:
    """Pushes, waits until it is recorded, and gives the push's return and the lines from there on."""
    began = time.time()
    commit = world.push(message)
    at = time.time()
    daemon.converged(commit)
    done = daemon.until(lambda line: line.stage == "recorded" and commit.startswith(line.revision), "it is recorded")
    return at, [line for line in daemon.lines() if began <= line.at <= done.at]


def test_a_changed_key_goes_from_push_to_status_commit_in_one_pass(world: Forged) -> None:
    with world.daemon() as daemon:
        daemon.converged(world.repository.tip())
        before = world.pids()
        world.edit("ezra.yaml", lambda doc: doc.update(config={"display": {"compact": True}}))
        _, lines = pushed(world, daemon, "A key that is read at start")
        stages = [line.stage for line in lines if line.stage]
        assert stages[0] == "fetched"
        assert stages.count("recorded") == 1
        assert any(line.text.startswith("webhook: push") for line in lines)
        assert {line.wizard for line in lines if line.step} == {"ezra"}
        after = world.pids()
        assert after["ezra"] != before["ezra"]
        assert after["bilbo"] == before["bilbo"]
        tip = world.git(world.repository.repo.path, "log", "-1", "--format=%s", "status/vps")
        assert tip.startswith("status:")
        world.edit("ezra.yaml", lambda doc: doc.update(model="large"))
        _, lines = pushed(world, daemon, "A key that is read at each run")
        assert {line.step for line in lines if line.step} == {"edit"}
        assert world.pids() == after


def show(world: Forged) -> None:
    with world.daemon() as daemon:
        daemon.converged(world.repository.tip())
        for message, change in (
            ("display.compact (read at start: a restart)", {"config": {"display": {"compact": True}}}),
            ("model (read at each run: no restart)", {"model": "large"}),
        ):
            world.edit("ezra.yaml", lambda doc, change=change: doc.update(change))
            at, lines = pushed(world, daemon, message)
            print(f"\n{message}\n{'ms':>8}  what\n{0:8.0f}  git push has returned")
            for line in lines:
                if line.stage in SHOWN or line.text.startswith("webhook"):
                    print(f"{1000 * (line.at - at):8.0f}  {line.text[:110]}")


if __name__ == "__main__":
    with living() as made:
        show(made)
