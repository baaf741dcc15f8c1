"""What supervisord reads: its own configuration, and two files a program.

`NAME.json` is the program itself, read by launch.py at each start; `NAME.ini` is what the supervisor must know to start
and stop it. Texts that supervisord would read in another way than they are meant are refused.
Not done here: talking to supervisord.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from reconciler.adapters.disk_errors import disk_error
from reconciler.adapters.supervisor_layout import Layout
from reconciler.errors import Retryable, Terminal
from reconciler.protocols.runtime import PROGRAM_VARIABLE, STATE_VARIABLE, Program

KILL_GRACE_SECONDS = 5
"""We force an ignored stop ourselves, after the seconds we were asked for; supervisord's own limit comes later."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MISREAD = re.compile(r"[\x00-\x1f*?\[\]]|\s[;#]|%\(|\s$")
"""Control characters, wildcards of [include], inline comments, expansions that doubling `%` does not prevent."""


@dataclass(frozen=True, slots=True)
class Definition:
    """The two files of a program as text."""

    program: str
    ini: str


def definition(layout: Layout, program: Program) -> Definition:
    """Raises Terminal for what can't be run or registered."""
    _check(program)
    env = {**dict(program.env), PROGRAM_VARIABLE: program.name, STATE_VARIABLE: str(layout.state)}
    shape = {**asdict(program), "env": sorted(env.items())}
    return Definition(json.dumps(shape, indent=1, ensure_ascii=False) + "\n", _ini(layout, program))


def read_program(layout: Layout, name: str) -> Program | None:
    """The registered program; None when there is none, or its file is damaged (the next start writes it anew)."""
    try:
        shape = json.loads(layout.program(name).read_bytes())
        return Program(
            name=shape["name"],
            argv=tuple(shape["argv"]),
            env=tuple((key, value) for key, value in shape["env"]),
            cwd=shape["cwd"],
            log=shape["log"],
            stop_signal=shape["stop_signal"],
            stop_seconds=shape["stop_seconds"],
            quiet_exits=tuple(shape["quiet_exits"]),
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Retryable(f"the program file can't be read: {error}", where=str(layout.program(name))) from error
    except (ValueError, KeyError, TypeError):
        return None


def stop_signal(program: Program | None) -> signal.Signals:
    """SIGTERM where nothing is known about a program."""
    if program is None:
        return signal.SIGTERM
    try:
        return signal.Signals["SIG" + program.stop_signal.removeprefix("SIG")]
    except KeyError as error:
        raise Terminal(f"{program.stop_signal} is not a signal", where=program.name, mend="use INT or TERM") from error


def write_configuration(layout: Layout) -> None:
    """supervisord.conf; it takes effect when a supervisord is started."""
    for path in (layout.state, layout.socket):
        if _MISREAD.search(str(path)):
            raise Terminal("supervisord can't read this path", where=str(path), mend="choose plainer characters")
    write(layout.configuration, _configuration(layout))


def write(path: Path, text: str) -> None:
    """Replaces a file of ours as a whole (0600): a temporary name that no wildcard finds, fsync, rename. The caller
    holds the daemon's lock, so that one name does: what a kill leaves is overwritten."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise disk_error(str(path), error) from error


def _check(program: Program) -> None:
    where = program.name
    if not _NAME.fullmatch(program.name):
        raise Terminal(f"{program.name!r} can't name a program", mend="use letters, digits, dot, underscore and hyphen")
    if any("\0" in text for text in (*program.argv, *(part for pair in program.env for part in pair))):
        raise Terminal("a NUL character in its arguments or environment", where=where, mend="remove it")
    if any(not key or "=" in key for key, _ in program.env):
        raise Terminal("a variable with an impossible name in its environment", where=where, mend="rename it")
    if not program.argv or not program.argv[0].startswith("/"):
        raise Terminal("its command is not an absolute path", where=where)
    if not os.access(program.argv[0], os.X_OK) or Path(program.argv[0]).is_dir():
        raise Terminal(f"{program.argv[0]} is not an executable file", where=where, mend="install it")
    for folder in (program.cwd, str(Path(program.log).parent)):
        if not Path(folder).is_dir():
            raise Terminal(f"the folder {folder} is not there", where=where, mend="make it")
    stop_signal(program)


def _ini(layout: Layout, program: Program) -> str:
    launch = Path(__file__).with_name("launch.py")
    argv = [sys.executable, "-I", "-S", str(launch), str(layout.program(program.name))]
    if any(_MISREAD.search(word) for word in argv):
        raise Terminal("supervisord can't read one of these paths", where=" ".join(argv), mend="use plainer characters")
    exits = sorted({0, *program.quiet_exits})
    settings = {
        "command": shlex.join(argv),
        "autostart": "false",  # a fresh supervisord must not start impostors beside orphans
        "autorestart": "unexpected",
        "exitcodes": ",".join(str(code) for code in exits),
        # Zero: with more, an exit within these seconds is retried whatever its code, 78 too. launch.py slows loops.
        "startsecs": "0",
        "startretries": "3",
        "stopsignal": stop_signal(program).name.removeprefix("SIG"),
        "stopwaitsecs": str(program.stop_seconds + KILL_GRACE_SECONDS),
        # A clean stop is the gateway's own affair; a forced one takes the tools that it left running.
        "stopasgroup": "false",
        "killasgroup": "true",
        "umask": "077",
        "redirect_stderr": "true",
        "stdout_logfile": str(layout.errors(program.name)),  # only what goes wrong before launch.py opens the log
        "stdout_logfile_maxbytes": "100KB",
        "stdout_logfile_backups": "0",
    }
    return _section(f"program:{program.name}", settings)


def _configuration(layout: Layout) -> str:
    server = {"file": str(layout.socket), "chmod": "0600"}
    daemon = {
        "logfile": str(layout.log),
        "logfile_maxbytes": "5MB",
        "logfile_backups": "1",
        "loglevel": "info",
        "pidfile": str(layout.pid),
        "childlogdir": str(layout.programs),
        "nocleanup": "true",
        "umask": "077",
        "minfds": str(_descriptors()),
        "minprocs": "1",
    }
    if os.getuid() == 0:
        daemon["user"] = "0"  # root on purpose: without it supervisord warns at each start
    return "\n".join(
        [
            _section("unix_http_server", server),
            _section("supervisord", daemon),
            _section(
                "rpcinterface:supervisor",
                {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
            ),
            _section("include", {"files": f"{layout.programs.name}/*.ini"}),
        ]
    )


def _descriptors() -> int:
    """Three a program, where the limit of this user allows it."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)


def _section(name: str, settings: dict[str, str]) -> str:
    """A bare `%` would be an expansion and fail the reading of every file."""
    lines = [f"{key} = {value.replace('%', '%%')}" for key, value in settings.items()]
    return "\n".join([f"[{name}]", *lines, ""])
