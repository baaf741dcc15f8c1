"""Other platforms of Hermes that a wizard enables in `config`: some listen on ports of the fleet unless told otherwise.

The default ports are those of the source of Hermes Agent 0.19.0. Not done here: any other setting of a platform.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.spec.checks.ports import claimants
from reconciler.spec.draft import Draft, Entry
from reconciler.spec.kinds import Wizard
from reconciler.spec.position import Problem

DEFAULT_PORTS = {"webhook": 8644, "bluebubbles": 8645, "wecom": 8645, "msgraph": 8646, "line": 8646, "sms": 8080}


def check_platforms(draft: Draft) -> Iterator[Problem]:
    taken = claimants(draft)
    for entry in draft.wizards.values():
        host = draft.host_of(entry.record)
        for name, port in _listening(entry):
            who = taken.get((host, port)) if host else None
            if who:
                what = f"the platform {name} listens on port {port}, which {who} takes on host {host}"
                mend = f"give it another port under config.platforms.{name}.extra.port"
                yield entry.warning("port/platform", ("config", "platforms", name), what, mend)


def _listening(entry: Entry[Wizard]) -> Iterator[tuple[str, int]]:
    """Platforms that the wizard enables, and their ports."""
    platforms = _mapping(entry.record.config.get("platforms"))
    for name, default in DEFAULT_PORTS.items():
        platform = _mapping(platforms.get(name))
        port = _mapping(platform.get("extra")).get("port", default)
        if platform.get("enabled") is True and isinstance(port, int):
            yield name, port


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
