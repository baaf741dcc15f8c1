"""What git's error output means: the cause in one line, whose fault it is, and the mend.

git has exit codes for yes and no, and words for everything else; LC_ALL=C keeps them in English.
"""

from __future__ import annotations

import re

DISK = re.compile(r"No space left on device|Read-only file system|Disk quota exceeded|Permission denied|Input/output")
FAILING = re.compile(r"No space left on device|Read-only file system|Disk quota exceeded|Input/output error")
"""Words of a disk that fails. What git tells of a remote's own disk is rare, and begins with its address."""
KEEPING = re.compile(FAILING.pattern + r"|couldn't set 'refs/")
"""Words of what was fetched and could not be kept here. For a ref git does not say why; it is the disk all the same."""
LOCK = re.compile(r"Unable to create '([^']+\.lock)': File exists")
MOVED = re.compile(r"cannot lock ref .* but expected ")
DAMAGE = re.compile(
    r"bad object|did not send all necessary|missing necessary|corrupt|[Uu]nable to (read|unpack|parse|resolve ref)"
    r"|[Cc]ould not (read|parse) [0-9a-f]{7}|reference broken|broken ref|inflate|not a git repository: '"
    r"|unresolved delta|invalid index-pack"
)
"""Words of a damaged repository: ours, or a remote whose errors pass through."""
_MENDS = (
    (r"No space left|Read-only file|quota exceeded", "make room on the disk"),
    (r"Input/output error", "look into the kernel's log (dmesg)"),
    (r"couldn't set 'refs/", "look at the disk (df) and into the kernel's log (dmesg)"),
    (r"Authentication failed|could not read (Username|Password)|error: 40[13]|publickey", "check the token or key"),
    (r"not found|error: 404|does not appear to be a git|does not exist|No such", "check source.url"),
    (r"dubious ownership", "the repository belongs to another user: reach it by ssh or http, or change its owner"),
    (r"Host key verification", "add the host's key to known_hosts"),
    (r"certificate|SSL", "name the authority's certificate in the settings"),
    (r"redirect|error: 30[1278]", "set source.url to the address that the remote redirects to"),
)


def last_words(err: str) -> str:
    """The line of git's error output that names the cause."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    telling = [line for line in lines if "Could not read from remote repository" not in line]
    for line in telling:
        if line.startswith(("fatal: ", "error: ")):
            return line.partition(": ")[2]
    return next(iter(telling or lines), "no reason given")


def mend_for(reason: str) -> str:
    """What to do about a remote that did not do what was asked."""
    return next((mend for pattern, mend in _MENDS if re.search(pattern, reason)), "it is tried again")
