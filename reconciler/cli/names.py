"""Names of wizards that people type: known to Git, to this host, or neither."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from reconciler.errors import Terminal
from reconciler.plan.resource import Process
from reconciler.spec.words import listed, mend_name, shown

if TYPE_CHECKING:
    from reconciler.engine.report import Planned
    from reconciler.plan.held import Records


def recorded(records: Records) -> frozenset[str]:
    """Wizards that the host's own records know, removed ones too."""
    held = {entry.resource.wizard for entry in records.held.values() if entry.resource.wizard}
    return frozenset(held | set(records.attic) | set(records.pauses))


def names_a_file(word: str) -> bool:
    """No name of a wizard holds a dot or a slash."""
    return "/" in word or "." in word


def word_for(file: str) -> str:
    """The file as a word for the shell that is no name of a wizard."""
    return shlex.quote(file if names_a_file(file) else f"./{file}")


def check_planned(names: Iterable[str], planned: Planned) -> None:
    """Raises Terminal for a name that is neither in Git for this host nor in its records."""
    desired = planned.wanted.desired
    known = recorded(planned.records) | set(desired.wizards)
    for name in names:
        if name in desired.elsewhere and name not in known:
            where = f"host {desired.host}"
            raise Terminal(f"wizard {name} runs on another host of the fleet", where=where, mend="ask there")
        if name not in known:
            raise _unknown(name, known, f"host {desired.host}")


def check_recorded(name: str, records: Records, host: str) -> None:
    """Raises Terminal for a name that this host has never had anything to do with."""
    known = recorded(records)
    if name not in known:
        raise _unknown(name, known, f"host {host}")


def body_of(name: str, records: Records, host: str) -> Process:
    """The wizard's Body as it was last applied. Raises Terminal when there is none."""
    check_recorded(name, records, host)
    entry = records.held.get(f"wizard/{name}/body")
    if entry is None or not isinstance(entry.resource, Process):
        mend = "`reconciler apply` starts what Git declares"
        raise Terminal(f"wizard {name} has not been started here yet", where=f"host {host}", mend=mend)
    return entry.resource


def _unknown(name: str, known: frozenset[str], where: str) -> Terminal:
    there = f"there are {listed(known)}" if known else "nothing has been applied on this host yet"
    return Terminal(f"there is no wizard {shown(name)}", where=where, mend=mend_name(name, known, there))
