"""Where a Git remote is and how to reach it: its URL without credentials, and the environment that carries them.

Credentials travel in the environment of the child `git` alone (GIT_CONFIG_COUNT, GIT_SSH_COMMAND): never in argv, in
the URL, in a configuration file or in an error. Credential helpers and the operator's own configuration are ignored on
purpose: a daemon must behave the same whoever starts it. A ~/.netrc and ssh's own configuration still count.
Not done here: running git (git_repo.py).
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from reconciler.errors import Terminal

_SCHEMES = {"http", "https", "ssh", "git", "file"}
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
_SCP_LIKE = re.compile(r"(?:[A-Za-z0-9._-]+@)?(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]):[^:].*")
_EXAMPLE = "write it as https://host/owner/repo.git, ssh://git@host/owner/repo.git, git@host:owner/repo.git or /path"


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a remote. `token` (http and https) is asked for at each contact, so that a rotated one is taken up.
    A contact is killed after `seconds`; the first one, which brings the whole history, after `first_seconds`."""

    token: Callable[[], str] | None = None
    ssh_key: Path | None = None
    ca_file: Path | None = None
    seconds: float = 30.0
    first_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Remote:
    """A checked remote. `url` holds no credentials and is safe to show."""

    url: str
    access: Access
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def secrets(self) -> tuple[str, ...]:
        """User name and secret of the Authorization header; empty without credentials."""
        token = self.access.token().strip() if self.access.token and self.url.startswith("http") else ""
        if token:
            return (self.user or "x-access-token", token)
        return (self.user, self.password) if self.user else ()

    def configuration(self, secrets: tuple[str, ...]) -> Mapping[str, str]:
        """Git settings of a contact, for the environment."""
        settings = {
            "http.lowSpeedLimit": "1",
            "http.lowSpeedTime": str(max(1, round(self.access.seconds))),
            "http.followRedirects": "initial",
        }
        if self.access.ca_file:
            settings["http.sslCAInfo"] = str(self.access.ca_file)
        if secrets:
            origin = "/".join(self.url.split("/")[:3])
            settings[f"http.{origin}/.extraHeader"] = f"Authorization: Basic {_basic(secrets)}"
            # The header would follow a redirect to whoever the redirect names.
            settings["http.followRedirects"] = "false"
        return settings

    def ssh_command(self) -> str:
        """What git starts for ssh; it never asks and never leaves a master connection behind that holds our pipes."""
        argv = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=10"]
        argv += ["-o", "ControlMaster=no"]
        if self.access.ssh_key:
            argv += ["-o", "IdentitiesOnly=yes", "-i", str(self.access.ssh_key)]
        return shlex.join(argv)


def parse_remote(url: str, access: Access, where: str = "source.url") -> Remote:
    """The remote that `where` names. Terminal for anything that git could take for an option or for a program."""
    shown = redact(url)
    if not url or re.search(r"[\x00-\x20\x7f]", url) or url.startswith("-"):
        raise Terminal(f"{shown!r} is not the address of a repository", where=where, mend=_EXAMPLE)
    if url.startswith("/"):
        return Remote(url, access)
    if "://" in url:
        return _with_scheme(url, shown, access, where)
    if _SCP_LIKE.fullmatch(url) and "::" not in url.partition("]")[2]:
        return Remote(url, access)
    raise Terminal(f"{shown!r} is not the address of a repository", where=where, mend=_EXAMPLE)


def _with_scheme(url: str, shown: str, access: Access, where: str) -> Remote:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise Terminal(f"{shown!r} can't be read: {error}", where=where, mend=_EXAMPLE) from error
    if parts.scheme not in _SCHEMES or (parts.scheme != "file" and not host) or host.startswith("-"):
        raise Terminal(f"{shown!r} is not the address of a repository", where=where, mend=_EXAMPLE)
    if parts.scheme in {"http", "https"}:
        return _without_userinfo(parts, access)
    if parts.password:
        mend = "ssh, git and file take no password: use a key (source.ssh_key) and leave the password out"
        raise Terminal(f"{shown!r} holds a password", where=where, mend=mend)
    return Remote(url, access)


def _without_userinfo(parts: SplitResult, access: Access) -> Remote:
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return Remote(bare, access, unquote(parts.username or ""), unquote(parts.password or ""))


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """The text without the userinfo of URLs and without these credentials."""
    if len(secrets) == 2:
        user, secret = secrets
        hidden = [_basic(secrets), secret] if secret else [_basic(secrets), user]
        for word in hidden:
            text = text.replace(word, "***")
    return _USERINFO.sub("***@", text)


def _basic(secrets: tuple[str, ...]) -> str:
    return base64.b64encode(":".join(secrets).encode()).decode()
