# ruff: noqa: E501 - tables of numbers
"""Makes system calls of a process and of all its children fail: seccomp hands them to us before the kernel does them.

No library is loaded and nothing of ours or anybody's is patched: what Python, SQLite and Git write goes the same way.
Needs Linux 5.5 or newer, and no rights. Not done here: choosing what fails (points.py).
"""

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import os
import platform
import socket
import struct
from dataclasses import dataclass

_NUMBERS = {
    "x86_64": (
        0xC000003E,
        317,
        {
            "write": 1, "pwrite64": 18, "writev": 20, "pwritev": 296, "open": 2, "openat": 257, "creat": 85, "mkdir": 83,
            "mkdirat": 258, "link": 86, "linkat": 265, "symlink": 88, "symlinkat": 266, "rename": 82, "renameat": 264,
            "renameat2": 316, "fsync": 74, "fdatasync": 75, "ftruncate": 77, "truncate": 76, "fallocate": 285,
            "unlink": 87, "unlinkat": 263, "rmdir": 84, "fchmod": 91, "fchmodat": 268, "chmod": 90, "fchown": 93,
            "sendfile": 40, "copy_file_range": 326, "openat2": 437, "fchmodat2": 452, "fchownat": 260, "chown": 92,
            "lchown": 94, "utimensat": 280, "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "pwritev2": 328,
            "mknod": 133, "mknodat": 259, "sync_file_range": 277, "syncfs": 306,
        },
    ),
    "aarch64": (
        0xC00000B7,
        277,
        {
            "write": 64, "pwrite64": 68, "writev": 66, "pwritev": 70, "openat": 56, "mkdirat": 34, "linkat": 37,
            "symlinkat": 36, "renameat": 38, "renameat2": 276, "fsync": 82, "fdatasync": 83, "ftruncate": 46,
            "truncate": 45, "fallocate": 47, "unlinkat": 35, "fchmod": 52, "fchmodat": 53, "fchown": 55, "sendfile": 71,
            "copy_file_range": 285, "openat2": 437, "fchmodat2": 452, "fchownat": 54, "utimensat": 88, "setxattr": 5,
            "lsetxattr": 6, "fsetxattr": 7, "pwritev2": 287, "mknodat": 33, "sync_file_range": 84, "syncfs": 267,
        },
    ),
}  # fmt: skip
_ARCH, _SECCOMP, NUMBERS = _NUMBERS.get(platform.machine(), (0, 0, {}))
_NAMES = {number: name for name, number in NUMBERS.items()}
_AT = {
    "openat": (0, 1),
    "mkdirat": (0, 1),
    "linkat": (2, 3),
    "symlinkat": (1, 2),
    "renameat": (2, 3),
    "unlinkat": (0, 1),
}
_AT |= {"renameat2": (2, 3), "fchmodat": (0, 1), "fchmodat2": (0, 1), "fchownat": (0, 1), "utimensat": (0, 1)}
_AT |= {"mknodat": (0, 1), "openat2": (0, 1)}
"""Call -> which arguments are folder and path; of two paths, the one that is made."""
_PLAIN = {
    "open": 0,
    "creat": 0,
    "mkdir": 0,
    "link": 1,
    "symlink": 1,
    "rename": 1,
    "truncate": 0,
    "unlink": 0,
    "rmdir": 0,
}
_PLAIN |= dict.fromkeys(("chmod", "chown", "lchown", "setxattr", "lsetxattr", "mknod"), 0)
_FROM = {"linkat": (0, 1), "renameat": (0, 1), "renameat2": (0, 1), "link": 0, "rename": 0}
"""Calls that give a file another name -> where the one that it had stands."""
_FLAGS = {"open": 1, "openat": 2}
_CHANGING = os.O_CREAT | os.O_TRUNC
_OUT = {"copy_file_range": 2}

_RECEIVE, _SEND, _VALID = 0xC0502100, 0xC0182101, 0x40082102
_NOTICE = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=Qqi I".replace(" ", ""))
_GO_ON = 1
_LISTEN = 8
_NO_NEW_PRIVILEGES = 38
_USER_NOTICE, _ALLOW = 0x7FC00000, 0x7FFF0000


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.POINTER(_Instruction))]


def _code() -> list[_Instruction]:
    """Calls of our table go to the listener, `open` only when it may make or empty a file; all others go on."""
    load, equal, set_, give = 0x20, 0x15, 0x45, 0x06
    code = [_Instruction(load, 0, 0, 4), _Instruction(equal, 1, 0, _ARCH), _Instruction(give, 0, 0, _ALLOW)]
    for name, number in NUMBERS.items():
        if name in _FLAGS:
            code += [
                _Instruction(load, 0, 0, 0),
                _Instruction(equal, 0, 4, number),
                _Instruction(load, 0, 0, 16 + 8 * _FLAGS[name]),
                _Instruction(set_, 0, 1, _CHANGING),
                _Instruction(give, 0, 0, _USER_NOTICE),
                _Instruction(give, 0, 0, _ALLOW),
            ]
        else:
            code += [
                _Instruction(load, 0, 0, 0),
                _Instruction(equal, 0, 1, number),
                _Instruction(give, 0, 0, _USER_NOTICE),
            ]
    return [*code, _Instruction(give, 0, 0, _ALLOW)]


def surrender(control: socket.socket) -> None:
    """Puts this process and all its future threads and children under whoever holds the other end of `control`.

    Raises OSError where the kernel or a container does not allow that.
    """
    code = _code()
    program = _Program(len(code), (_Instruction * len(code))(*code))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    listener = libc.syscall(_SECCOMP, 1, _LISTEN, ctypes.byref(program)) if NUMBERS else -1
    if listener < 0:
        number = ctypes.get_errno() or errno.ENOSYS
        raise OSError(number, f"system calls can't be watched here: {os.strerror(number)}")
    control.sendmsg([b"listener"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
    os.close(listener)


def allowed() -> bool:
    """Whether the kernel and its container let a process watch the calls of its children."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            surrender(theirs)
        except OSError:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    ours.close()
    theirs.close()
    return status == 0


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that waits for us. `path` is what it changes, as far as that can be told; `source` the name that
    the same file had before; `thread` who calls."""

    id: int
    name: str
    path: str
    source: str = ""
    thread: int = 0

    @property
    def called(self) -> str:
        """The name of the thread."""
        try:
            with open(f"/proc/{self.thread}/comm") as name:
                return name.read().strip()
        except OSError:
            return ""

    @property
    def process(self) -> int:
        """The process of which the thread is one; 0 when it is gone."""
        try:
            with open(f"/proc/{self.thread}/status") as status:
                return next(int(line.split()[1]) for line in status if line.startswith("Tgid:"))
        except (OSError, StopIteration):
            return 0


class Listener:
    """Receives and answers the calls of whoever surrendered."""

    def __init__(self, control: socket.socket) -> None:
        _, ancillary, _, _ = control.recvmsg(64, socket.CMSG_SPACE(4))
        self.fd = array.array("i", ancillary[0][2])[0]

    def receive(self) -> Call | None:
        """None when the caller has died meanwhile."""
        notice = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(self.fd, _RECEIVE, notice, True)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                return None
            raise
        id_, pid, _, number, _, _, *arguments = _NOTICE.unpack(notice)
        name = _NAMES[number]
        try:
            path, source = _path(pid, name, arguments), _source(pid, name, arguments)
        except OSError:
            path, source = "", ""
        return Call(id_, name, path, source, pid)

    def answer(self, call: Call, number: int = 0) -> None:
        """Lets the call go on, or fail with this errno."""
        answer = bytearray(_ANSWER.pack(call.id, 0, -number, 0 if number else _GO_ON))
        try:
            fcntl.ioctl(self.fd, _SEND, answer, True)
        except OSError as error:
            if error.errno != errno.ENOENT:  # the caller has died
                raise

    def close(self) -> None:
        os.close(self.fd)


def _path(pid: int, name: str, arguments: list[int]) -> str:
    if name == "openat2" and not _word(pid, arguments[2]) & _CHANGING:
        return ""  # its flags lie in memory, where the kernel's filter can't look
    if name in _AT:
        folder, path = _AT[name]
        # Without a path it is the open file itself that is meant.
        return _resolved(pid, arguments[folder], _text(pid, arguments[path]) if arguments[path] else "")
    if name in _PLAIN:
        return _resolved(pid, _HERE, _text(pid, arguments[_PLAIN[name]]))
    return os.readlink(f"/proc/{pid}/fd/{arguments[_OUT.get(name, 0)]}").removesuffix(" (deleted)")


def _source(pid: int, name: str, arguments: list[int]) -> str:
    match _FROM.get(name):
        case int(path):
            return _resolved(pid, _HERE, _text(pid, arguments[path]))
        case (folder, path):
            return _resolved(pid, arguments[folder], _text(pid, arguments[path]))
        case _:
            return ""


def _word(pid: int, address: int) -> int:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return int.from_bytes(memory.read(8), "little")


_HERE = 2**32 - 100
"""AT_FDCWD, as the lower half of a register has it."""


def _resolved(pid: int, folder: int, path: str) -> str:
    if path.startswith("/"):
        return os.path.normpath(path)
    base = f"/proc/{pid}/cwd" if folder & 0xFFFFFFFF == _HERE else f"/proc/{pid}/fd/{folder & 0xFFFFFFFF}"
    return os.path.normpath(os.path.join(os.readlink(base), path))


def _text(pid: int, address: int) -> str:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        data = b""
        while b"\0" not in data and len(data) < 4096:
            memory.seek(address + len(data))
            # Never beyond a page: the next one may not be there.
            piece = memory.read(4096 - (address + len(data)) % 4096)
            if not piece:
                break
            data += piece
    return os.fsdecode(data.partition(b"\0")[0])
