"""Secrets and variables: bot tokens that two wizards share, variables that would break a wizard's isolation, secrets
written into Git.

No message repeats a value. Not done here: whether a secret is there on the host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reconciler.spec.age import age_body, is_whole
from reconciler.spec.draft import Draft, Entry
from reconciler.spec.kinds import EnvValue, FromAge, FromEnv, FromFile, Generate, Model, Secret, Wizard
from reconciler.spec.likeness import is_no_variable
from reconciler.spec.plain_secrets import EXCUSE, RULE
from reconciler.spec.position import Problem
from reconciler.spec.secret_names import variable_judged
from reconciler.spec.secret_places import INSTEAD
from reconciler.spec.shapes import has_shape

TELEGRAM_TOKEN = "TELEGRAM_BOT_TOKEN"  # noqa: S105 - the name of a variable
_OURS = {
    "API_SERVER_": "use port and api_key of the wizard",
    "HERMES_HOME": "use home of the wizard",
    "HERMES_MANAGED": "declare the keys under config",
    "HERMES_GATEWAY_MAX_STARTS": "leave it out: the supervisor limits starts",
    "RECONCILER_": "leave it out: the reconciler marks its processes with such names",
    TELEGRAM_TOKEN: "use telegram: {token: ...} of the wizard, where two wizards can't share one by mistake",
    "OPENCLAW_STATE_DIR": "leave it out: it belongs to the Robe",
    "LD_": "leave it out: it would change every program that the wizard runs",
    "PYTHON": "leave it out: the wizard's codebase brings its own Python",
    "BASH_ENV": "leave it out: it would run in every shell of the wizard",
}
"""Beginnings of the names of variables that are not for `env`, and what to do instead."""
_EXACT = frozenset({"PATH", "HOME", "SHELL", "USER", "LOGNAME", "ENV", "IFS", "VIRTUAL_ENV", "TMPDIR"})
_CREDENTIALS = re.compile(r"^https?://[^/?#]*@")


def check_secrets(draft: Draft) -> Iterator[Problem]:
    yield from _telegram(draft)
    for wizard in draft.wizards.values():
        yield from _variables(wizard, wizard.record.env)
        yield from _reference(wizard, ("api_key",), wizard.record.api_key)
        if wizard.record.telegram:
            yield from _reference(wizard, ("telegram", "token"), wizard.record.telegram.token)
    for model in draft.models.values():
        yield from _variables(model, model.record.env)
        if _has_credentials(model.record.base_url or ""):
            what = "base_url holds a user name or password"
            yield model.error(RULE, ("base_url",), what, "put the key under env, as {env: NAME} or {age: ...}")


def _telegram(draft: Draft) -> Iterator[Problem]:
    first: dict[tuple[str, str], Entry[Wizard]] = {}
    for entry in draft.wizards.values():
        if entry.record.telegram is None:
            continue
        source = _source(entry.record.telegram.token)
        if source is None:
            mend = "take the token that BotFather gave you: {env: NAME}, {file: /path} or {age: ...}"
            yield entry.error("telegram/generated", ("telegram", "token"), "a bot token can't be generated", mend)
            continue
        other = first.setdefault(source, entry)
        if other is not entry:
            yield _shared(draft, entry, other)


def _shared(draft: Draft, entry: Entry[Wizard], other: Entry[Wizard]) -> Problem:
    path = ("telegram", "token")
    place = f"wizard {other.record.name} at {other.at(*path)}"
    if draft.host_of(entry.record) == draft.host_of(other.record):
        what = f"wizard {entry.record.name} has the Telegram token of {place}"
        return entry.error("telegram/shared", path, what, "give each wizard a bot of its own")
    what = f"wizard {entry.record.name} finds its Telegram token where {place} does, on another host"
    return entry.warning("telegram/shared", path, what, "make sure that the two hosts hold different tokens")


def _source(secret: Secret) -> tuple[str, str] | None:
    match secret:
        case Generate():
            return None
        case FromEnv(env=name):
            return ("env", name)
        case FromFile(file=path):
            return ("file", path)
        case FromAge(age=value):
            return ("age", age_body(value))


def _has_credentials(address: str) -> bool:
    """Those that have the form of a password are told already."""
    return bool(_CREDENTIALS.match(address)) and not has_shape(address)


def _reference(entry: Entry[Wizard] | Entry[Model], path: tuple[str, ...], value: EnvValue) -> Iterator[Problem]:
    if isinstance(value, FromAge) and not is_whole(value.age):
        what = "this encrypted value is not whole: a piece was lost or changed on its way here"
        yield entry.error("secret/age", (*path, "age"), what, "encrypt it again with `reconciler secret encrypt`")
    if isinstance(value, FromEnv) and is_no_variable(value.env) and not has_shape(value.env):
        what = "this name of a variable looks like a secret itself, and stands in Git as text"
        mend = f"name the variable that holds it, or put {{age: ...}} there; {EXCUSE}"
        yield entry.error(RULE, (*path, "env"), what, mend)


def _variables(entry: Entry[Wizard] | Entry[Model], env: Mapping[str, EnvValue]) -> Iterator[Problem]:
    for name, value in env.items():
        mend = _forbidden(name)
        if mend:
            what = f"{name} can't be set under env: it would break the isolation of the wizard"
            yield entry.key_error("env/forbidden", ("env", name), what, mend)
        elif isinstance(value, str):
            yield from _literal(entry, name, value)
        else:
            yield from _reference(entry, ("env", name), value)


def _forbidden(name: str) -> str:
    if name in _EXACT:
        return "leave it out: the reconciler sets what the wizard needs"
    return next((mend for start, mend in _OURS.items() if name.startswith(start)), "")


def _literal(entry: Entry[Wizard] | Entry[Model], name: str, value: str) -> Iterator[Problem]:
    if "\n" in value:
        what = f"the value of {name} has more than one line, which a .env file can't hold"
        yield entry.error("env/value", ("env", name), what, "write it in one line")
    elif severity := variable_judged(name, value):
        what = f"{name} looks like a secret, and stands in Git as text"
        yield Problem(entry.at("env", name), what, f"{INSTEAD}; {EXCUSE}", severity, RULE)
