"""Who listens, as the kernel tells it; and the clocks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest

from reconciler.adapters.clock import SystemClock
from reconciler.adapters.ports import ProcPorts


def test_own_listeners_on_both_families() -> None:
    with socket.create_server(("127.0.0.1", 0)) as four, socket.socket() as idle:
        idle.bind(("127.0.0.1", 0))
        port, bound = four.getsockname()[1], idle.getsockname()[1]
        found = ProcPorts().listeners([port, bound])
        assert set(found) == {port}
        assert found[port].pid == os.getpid()
        assert found[port].command
    assert ProcPorts().listeners([port]) == {}


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_a_listener_on_ipv6_only() -> None:
    try:
        six = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with six:
        port = six.getsockname()[1]
        assert ProcPorts().listeners([port])[port].pid == os.getpid()


def test_a_connection_is_no_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert ProcPorts().listeners([client.getsockname()[1]]) == {}


def test_nothing_asked() -> None:
    assert ProcPorts().listeners([]) == {}


@pytest.mark.system
def test_another_process_and_the_one_that_comes_after_it() -> None:
    script = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1])));"
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    ports, wanted, pids = ProcPorts(), 0, []
    for _ in range(2):
        argv = [sys.executable, "-c", script, str(wanted), "--token=s3cret"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            wanted = int(process.stdout.readline())
            for _ in range(2):
                found = ports.listeners([wanted])[wanted]
                assert found.pid == process.pid
                assert "s3cret" not in found.command
                assert found.command.startswith("python")
            pids.append(found.pid)
            process.kill()
        assert ports.listeners([wanted]) == {}
    assert pids[0] != pids[1]


def test_clock() -> None:
    clock = SystemClock()
    before = time.time()
    assert before <= clock.now() <= time.time()
    start = clock.monotonic()
    clock.sleep(0.01)
    clock.sleep(-1)
    assert clock.monotonic() - start >= 0.01
