"""The end of a wizard's log, with every secret that we can know of masked.

Ours are known to the secrets of the host; what the agent keeps in its own .env and config.yaml is looked up there; and
what looks like a credential is masked wherever it comes from. Not done here: following a log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.engine.board import View
from reconciler.engine.host import Host
from reconciler.errors import ReconcilerError
from reconciler.plan.resource import Process
from reconciler.render.safe import plain, shorten

MASK = "***"
LINE = 600
_SHORTEST = 6
_FILE_LINES = 2000
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\^_])")
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
class LogView:
    """`trouble` says why there is nothing to show."""

    path: str
    lines: tuple[str, ...]
    trouble: str = ""


def log_view(host: Host, view: View, wizard: str, lines: int) -> LogView:
    body = _body(view, wizard)
    if body is None:
        return LogView("", (), "This wizard has no process yet.")
    try:
        text = host.files.tail(body.log, lines)
        secrets = sorted(set(_kept(host, body)), key=len, reverse=True)
    except ReconcilerError as error:
        return LogView(body.log, (), str(error))
    text = masked(host.secrets.redact(text), secrets)
    shown = tuple(shorten(plain(_ESCAPE.sub("", line).expandtabs(4)), LINE) for line in text.splitlines())
    return LogView(body.log, shown, "" if shown else "It is empty.")


def masked(text: str, secrets: list[str]) -> str:
    """Longest first, so that a secret inside another one does not leave the rest of it standing."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    for pattern in _CREDENTIALS:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


def _body(view: View, wizard: str) -> Process | None:
    """The process as it was last started; else as it is wanted."""
    if view.seen is None:
        return None
    key = f"wizard/{wizard}/body"
    held = view.seen.records.held.get(key)
    if held is not None and isinstance(held.resource, Process):
        return held.resource
    found = (r for r in view.seen.desired.resources if r.key == key)
    return next((r for r in found if isinstance(r, Process)), None)


def _kept(host: Host, body: Process) -> Iterator[str]:
    """Secrets in the wizard's own files, whoever wrote them. Every value of .env counts as one."""
    for line in host.files.tail(f"{body.home}/.env", _FILE_LINES).splitlines():
        if (found := _SETTING.match(line)) and len(found[2]) >= _SHORTEST:
            yield found[2]
    for line in host.files.tail(f"{body.home}/config.yaml", _FILE_LINES).splitlines():
        found = _SETTING.match(line)
        if found and _SECRET_NAME.search(found[1]) and len(found[2]) >= _SHORTEST:
            yield found[2]
