"""`reconciler new wizard`: one more wizard in a fleet folder, on the next free port."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, out, pass_session, verb
from reconciler.errors import Terminal

if TYPE_CHECKING:
    from reconciler.spec.desired import DesiredFleet, Loaded
    from reconciler.spec.scaffold import NewWizard

_NEXT = """\
  port {port} on host {host}, codebase {codebase}, model {model}
Next:
  write its charter in {path}
  reconciler plan --fleet {fleet}
  git add {path} && git commit -m "Wizard {name}" && git push
"""


@click.group(no_args_is_help=True)
def new() -> None:
    """Add a wizard to a fleet folder."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the person said; None for what is to be chosen."""

    name: str
    host: str | None
    codebase: str | None
    model: str | None
    father: str | None
    role: str


@verb("reconciler new wizard ada --role 'Reads the logs'", "reconciler new wizard ada --father ezra --model qwen")
@click.argument("name")
@click.option("--fleet", metavar="DIR", default="fleet", type=click.Path(), help="The fleet's folder; default: fleet.")
@click.option("--host", metavar="NAME", help="Host that runs it; needed when the fleet has several.")
@click.option("--codebase", metavar="NAME", help="Codebase that it runs; needed when the fleet has several.")
@click.option("--model", metavar="NAME", help="Model that it thinks with; needed when the fleet has several.")
@click.option("--father", metavar="NAME", help="Wizard that it descends from.")
@click.option("--role", metavar="TEXT", default="", help="What it is for, in one line.")
@pass_session
def wizard(session: Session, /, fleet: str, role: str, **names: str) -> int:
    """Write fleet/wizards/NAME.yaml, with the next free port.

    With a charter to be rewritten. The fleet must be valid before, and is valid after.
    """
    from reconciler.cli.folders import load, read_fleet, shown_folder
    from reconciler.cli.newfiles import write_new
    from reconciler.spec.load import load_fleet
    from reconciler.spec.scaffold import wizard_text

    folder = shown_folder(fleet)
    contents = read_fleet(fleet, folder)
    declared = _valid(load(contents, folder), session, "before")
    wish = _Wish(role=role, **names)
    path = Path(folder) / "wizards" / f"{_free(wish.name, declared)}.yaml"
    chosen = _choose(wish, declared, _schema(path))
    text = wizard_text(chosen)
    _valid(load_fleet({**contents.files, path.as_posix(): text.encode()}, folder), session, "with it")
    if not write_new(path, text):
        raise Terminal("this file is there already", where=str(path), mend="choose another name")
    out(f"wrote {path}\n")
    host = chosen.host or next(iter(declared.fleet.hosts))
    out(
        _NEXT.format(
            port=chosen.port,
            host=host,
            codebase=chosen.codebase,
            model=chosen.model,
            path=shlex.quote(str(path)),
            fleet=shlex.quote(folder or "."),
            name=chosen.name,
        )
    )
    return Exit.DONE


new.add_command(wizard)


def _valid(loaded: Loaded, session: Session, when: str) -> DesiredFleet:
    from reconciler.render.problems import problems_text

    if loaded.fleet is None:
        out(problems_text(loaded.errors, colour=session.colours()))
        raise Terminal(f"the fleet is not valid {when}; nothing was written", mend="mend the lines above")
    return loaded.fleet


def _free(name: str, fleet: DesiredFleet) -> str:
    """The name, when it is one and nobody has it; the rest is judged by the checks of every fleet."""
    from reconciler.spec.kinds import NAME, PATTERNS
    from reconciler.spec.words import shown

    if not re.fullmatch(NAME, name) or len(name) > 40:
        raise Terminal(f"{shown(name)} can't be the name of a wizard", mend=PATTERNS[NAME][1])
    if name in fleet.wizards:
        where = str(fleet.positions["Wizard", name])
        raise Terminal(f"there is a wizard {name} already", where=where, mend="choose another name")
    return name


def _choose(wish: _Wish, fleet: DesiredFleet, schema: str) -> NewWizard:
    from reconciler.spec.scaffold import NewWizard, next_port

    host = _pick("host", wish.host, fleet.fleet.hosts)
    port = next_port(fleet, host)
    if port is None:
        pool = fleet.fleet.ports
        mend = "widen ports in the Fleet document"
        raise Terminal(f"no port of {pool.first}-{pool.last} is free on host {host}", mend=mend)
    return NewWizard(
        name=wish.name,
        port=port,
        codebase=_pick("codebase", wish.codebase, fleet.codebases),
        model=_pick("model", wish.model, fleet.models),
        host=host if len(fleet.fleet.hosts) > 1 else "",
        role=wish.role,
        father=_pick("father", wish.father, fleet.wizards) if wish.father else "",
        schema=schema,
    )


def _pick(what: str, said: str | None, known: Mapping[str, object]) -> str:
    """The name that was said, or the only one there is."""
    from reconciler.spec.words import listed, mend_name, shown

    if said is None:
        if len(known) == 1:
            return next(iter(known))
        there = f"one of {listed(known)}" if known else f"declare a {what} first"
        raise Terminal(f"which {what}?", mend=f"say --{what} NAME: {there}")
    if said not in known:
        raise Terminal(f"there is no {what} {shown(said)}", mend=mend_name(said, known, f"there are {listed(known)}"))
    return said


def _schema(path: Path) -> str:
    """The schema for editors, seen from the new file; "" when the repository has none."""
    from reconciler.spec.schema import FLEET_FILE

    schema = path.parent.parent.parent / "schemas" / FLEET_FILE
    return os.path.relpath(schema, path.parent) if schema.is_file() else ""
