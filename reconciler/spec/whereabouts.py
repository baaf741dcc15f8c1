"""Which host each wizard of a fleet is on, as far as its files tell: an earlier fleet need not be valid any more.

Not done here: everything else that a fleet says (load.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.spec.draft import draft
from reconciler.spec.load import fleet_files
from reconciler.spec.read import Memo


def whereabouts(files: Mapping[str, bytes], folder: str, memo: Memo) -> Mapping[str, str]:
    """Wizard -> host. `files` and `folder` as in `load.load_fleet`."""
    drafted = draft(memo.read(path, files[path]) for path in fleet_files(files, folder))
    memo.turn()
    hosts = ((name, drafted.host_of(entry.record)) for name, entry in drafted.wizards.items())
    return {name: host for name, host in hosts if host is not None}
