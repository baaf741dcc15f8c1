"""A bug in one effect: it is raised, and the other wizards are where they should be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.engine.reconcile import Reconciler
from reconciler.engine.request import Request
from tests.engine.site import Site


class _Bug(Exception):
    """What no adapter should let through."""


class _Broken:
    """A door of the host of which one verb has a bug for one wizard."""

    def __init__(self, door: Any, verb: str, wizard: str) -> None:
        self._door, self._verb, self._wizard = door, verb, wizard

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._door, name)
        if name != self._verb:
            return act

        def perform(first: Any, *rest: Any) -> Any:
            if str(getattr(first, "name", first)).startswith(self._wizard):
                raise _Bug
            return act(first, *rest)

        return perform


@pytest.mark.parametrize("verb", ["stop", "start", "forget"])
def test_it_is_raised_after_the_others_have_come_up(site: Site, verb: str) -> None:
    """The worst place: everybody is stopped, and is to be started again."""
    before = site.pids()
    for name in site.wizards:
        site.wizards[name]["config"] = {"display": {"compact": True}}
    site.push("all of them")
    with site.bound() as (host, _):
        limits = replace(host.limits, concurrency=1)
        broken = replace(host, runtime=_Broken(host.runtime, verb, "ada"), limits=limits)
        with pytest.raises(_Bug):
            Reconciler(broken).run(Request("test"))
    after = site.pids()
    assert {name for name in before if after[name] not in (None, before[name])} == {"bo", "cy"}
    site.settle()
    assert None not in site.pids().values()
