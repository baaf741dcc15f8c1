"""Text of the settings of a host whose fleet is at Gitea. Pure. Not done here: writing it, reading settings."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ForgeSettings:
    """`token` and `webhook_secret` say where a secret is: ("file", path) or ("env", name). `ca_file` is "" for none."""

    source_url: str
    branch: str
    bind: str
    gitea_url: str
    repository: str
    token: tuple[str, str]
    webhook_secret: tuple[str, str]
    ca_file: str = ""


def forge_tables(wanted: ForgeSettings) -> str:
    """The tables [source], [web] and [gitea]."""
    token, certificates = _secret(wanted.token), f"ca_file = {_text(wanted.ca_file)}\n" if wanted.ca_file else ""
    return f"""\
[source]
url = {_text(wanted.source_url)}
branch = {_text(wanted.branch)}
token = {token}
{certificates}
[web]
bind = {_text(wanted.bind)}
webhook_secret = {_secret(wanted.webhook_secret)}

[gitea]
url = {_text(wanted.gitea_url)}
repository = {_text(wanted.repository)}
token = {token}
{certificates}"""


def forge_settings(host: str, wanted: ForgeSettings) -> str:
    """A whole settings file."""
    return (
        f"# Settings of one host; docs/settings.md tells of every key.\nhost = {_text(host)}\n\n{forge_tables(wanted)}"
    )


def _secret(source: tuple[str, str]) -> str:
    return f"{{{source[0]} = {_text(source[1])}}}"


def _text(text: str) -> str:
    """A basic string of TOML, which takes the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
