"""docs/settings.md names every key with its true default, and its examples are settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from reconciler.settings import SecretSource, load_settings
from reconciler.settings.layers import known_keys
from reconciler.settings.model import Settings, Table
from reconciler.settings.values import duration

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
MINIMAL, ALL = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
ROWS = dict(re.findall(r"^\| `([a-z_.]+)` \| (.+?) \| .+ \|$", PAGE, re.MULTILINE))


def names() -> set[str]:
    """Keys as the page names them: a secret is one key."""
    short = (key[:-1] if key[-1] in ("file", "env") else key for key in known_keys())
    return {".".join(key) for key in short}


def table_of(name: str) -> tuple[type[Table], str]:
    table: type[Table] = Settings
    *above, last = name.split(".")
    for part in above:
        info = table.model_fields[part]
        found = (info.annotation, *get_args(info.annotation))
        table = next(kind for kind in found if isinstance(kind, type) and issubclass(kind, Table))
    return table, last


def test_every_key_is_told_and_no_other() -> None:
    assert set(ROWS) == names()


@pytest.mark.parametrize("name", sorted(ROWS))
def test_the_default_is_the_true_one(name: str) -> None:
    table, key = table_of(name)
    info, said = table.model_fields[key], ROWS[name]
    if said == "required":
        assert info.is_required()
    elif said in ("none", "end of `source.url`"):
        assert info.default is None
    else:
        value = tomllib.loads(f"x = {said.strip('`')}")["x"]
        timed = any(getattr(mark, "func", None) is duration for mark in info.metadata)
        value = duration(value) if timed else value
        default = list(info.default) if isinstance(info.default, tuple) else info.default
        assert (str(default) if isinstance(default, Path) else default) == value


@pytest.mark.parametrize("text", [MINIMAL, ALL], ids=["minimal", "all"])
def test_the_examples_are_settings(text: str, tmp_path: Path) -> None:
    (tmp_path / "reconciler.toml").write_text(text)
    assert load_settings(str(tmp_path / "reconciler.toml"), {}).host == "vps-1"


def test_the_example_has_every_key(tmp_path: Path) -> None:
    (tmp_path / "reconciler.toml").write_text(ALL)
    settings = load_settings(str(tmp_path / "reconciler.toml"), {})
    left_out = {name for name in names() if not given(settings, name)}
    assert left_out == {"source.allowed_keys", "source.ssh_key"}
    assert "ssh_key" in ALL
    assert "allowed_keys" in ALL


def given(settings: Table, name: str) -> bool:
    first, _, rest = name.partition(".")
    inner = getattr(settings, first)
    if rest and isinstance(inner, Table) and not isinstance(inner, SecretSource):
        return given(inner, rest)
    return first in settings.model_fields_set
