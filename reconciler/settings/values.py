"""Values of settings as people write them: durations, places, secrets by reference.

Each function raises ValueError with a sentence that can follow the name of the key. None repeats a value that could be
a secret.
"""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

CONTEXT = re.compile(r"(?=.{1,100}$)[\w.-]+(/[\w.-]+)*", re.ASCII)
DURATION = re.compile(r"(?P<count>\d{1,9}(?:\.\d{1,6})?)(?P<unit>ms|s|m|h|d)", re.ASCII)
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST = 366 * 86400.0
SCHEMES = ("https", "http", "ssh", "git", "file")
SCP_LIKE = re.compile(r"(?:[\w.-]+@)?(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):[^:].*", re.ASCII)
PROGRAM = re.compile(r"\w+::", re.ASCII)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
REPOSITORY = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*/[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*")
LATER = {"systemd": "comes with a later version; leave it at supervisord"}


def duration(value: object) -> float:
    """Seconds of "500ms", "60s", "5m", "1h" or "1d"; zero would spin, so it is refused."""
    found = DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError('must be a number with its unit (ms, s, m, h or d) in quotes, such as "60s"')
    seconds = float(found["count"]) * SECONDS[found["unit"]]
    if not 0 < seconds <= LONGEST:
        raise ValueError("must be longer than zero and at most 366d")
    return seconds


def known_runtime(value: object) -> object:
    if isinstance(value, str) and value in LATER:
        raise ValueError(f"{value} {LATER[value]}")
    return value


def no_plain_secret(value: object) -> object:
    if isinstance(value, str):
        how = '{file = "/etc/reconciler/token"} or {env = "NAME"}'
        problem = f"must say where the secret is, never hold it: {how}"
        raise ValueError(problem)  # noqa: TRY004 - pydantic collects ValueError alone
    return value


def as_tuple(value: object) -> object:
    """A list of the file as the tuple that a frozen table may hold."""
    return tuple(value) if isinstance(value, list) else value


def variable_name(text: str) -> str:
    if not VARIABLE.fullmatch(text):
        raise ValueError('must be the name of a variable that holds the secret, such as "GITEA_TOKEN"')
    return text


def host_name(text: str) -> str:
    """The name or address in lower case; an IPv6 address has no brackets."""
    found = text.lower()
    if not HOST.fullmatch(found):
        try:
            found = str(ip_address(found.removeprefix("[").removesuffix("]")))
        except ValueError:
            raise ValueError('must be a name such as "fleet.example", without scheme, port and path') from None
    return found


def repository_name(text: str) -> str:
    if not REPOSITORY.fullmatch(text):
        raise ValueError('must be written as owner/name, such as "sovereign/fleet"')
    return text


def status_context(text: str) -> str:
    if not CONTEXT.fullmatch(text):
        raise ValueError('must be words joined by slashes, at most 100 characters, such as "reconciler/vps-1"')
    return text


def repository_in(url: str) -> str | None:
    """owner/name at the end of a remote's address; None for a local path and for an address that has none."""
    scheme, separator, rest = url.partition("://")
    if separator:
        path = rest.partition("/")[2] if scheme != "file" else ""
    else:
        path = url.rpartition(":")[2] if SCP_LIKE.fullmatch(url) else ""
    found = "/".join(path.rstrip("/").removesuffix(".git").split("/")[-2:])
    return found if REPOSITORY.fullmatch(found) else None


def address(text: str) -> str:
    """Host and port of "127.0.0.1:9090" or "[::1]:9090"; the host is an address, or "localhost"."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65536:
        raise ValueError('must be an address with its port, such as "127.0.0.1:9090"')
    if host != "localhost":
        try:
            found = ip_address(host.removeprefix("[").removesuffix("]"))
        except ValueError:
            raise ValueError('must begin with an IP address or localhost, such as "127.0.0.1:9090"') from None
        if (found.version == 6) != (host[:1] == "["):
            raise ValueError('must hold an IPv6 address in brackets, such as "[::1]:9090"')
    return text


def loopback(bind: str) -> bool:
    """Whether only this machine can reach the address, which `address` has checked."""
    host = bind.rpartition(":")[0].removeprefix("[").removesuffix("]")
    return host == "localhost" or ip_address(host).is_loopback


def web_url(text: str) -> str:
    """An http or https address without its last slash."""
    found = urlsplit(text)
    if found.scheme not in ("http", "https") or not found.hostname or found.query or found.fragment:
        raise ValueError('must be an address such as "https://gitea.example"')
    if found.username or found.password:
        raise ValueError("must not hold a user or password")
    return text.rstrip("/")


def anchored_path(text: str, base: Path | None) -> str:
    """The absolute path; a relative one counts from `base`, the settings file's folder."""
    if not text or "\0" in text:
        raise ValueError("must be a path")
    if text.startswith("~"):
        raise ValueError("must be written in full; ~ is not expanded")
    if base is None and not Path(text).is_absolute():
        raise ValueError("must be an absolute path")
    return os.path.normpath((base or Path("/")) / text)


def anchored_url(text: str, base: Path | None) -> str:
    """The address of a Git remote; a local path is made absolute. Whether Git takes it is the source's business."""
    scheme, separator, rest = text.partition("://")
    if PROGRAM.match(text):
        raise ValueError("must be an address; remotes that name a program are refused")
    if not separator:
        return text if SCP_LIKE.fullmatch(text) else anchored_path(text, base)
    if scheme not in SCHEMES:
        raise ValueError(f"must start with one of {', '.join(f'{name}://' for name in SCHEMES)}")
    user, at, _ = rest.split("/", 1)[0].rpartition("@")
    if at and (":" in user or scheme in ("http", "https")):
        raise ValueError("must not hold a user or password; say where the token is with source.token")
    return text
