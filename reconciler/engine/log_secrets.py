"""Masks secrets in a wizard's log, as far as anybody can know of them.

What we put there and what the agent keeps itself stands in its .env and config.yaml, and is looked up there; and what
looks like a credential is masked wherever it comes from. Not done here: reading the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from reconciler.engine.host import Host

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
