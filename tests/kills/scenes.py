"""What happens to the host while it is killed: a starting state, and the commit that arrives.

The fleet has two wizards, allegro, which moves first, and ezra.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

from tests.kills.site import Site
from tests.kills.snapshots import restore, save
from tests.kills.torn import add_own

Documents = dict[str, dict[str, object]]
FRESH = "fresh"
SETTLED = "settled"
REMOVED = "removed"
UPDATED = "updated"


APART = 1.1
"""Seconds. A restored program has another start than the one remembered; a pass sees that when they are a second apart,
so no scene begins within the second in which its state was made."""


@dataclass(frozen=True, slots=True)
class Scene:
    """`start` names the snapshot to begin from, `commit` what is pushed then; `untouched` are wizards whose process
    must be the same one at the end, whatever was killed. `roll_back`: the wizard that a person rolls back, and asks
    for again after the kill."""

    name: str
    start: str
    commit: str
    untouched: tuple[str, ...]
    roll_back: str = ""


def build(site: Site) -> Mapping[str, Scene]:
    """Makes the commits and the starting states."""
    site.make()
    both = documents(site)
    alone = {name: document for name, document in both.items() if name != "ezra"}
    first = site.commit(None, alone, "One wizard")
    two = site.commit(first, both, "And another")
    removed = site.commit(two, alone, "Without the other\n\nAllow-Delete: ezra")
    updated = site.commit(two, _updated(both), "Another port and soul")
    scenes = (
        Scene("first apply", FRESH, first, ()),
        Scene("ill from the start", FRESH, site.commit(None, _moved(alone, "3.0.0"), "Never healthy"), ()),
        Scene("update", SETTLED, updated, ("allegro",)),
        Scene("ports swapped", SETTLED, site.commit(two, _swapped(both), "Ports swapped"), ()),
        Scene("codebase move", SETTLED, site.commit(two, _moved(both, "2.0.0"), "A newer program"), ()),
        Scene("ill codebase", SETTLED, site.commit(two, _moved(both, "3.0.0"), "Never healthy"), ("ezra",)),
        Scene("crashing codebase", SETTLED, site.commit(two, _moved(both, "4.0.0"), "Ends at once"), ("ezra",)),
        Scene("ill values", SETTLED, site.commit(two, _ill(both), "Never healthy with these"), ("ezra",)),
        Scene("rollback by hand", UPDATED, updated, ("allegro",), roll_back="ezra"),
        Scene("removal", SETTLED, removed, ("allegro",)),
        Scene("return", REMOVED, site.commit(removed, both, "The other is back"), ("allegro",)),
        Scene("rename", SETTLED, site.commit(two, _renamed(both), "Ezra is esdras"), ("allegro",)),
    )
    for name, before, tip in (
        (FRESH, None, first),
        (SETTLED, FRESH, two),
        (REMOVED, SETTLED, removed),
        (UPDATED, SETTLED, updated),
    ):
        if before:
            restore(site, before)
        site.push(tip)
        if before:
            settle(site)
        if name == SETTLED:
            add_own(site)
            settle(site)
        save(site, name)
    time.sleep(APART)
    return {scene.name: scene for scene in scenes}


def settle(site: Site) -> None:
    """Passes until nothing is left; fails when two are not enough. They run in this process, which warms it up."""
    for _ in range(2):
        said = site.run_pass()
        assert said["left"] == [], said
    assert said["planned"] == [], said


def documents(site: Site) -> Documents:
    first, second = site.ports
    wizard = {"kind": "Wizard", "codebase": "hermes-agent", "model": "small"}
    return {
        "fleet": {
            "kind": "Fleet",
            "name": "test",
            "hosts": {"vps": {"root": str(site.root)}},
            "ports": {"first": 1024, "last": 65535},
        },
        "codebase": {
            "kind": "Codebase",
            "name": "hermes-agent",
            "source": {"pypi": "hermes-agent", "version": "1.0.0"},
        },
        "model": {
            "kind": "Model",
            "name": "small",
            "id": "small",
            "provider": "custom",
            "base_url": "http://127.0.0.1:9/v1",
            "context_length": 65536,
            "ollama_num_ctx": 65536,
        },
        "allegro": {**wizard, "name": "allegro", "port": first, "soul": {"charter": {"identity": "the first"}}},
        "ezra": {**wizard, "name": "ezra", "port": second, "soul": {"charter": {"identity": "the other"}}},
    }


def _updated(both: Documents) -> Documents:
    new = deepcopy(both)
    new["ezra"].update(
        port=int(str(both["ezra"]["port"])) + 2,
        soul={"charter": {"identity": "the other, older"}},
        env={"TZ": "UTC"},
        config={"display": {"compact": True}},
    )
    return new


def _swapped(both: Documents) -> Documents:
    new = deepcopy(both)
    new["ezra"]["port"], new["allegro"]["port"] = both["allegro"]["port"], both["ezra"]["port"]
    return new


def _moved(both: Documents, version: str) -> Documents:
    new = deepcopy(both)
    new["codebase"]["source"] = {"pypi": "hermes-agent", "version": version}
    return new


def _ill(both: Documents) -> Documents:
    new = deepcopy(both)
    new["allegro"]["env"] = {"TEMPER": "ill"}
    return new


def _renamed(both: Documents) -> Documents:
    new = {name: document for name, document in deepcopy(both).items() if name != "ezra"}
    new["esdras"] = {**deepcopy(both["ezra"]), "name": "esdras", "formerly": ["ezra"]}
    return new
