"""Finds, reads and checks the settings; every mistake is told at once, with its file and key or its variable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from reconciler.errors import Terminal
from reconciler.settings.layers import (
    CONFIG,
    Key,
    Layer,
    Problem,
    Tree,
    from_environment,
    from_table,
    known_keys,
    laid_over,
    variable,
    written,
)
from reconciler.settings.model import Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

DEFAULT_FILE = Path("/etc/reconciler/reconciler.toml")
LARGEST = 1_000_000
EXAMPLE = """\
host = "my-host"    # which of the fleet's hosts this is

[source]
url = "https://gitea.example/owner/fleet.git"
"""
ENOUGH: tuple[Key, ...] = (("host",), ("source", "url"))
"""Keys without a default: with these as variables no file is needed."""


def load_settings(path: str | None, environ: Mapping[str, str], *, default: Path = DEFAULT_FILE) -> Settings:
    """The settings of this host. `path` is what --config says. Raises Terminal with everything that is wrong."""
    chosen = path or environ.get(CONFIG) or None
    file = Path(chosen).absolute() if chosen else default
    over = from_environment(environ)
    tree = _read(file)
    if tree is None and (chosen or not all(key in over.origins for key in ENOUGH)):
        raise _missing(file)
    under = from_table(tree or {}, file.parent)
    origin = "the environment" if tree is None else str(file)
    merged = laid_over(under.tree, over.tree)
    problems = [Problem(f"{origin}: {problem.place}", problem.message) for problem in under.problems]
    problems += [*over.problems, *_unknown_variables(over, merged)]
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        settings = None
        told = {problem.place for problem in problems}
        found = (_problem(detail, origin, over) for detail in error.errors(include_url=False, include_input=False))
        problems += [problem for problem in found if problem.place not in told]
    if problems or settings is None:
        raise _all(problems)
    settings._origin = origin
    return settings


def _read(file: Path) -> Tree | None:
    """The tables of the file; None when there is no file."""
    import tomllib

    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise Terminal("the settings file is larger than 1 MB", where=str(file), mend="is it the right file?")
        return tomllib.loads(data.decode())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Terminal(f"the settings can't be read ({error.strerror})", where=str(file)) from error
    except UnicodeDecodeError as error:
        raise Terminal("the settings file is not UTF-8 text", where=str(file)) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Terminal(f"not valid TOML: {error}", where=str(file), mend="see https://toml.io") from error


def _missing(file: Path) -> Terminal:
    example = "\n".join(f"    {line}".rstrip() for line in EXAMPLE.splitlines())
    return Terminal(
        "there is no settings file",
        where=str(file),
        mend=f"name another with --config or ${CONFIG}, set {variable(ENOUGH[0])} and {variable(ENOUGH[1])}, "
        f"or write it; this is enough:\n\n{example}",
    )


def _unknown_variables(layer: Layer, merged: Tree) -> list[Problem]:
    """Variables with our prefix that are no settings, but for those that a setting takes a secret from."""
    holds_secret = set(_named(merged))
    names = [variable(key) for key in known_keys()]
    return [
        Problem(name, f"is no setting, and the prefix is ours: unset or rename it{_nearest(name, names)}")
        for name in layer.unknown
        if name not in holds_secret
    ]


def _named(value: object) -> Iterator[str]:
    """Variables that some setting takes a secret from."""
    if isinstance(value, list):
        yield from (name for item in value for name in _named(item))
    elif isinstance(value, dict):
        name = value.get("env")
        if isinstance(name, str):
            yield name
        yield from (name for inner in value.values() for name in _named(inner))


def _problem(detail: ErrorDetails, origin: str, over: Layer) -> Problem:
    loc = detail["loc"]
    key = tuple(str(part) for part in loc)
    message = _message(detail, key)
    if not loc:
        return Problem(_origin_of((), origin, over), message)
    whole = next((key[:depth] for depth in range(len(key), 0, -1) if key[:depth] in over.origins), None)
    if whole is None:
        return Problem(f"{_origin_of(key, origin, over)}: {written(loc)}", message)
    if len(whole) < len(key) and isinstance(loc[len(whole)], int):
        message = f"entry {int(loc[len(whole)]) + 1} {message}"
    return Problem(over.origins[whole], message)


def _origin_of(key: Key, origin: str, over: Layer) -> str:
    """The file, and the variables that say something in the same table."""
    names = [name for known, name in over.origins.items() if key and known[: len(key)] == key]
    return " and ".join([origin, *names]) if origin != "the environment" else origin


def _message(detail: ErrorDetails, key: Key) -> str:
    match detail["type"]:
        case "missing":
            return f"is required (or set {' or '.join(_variables(key))})"
        case "extra_forbidden":
            return f"is no setting{_nearest(key[-1], _beside(key))}"
        case "model_type":
            return "must be a table"
        case "tuple_type":
            return "must be a list"
        case "too_long":
            return f"must have at most {detail['ctx']['max_length']} entries"
        case "string_too_short":
            return "must not be empty"
        case "string_pattern_mismatch" if key == ("host",):
            return "must be a name of lower-case letters, digits and single hyphens, as in the fleet's hosts"
        case _:
            return detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _variables(key: Key) -> list[str]:
    """Variables that would do instead of the key: its own, those of a secret, or those that its table needs."""
    below = [known for known in known_keys() if known[: len(key)] == key]
    needed = [known for known in below if known in ENOUGH]
    return [variable(known) for known in needed or below]


def _beside(key: Key) -> Iterable[str]:
    """The names that the same table knows."""
    depth = len(key) - 1
    return (known[depth] for known in known_keys() if len(known) > depth and known[:depth] == key[:-1])


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib

    names = sorted(set(known))
    if close := difflib.get_close_matches(name, names, n=1, cutoff=0.6):
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(names)}" if len(names) <= 12 else ""


def _all(problems: list[Problem]) -> Terminal:
    if len(problems) == 1:
        return Terminal(problems[0].message, where=problems[0].place)
    lines = "".join(f"\n  {problem}" for problem in problems)
    return Terminal(f"{len(problems)} settings are wrong:{lines}")
