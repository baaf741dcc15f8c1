"""What the kernel says about a disk, as one of our errors: which path, what is wrong, and the mend.

Not done here: deciding whether to try again; the type of the error tells that.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.errors import ReconcilerError, Retryable, Terminal

_RETRYABLE = {
    errno.ENOSPC: ("the disk is full", "free space on the file system that holds it"),
    errno.EDQUOT: ("the disk quota is used up", "free space or raise the quota"),
    errno.EFBIG: ("the file is larger than this process may write", "raise the limit (ulimit -f) of the reconciler"),
    errno.EROFS: (
        "the file system is read-only",
        "mount it for writing; after a disk error the kernel does this itself",
    ),
    errno.EACCES: ("permission denied", "run the reconciler as the owner of the folder, or change its mode"),
    errno.EPERM: ("the operation is not permitted", "look for an immutable flag (lsattr) or another owner"),
    errno.EIO: ("the disk answers with an input/output error", "look into the kernel's log (dmesg)"),
    errno.ENOENT: ("a folder on the way to it is missing", "the next pass makes it"),
    errno.EMFILE: ("too many files are open", "raise the limit (ulimit -n) of the reconciler"),
}
_TERMINAL = {
    errno.ELOOP: ("a link stands on the way to it", "replace the link by a real folder; links are never followed"),
    errno.ENOTDIR: ("a file stands where a folder is needed", "move it away"),
    errno.EISDIR: ("a folder stands there", "move it away"),
    errno.EEXIST: ("something stands there already", "move it away"),
    errno.ENOTEMPTY: ("a folder that is not empty stands there", "move it away"),
    errno.ENAMETOOLONG: ("the name is too long", "shorten it"),
    errno.EXDEV: ("source and target are on different file systems", "keep the whole root on one file system"),
}


def disk_error(path: str, error: OSError) -> ReconcilerError:
    """The error to raise for `error` at `path`."""
    number = error.errno or 0
    if number in _TERMINAL:
        what, mend = _TERMINAL[number]
        return Terminal(what, where=path, mend=mend)
    what, mend = _RETRYABLE.get(number, (error.strerror or str(error), ""))
    return Retryable(what, where=path, mend=mend)


@contextmanager
def told(path: str) -> Iterator[None]:
    """Wraps whatever the kernel refuses inside the block."""
    try:
        yield
    except OSError as error:
        raise disk_error(path, error) from error
