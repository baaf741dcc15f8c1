"""Gateways that somebody started by hand on a home of ours, by what the kernel tells of live processes.

Known by their argv (agents/) and by the folder that their environment names, whatever port they listen on. What our
supervisor runs, and what that has started, is none. Not done here: what to do about them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from reconciler.adapters.processes import PROC, Gateway, Live

LASTS_SECONDS = 30.0
"""Beside a supervised gateway that lives, one is taken for lasting after this: Hermes refuses a second one within
seconds, and nothing has to be stopped for that."""
_Folder = tuple[int, int]


def by_hand(live: Live, homes: Mapping[str, str]) -> Mapping[str, list[Gateway]]:
    """Program -> the gateways on its home (`homes`: program -> absolute folder), the longest-lived first."""
    strays = {gateway.identity.pid: gateway for gateway in live.gateways if not (gateway.mark and gateway.mark.is_main)}
    if not strays or not homes:
        return {}
    names = {folder: name for name, home in homes.items() if (folder := _folder(home)) is not None}
    mains = {mark.main for mark in live.marked if mark.is_main}
    found: dict[str, list[Gateway]] = {}
    for gateway in sorted(strays.values(), key=lambda one: one.identity.ticks):
        name = names.get(_home(gateway) or (0, 0))
        if name is None or gateway.parent in strays or not _of_this_user(gateway):
            continue  # what one of them has forked goes with it
        mark = gateway.mark
        if mark is None or mark.program != name or mark.main not in mains:
            found.setdefault(name, []).append(gateway)
    return found


def lasting(gateways: list[Gateway]) -> list[Gateway]:
    return [gateway for gateway in gateways if gateway.identity.age > LASTS_SECONDS]


def _home(gateway: Gateway) -> _Folder | None:
    """Its home as it sees it itself: in a container, the same path is another folder."""
    base = PROC / str(gateway.identity.pid)
    inside = f"root{gateway.home}" if gateway.home.startswith("/") else f"cwd/{gateway.home}"
    return _folder(f"{base}/{inside}")


def _folder(path: str) -> _Folder | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _of_this_user(gateway: Gateway) -> bool:
    """Root may look into everybody's; another user's stays a stranger all the same."""
    try:
        return os.stat(PROC / str(gateway.identity.pid)).st_uid == os.geteuid()  # noqa: PTH116
    except OSError:
        return False
