"""Names that sound secret, and what text under such a name is: an error, a warning, or nothing to speak of.

Two kinds of names. One that says it (`api_key`, `SMTP_PASSWORD`): even weak text under it is worth a warning. One that
may be about something else (`key`, `auth`, `MAX_TOKENS`): only text that looks random counts. Not done here: forms that
give a secret away under any name (shapes.py).
"""

from __future__ import annotations

import re

from reconciler.spec.likeness import holds_random, is_mixed, is_no_placeholder, stands_for_none
from reconciler.spec.position import Severity
from reconciler.spec.shapes import has_shape

_NUMBERED = r"(?:[_-]?[0-9]{1,3})?$"
_ENV_NAME = re.compile(
    r"(?:^|_)(?:(?:API)?(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PAT|PASSPHRASE|CREDENTIALS?)|(?<=_)PWD?)" + _NUMBERED,
    re.IGNORECASE,
)
_KEY_NAME = re.compile(
    r"(?:(?:^|[_-]|(?<=[a-z0-9]))(?:(?:api|private|secret|access)[_-]?key|token|secret|passw(?:or)?d|passphrase)"
    r"|(?:^|[_-])pw|[_-]pwd)" + _NUMBERED,
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"(?:passw(?:or)?d|passphrase)" + _NUMBERED, re.IGNORECASE)
_VAGUE = re.compile(
    r"(?:^|[_-]|(?<=[a-z0-9])(?=[A-Z]))(?<!(?i:public))(?<!(?i:public)[_-])"
    r"(?i:(?:api)?keys?|tokens|secrets|passwords|passwds|pats|auth|authorization|bearer|cookie|jwt|credentials?)"
    + _NUMBERED
)
_OPTION = re.compile(r"--?([A-Za-z][\w-]*)")
_PAIR = re.compile(r"-{0,2}([A-Za-z][\w-]*)(?:=|: ?)(\S+)")


def variable_judged(name: str, value: str) -> Severity | None:
    """What a variable with this text in Git is: an error, a warning, or nothing to speak of."""
    return _judged(name, value, says_it=bool(_ENV_NAME.search(name)))


def key_judged(name: str, value: str) -> Severity | None:
    """As `variable_judged`, for a key of a configuration file. A name in capitals is that of a variable, which the file
    sets for some program."""
    says_it = _KEY_NAME.search(name) or (name.isupper() and _ENV_NAME.search(name))
    return _judged(name, value, says_it=bool(says_it))


def argument_judged(before: object, value: str) -> Severity | None:
    """As `key_judged`, for an item of a list, such as the arguments of a program: `--api-key VALUE` in two items
    (`before` is the one before this one, if any), and `NAME=VALUE` or `Name: VALUE` in one."""
    option = _OPTION.fullmatch(before) if isinstance(before, str) else None
    if option and not value.startswith("-") and (severity := key_judged(option[1], value)):
        return severity
    pair = _PAIR.fullmatch(value)
    # A form that needs its name is told already, and can't be seen in the value alone.
    return key_judged(pair[1], pair[2]) if pair and not has_shape(value) else None


def _judged(name: str, value: str, *, says_it: bool) -> Severity | None:
    if not (says_it or _VAGUE.search(name)) or not value or stands_for_none(value) or has_shape(value):
        return None  # the form of a secret is told where it stands in the file
    if not says_it:
        return Severity.ERROR if holds_random(value) else None
    certain = is_mixed(value) or (_PASSWORD.search(name) and is_no_placeholder(value))
    return Severity.ERROR if certain else Severity.WARNING
