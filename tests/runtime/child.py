"""A small program for the supervisor to run: `child.py NAME ACT [CODE]`, in a folder where it leaves its traces.

NAME.runs gets a byte a start; NAME.ready holds its pid once its signals are set up; it prints at SIGUSR2, and ends with
the code in NAME.code at SIGUSR1.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

name, act = sys.argv[1:3]


def leave(*_: object) -> None:
    os._exit(int(Path(f"{name}.code").read_text()))


def main() -> None:
    with Path(f"{name}.runs").open("a") as runs:
        runs.write(".")
    if act == "exit":
        sys.exit(int(sys.argv[3]))
    if act == "parent":
        argv = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
        tool = subprocess.Popen(argv, start_new_session=True)
        Path(f"{name}.tool").write_text(str(tool.pid))
    stopping = signal.SIG_IGN if act == "deaf" else lambda *_: os._exit(0)
    signal.signal(signal.SIGINT, stopping)
    signal.signal(signal.SIGTERM, stopping)
    signal.signal(signal.SIGUSR1, leave)
    signal.signal(signal.SIGUSR2, lambda *_: print("still here", flush=True))
    print("up", flush=True)
    ready = Path(f"{name}.ready.new")
    ready.write_text(str(os.getpid()))
    ready.rename(f"{name}.ready")
    while True:
        time.sleep(600)


main()
