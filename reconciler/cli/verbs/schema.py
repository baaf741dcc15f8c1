"""`reconciler schema`: writes the JSON Schemas of the kinds, so that editors complete and check fleet files."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import out, say, verb
from reconciler.errors import Terminal


@verb("reconciler schema", "reconciler schema --check")
@click.argument("directory", metavar="[DIR]", default="schemas", type=click.Path(file_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a file is missing or out of date.")
def schema(directory: Path, check: bool) -> int:
    """Write the JSON Schemas of fleet files, for editors.

    Into the folder DIR (default: schemas).
    """
    from reconciler.spec.schema import schemas

    wanted = schemas()
    stale = [name for name, text in wanted.items() if _read(directory / name) != text]
    extra = [path.name for path in sorted(directory.glob("*.schema.json")) if path.name not in wanted]
    if check:
        return _report(directory, stale, extra)
    for name in stale:
        _write(directory / name, wanted[name])
    out("".join(f"wrote {directory / name}\n" for name in stale) or f"{directory} is up to date\n")
    for name in extra:
        say(f"warning: {directory / name} is none of ours any more; remove it")
    return Exit.DONE


def _report(directory: Path, stale: list[str], extra: list[str]) -> int:
    if not stale and not extra:
        out(f"{directory} is up to date\n")
        return Exit.DONE
    names = ", ".join([*stale, *extra])
    mend = f"run `reconciler schema {directory}`" if stale else "remove what is not ours"
    raise Terminal(f"out of date: {names}", where=str(directory), mend=mend)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Terminal("it can't be read", where=str(path)) from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Terminal(f"it can't be written ({error.strerror})", where=str(path)) from error
