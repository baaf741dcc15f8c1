"""Further keys of config.yaml that a wizard declares: none that a field of the fleet already gives, none that Hermes
ignores.

Not done here: whether Hermes knows a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.spec.age import looks_encrypted
from reconciler.spec.document import Path
from reconciler.spec.draft import Draft, Entry
from reconciler.spec.kinds import Wizard
from reconciler.spec.plain_secrets import EXCUSE, RULE
from reconciler.spec.position import Problem, Severity
from reconciler.spec.secret_names import argument_judged, judged_below, key_judged
from reconciler.spec.telling_names import Telling, telling

Keys = tuple[str, ...]
_SERVER = ("platforms", "api_server")
DERIVED: Mapping[Keys, str] = {
    ("model", "default"): "id of the Model",
    ("model", "provider"): "provider of the Model",
    ("model", "base_url"): "base_url of the Model",
    ("model", "context_length"): "context_length of the Model",
    ("model", "ollama_num_ctx"): "ollama_num_ctx of the Model",
    (*_SERVER, "enabled"): "desired of the wizard",
    (*_SERVER, "extra", "host"): "nothing: the API server listens on 127.0.0.1 alone",
    (*_SERVER, "extra", "port"): "port of the wizard",
    (*_SERVER, "extra", "key"): "api_key of the wizard",
    (*_SERVER, "extra", "model_name"): "name of the wizard",
    ("platforms", "telegram", "enabled"): "telegram of the wizard",
    ("platforms", "telegram", "token"): "telegram: {token: ...} of the wizard",
}
"""Keys of config.yaml that fields of the fleet give, and which."""
DEFAULTED: tuple[Keys, ...] = (
    ("memory", "memory_enabled"),
    ("memory", "user_profile_enabled"),
    ("terminal", "cwd"),
    ("security", "allow_lazy_installs"),
    ("agent", "restart_drain_timeout"),
)
"""Keys that we set and `config` may override."""
IGNORED: Mapping[Keys, str] = {
    (*_SERVER, "port"): "port of the wizard",
    (*_SERVER, "key"): "api_key of the wizard",
    (*_SERVER, "host"): "nothing: the API server listens on 127.0.0.1 alone",
}
"""Keys that look right and that Hermes does not read."""
_PARENTS = frozenset(keys[:length] for keys in (*DERIVED, *DEFAULTED) for length in range(1, len(keys)))


def check_settings(draft: Draft) -> Iterator[Problem]:
    for entry in draft.wizards.values():
        if entry.record.config:
            yield from _mapping(entry, entry.record.config, ())
            yield from _literals(entry, entry.record.config, ())


def _literals(entry: Entry[Wizard], value: object, above: Path) -> Iterator[Problem]:
    """Text under a name such as bot_token, alone or in a list (keys that the fleet gives are refused already), and
    secrets where Hermes would read the reference itself."""
    inside: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, Mapping):
        if _is_reference(value, next((step for step in reversed(above) if isinstance(step, str)), "")):
            what = f"{_words(above)} would be written as it stands here: under config no secret is put in its place"
            yield entry.error("config/secret", ("config", *above), what, "put it under env, as a variable")
            return
        inside = value.items()
    elif isinstance(value, list | tuple):
        inside = enumerate(value)
    before: object = None
    for name, item in inside:
        path = (*above, name)
        yield from _literals(entry, item, path)
        if (
            isinstance(item, str | int | float)
            and not isinstance(item, bool)
            and path not in DERIVED
            and (severity := _judged(path, item, before))
        ):
            what = f"{_words(path)} looks like a secret, and stands in Git as text"
            mend = f"put it under env, as {{age: ...}}, {{env: NAME}} or {{file: /path}}; {EXCUSE}"
            yield Problem(entry.at("config", *path), what, mend, severity, RULE)
        before = item


def _judged(path: Path, item: str | float, before: object) -> Severity | None:
    """A key by its name; an item of a list by that of the list, or as an argument of a program; both also by the names
    of what they are in."""
    *above, own = [step for step in path if isinstance(step, str)]
    if isinstance(path[-1], str):
        severity = key_judged(own, item)
    else:
        severity = key_judged(own.removesuffix("s"), item)
        if isinstance(item, str):
            severity = severity or argument_judged(before, item)
    return severity or (judged_below(above, own, item) if isinstance(item, str) else None)


def _is_reference(value: Mapping[object, object], name: str) -> bool:
    """{age: ...} and {generate: true}; with a name that says secret, {env: ...} and {file: ...} too. Other programs may
    have keys called so."""
    if len(value) != 1:
        return False
    match dict(value):
        case {"age": str(text)} if looks_encrypted(text):
            return True
        case {"generate": True}:
            return True
        case {"env": str()} | {"file": str()} | {"age": str()}:
            return telling(name) is Telling.SAYS
        case _:
            return False


def _words(path: Path) -> str:
    return ".".join(map(str, path))


def _mapping(entry: Entry[Wizard], values: Mapping[str, object], above: Keys) -> Iterator[Problem]:
    for name, value in values.items():
        keys = (*above, name)
        if keys in DERIVED:
            yield _refused(entry, keys, f"{'.'.join(keys)} is set by the fleet itself", DERIVED[keys])
        elif keys in IGNORED:
            yield _refused(entry, keys, f"Hermes ignores {'.'.join(keys)}", IGNORED[keys])
        elif keys in DEFAULTED and isinstance(value, Mapping):
            yield entry.error(
                "config/shape", ("config", *keys), f"{'.'.join(keys)} can't be a mapping", "give it one value"
            )
        elif keys in _PARENTS:
            yield from _parent(entry, value, keys)


def _parent(entry: Entry[Wizard], value: object, keys: Keys) -> Iterator[Problem]:
    """A section that we write keys into as well."""
    if isinstance(value, Mapping) and value:
        yield from _mapping(entry, value, keys)
        return
    what = f"{'.'.join(keys)} must be a mapping with keys: the fleet sets other keys in it"
    yield entry.error("config/shape", ("config", *keys), what, "write the keys that you want, or leave it out")


def _refused(entry: Entry[Wizard], keys: Keys, what: str, instead: str) -> Problem:
    return entry.key_error("config/derived", ("config", *keys), what, f"take it out; use {instead}")
