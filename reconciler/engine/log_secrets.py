"""Where a wizard's log is, and masking of the secrets in it, as far as anybody can know of them.

What we put there and what the agent keeps itself stands in its .env and config.yaml, and is looked up there; and what
looks like a credential is masked wherever it comes from. Not done here: reading the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from reconciler.engine.host import Host
from reconciler.plan.held import Records
from reconciler.plan.resource import Process, Resource
from reconciler.plan.retire import body_key

MASK = "***"
_SHORTEST = 6
_FILE_LINES = 2000
_SETTING = re.compile(r"""^\s*(?:export\s+)?["']?([\w.-]+)["']?\s*[:=]\s*["']?(.*?)["']?\s*$""")
_SECRET_NAME = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)
_CREDENTIALS = (
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"),
    re.compile(
        r"(?i)(\b[\w-]*(?:api[_-]?key|token|secret|passw(?:or)?d|credential)[\w-]*[\"']?\s*[:=]\s*[\"']?)[^\s\"',;}]{4,}"
    ),
    re.compile(r"()\b(?:sk|pk|ghp|gho|ghs|glpat|xox[abp]|AKIA)[-_A-Za-z0-9]{12,}"),
    re.compile(r"()\b\d{8,12}:[\w-]{30,}"),
    re.compile(r"(://[^/\s:@]+:)[^/\s@]+(?=@)"),
)


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Absolute paths of the log, and of the Hermes home whose files tell its secrets."""

    log: str
    home: str


def log_place(records: Records, wanted: Iterable[Resource], wizard: str) -> LogPlace | None:
    """Of the process as it was last started, which is in the attic for a removed wizard; else as it is wanted."""
    key = body_key(wizard)
    entry, stored = records.held.get(key), records.attic.get(wizard)
    if entry is not None and isinstance(entry.resource, Process):
        log, home = entry.resource.log, entry.resource.home
        if stored:
            log, home = (stored.path + path.removeprefix(stored.original) for path in (log, home))
        return LogPlace(log, home)
    body = next((r for r in wanted if isinstance(r, Process) and r.key == key), None)
    return LogPlace(body.log, body.home) if body else None


def masking(host: Host, home: str) -> Callable[[str], str]:
    """What masks the text of the log of the wizard with this Hermes home. Raises what reading its files raises."""
    secrets = sorted(set(_kept(host, home)), key=len, reverse=True)
    return lambda text: masked(host.secrets.redact(text), secrets)


def masked(text: str, secrets: list[str]) -> str:
    """Longest first, so that a secret inside another one does not leave the rest of it standing."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    for pattern in _CREDENTIALS:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


def _kept(host: Host, home: str) -> Iterator[str]:
    """Secrets in the wizard's own files, whoever wrote them. Every value of .env counts as one."""
    for line in host.files.tail(f"{home}/.env", _FILE_LINES).splitlines():
        if (found := _SETTING.match(line)) and len(found[2]) >= _SHORTEST:
            yield found[2]
    for line in host.files.tail(f"{home}/config.yaml", _FILE_LINES).splitlines():
        found = _SETTING.match(line)
        if found and _SECRET_NAME.search(found[1]) and len(found[2]) >= _SHORTEST:
            yield found[2]
