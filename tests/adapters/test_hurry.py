"""What is cut short when the daemon has to stop, with real gits."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reconciler.adapters.hurry import Hurry

pytestmark = pytest.mark.system


@contextmanager
def waiting_git(*, session: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    """A git that waits for input which never comes."""
    argv = ["git", "hash-object", "--stdin"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=session) as process:
        try:
            yield process
        finally:
            process.kill()


def test_gits_that_run_and_gits_that_begin_later_are_ended() -> None:
    hurry = Hurry()
    assert not hurry
    with waiting_git() as early:
        hurry.say()
        assert hurry
        assert early.wait(30) == -signal.SIGKILL
        with waiting_git() as late:
            assert late.wait(30) == -signal.SIGKILL
    hurry.over()


def test_what_shares_our_session_is_somebody_elses() -> None:
    hurry = Hurry()
    with waiting_git(session=False) as foreign, waiting_git() as ours:
        hurry.say()
        ours.wait(30)
        assert foreign.poll() is None
    hurry.over()
