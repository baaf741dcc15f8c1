"""Where and with what `reconciler init --gitea` sets up: options first, then this host's settings, then defaults.

Not done here: changing anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from reconciler.cli.session import Session

if TYPE_CHECKING:
    from reconciler.settings import SecretSource, Settings
    from reconciler.spec.forge_settings import ForgeSettings

TOKEN = "GITEA_TOKEN"  # noqa: S105 - the name of a variable
SECRET_FILE = "/etc/reconciler/webhook-secret"  # noqa: S105 - a path
BIND = "127.0.0.1:9090"
WEBHOOK = "/webhook/gitea"


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command; None for what was left out. `folder` is where a clone is wanted."""

    gitea: str
    repository: str | None
    branch: str | None
    token_file: str | None
    secret_file: str | None
    webhook_url: str | None
    ca_file: str | None
    protect: bool
    folder: Path | None
    host: str
    wizard: str


@dataclass(frozen=True, slots=True)
class Place:
    """`file` is the settings file, `settings` what it says, None when there is none."""

    file: Path
    settings: Settings | None
    gitea: str
    repository: str
    branch: str
    bind: str
    webhook: str
    token: SecretSource
    secret: SecretSource
    ca_file: Path | None

    @property
    def source(self) -> str:
        """The address that Git is reached at."""
        return f"{self.gitea}/{self.repository}.git"

    def wanted(self) -> ForgeSettings:
        """What this host's settings should say."""
        from reconciler.spec.forge_settings import ForgeSettings

        return ForgeSettings(
            source_url=self.source,
            branch=self.branch,
            bind=self.bind,
            gitea_url=self.gitea,
            repository=self.repository,
            token=_words(self.token),
            webhook_secret=_words(self.secret),
            ca_file=str(self.ca_file or ""),
        )

    def differences(self) -> tuple[str, ...]:
        """Keys of the settings that do not say what was set up."""
        if self.settings is None:
            return ()
        gitea, web, source = self.settings.gitea, self.settings.web, self.settings.source
        same = {
            "source.url": source.url.removesuffix(".git") == self.source.removesuffix(".git"),
            "source.branch": source.branch == self.branch,
            "web.webhook_secret": web.webhook_secret == self.secret,
            "gitea.url": gitea is not None and gitea.url == self.gitea,
            "gitea.repository": self.settings.gitea_repository == self.repository,
            "gitea.token": gitea is not None,
        }
        return tuple(key for key, is_same in same.items() if not is_same)


def place_of(session: Session, asked: Asked) -> Place:
    """Raises UsageError for an option that is wrong or missing, Terminal for settings that are."""
    from reconciler import compose
    from reconciler.settings.layers import CONFIG
    from reconciler.settings.load import DEFAULT_FILE

    if asked.folder and asked.folder.is_dir() and any(asked.folder.iterdir()) and not (asked.folder / ".git").exists():
        raise click.UsageError(
            f"{asked.folder} holds files that are no clone; name a new folder for the clone, or none"
        )
    file = Path(session.config or session.environ.get(CONFIG) or DEFAULT_FILE).absolute()
    settings = compose.load(str(file), session.environ) if file.exists() else None
    gitea = _server(asked.gitea)
    return Place(
        file=file,
        settings=settings,
        gitea=gitea,
        repository=_repository(asked, settings),
        branch=asked.branch or (settings.source.branch if settings else "main"),
        bind=settings.web.bind if settings else BIND,
        webhook=_webhook(asked.webhook_url, gitea, settings),
        token=_token(session, asked, settings),
        secret=_secret(asked, settings),
        ca_file=_ca_file(asked, settings),
    )


def _server(url: str) -> str:
    from reconciler.settings.values import web_url

    try:
        return web_url(url)
    except ValueError as error:
        raise click.UsageError(f"--gitea {error}") from error


def _repository(asked: Asked, settings: Settings | None) -> str:
    from reconciler.settings.values import repository_name

    found = asked.repository or (settings.gitea_repository if settings else None)
    if found is None:
        raise click.UsageError("--gitea needs --repo OWNER/NAME")
    try:
        return repository_name(found)
    except ValueError as error:
        raise click.UsageError(f"--repo {error}") from error


def _token(session: Session, asked: Asked, settings: Settings | None) -> SecretSource:
    from reconciler.settings import SecretSource

    if asked.token_file:
        return SecretSource(file=Path(asked.token_file).absolute())
    if settings is not None and settings.gitea is not None:
        return settings.gitea.token
    if session.environ.get(TOKEN):
        return SecretSource(env=TOKEN)
    raise click.UsageError(
        f"--gitea needs an access token: name a file that holds it with --token-file, or set {TOKEN}"
    )


def _secret(asked: Asked, settings: Settings | None) -> SecretSource:
    from reconciler.settings import SecretSource

    if asked.secret_file:
        return SecretSource(file=Path(asked.secret_file).absolute())
    if settings is not None and settings.web.webhook_secret is not None:
        return settings.web.webhook_secret
    return SecretSource(file=Path(SECRET_FILE))


def needs_allowing(webhook: str) -> bool:
    """Whether Gitea refuses to deliver to the address unless its own settings allow it."""
    host = urlsplit(webhook).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_private
    except ValueError:
        return False


def _ca_file(asked: Asked, settings: Settings | None) -> Path | None:
    if asked.ca_file:
        return Path(asked.ca_file).absolute()
    return settings.gitea.ca_file if settings and settings.gitea else None


def _webhook(given: str | None, gitea: str, settings: Settings | None) -> str:
    """Where Gitea reaches the daemon. Only a Gitea on this host reaches an address of loopback."""
    from reconciler.settings.values import loopback, web_url

    if given:
        try:
            address = web_url(given)
        except ValueError as error:
            raise click.UsageError(f"--webhook-url {error}") from error
        return address if urlsplit(address).path else address + WEBHOOK
    if settings is not None and settings.web.url:
        return settings.web.url + WEBHOOK
    bind = settings.web.bind if settings else BIND
    if not loopback(bind) or not _is_here(gitea):
        raise click.UsageError(
            "--gitea needs --webhook-url: the address at which Gitea reaches the daemon on this host"
        )
    return f"http://{bind}{WEBHOOK}"


def _is_here(url: str) -> bool:
    from reconciler.settings.values import loopback

    host = urlsplit(url).hostname or ""
    try:
        return loopback(f"[{host}]:1" if ":" in host else f"{host}:1")
    except ValueError:
        return False


def _words(source: SecretSource) -> tuple[str, str]:
    return ("file", str(source.file)) if source.file else ("env", source.env or "")
