"""The public keys that a fleet declares for its hosts.

Read even while other documents have errors: a secret in plain text is one, and encrypting it is the mend.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.spec.draft import draft
from reconciler.spec.load import is_fleet_file
from reconciler.spec.read import read_file


def declared_keys(files: Mapping[str, bytes], folder: str) -> Mapping[str, str | None] | None:
    """Host -> its age key, where it has one; None when no Fleet document can be read."""
    read = [read_file(path, data) for path, data in sorted(files.items()) if is_fleet_file(path, folder)]
    fleet = draft(read).fleet
    return None if fleet is None else {name: host.age for name, host in fleet.record.hosts.items()}
