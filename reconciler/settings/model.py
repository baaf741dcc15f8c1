"""The tables and keys of the settings file, with their types and defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from reconciler.settings.values import (
    address,
    anchored_path,
    anchored_url,
    as_tuple,
    duration,
    host_name,
    known_runtime,
    loopback,
    no_plain_secret,
    repository_in,
    repository_name,
    status_context,
    variable_name,
    web_url,
)


@dataclass(frozen=True, slots=True)
class Anchored:
    """Marks a key that may be relative to the file it stands in; the loader resolves it before the model sees it."""

    resolve: Callable[[str, Path | None], str]


def _as_path(value: object) -> object:
    return Path(value) if isinstance(value, str) else value


Place = Annotated[Path, BeforeValidator(_as_path)]
AT_FILE = Anchored(anchored_path)
Duration = Annotated[float, BeforeValidator(duration)]
"""Seconds; written as "60s", "5m", "1h"."""
Text = Annotated[str, Field(min_length=1)]
HostName = Annotated[str, AfterValidator(host_name)]


class Table(BaseModel):
    """Base of all tables: an unknown key is an error, nothing is converted in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class SecretSource(Table):
    """Where a secret is found on this host: exactly one of the two."""

    file: Annotated[Place | None, AT_FILE] = None
    env: Annotated[str, AfterValidator(variable_name)] | None = None

    @model_validator(mode="after")
    def _one(self) -> SecretSource:
        if (self.file is None) == (self.env is None):
            raise ValueError('needs exactly one of file and env, such as {file = "/etc/reconciler/token"}')
        return self


class SourceSettings(Table):
    """[source]: the Git repository that holds the fleet."""

    url: Annotated[Text, Anchored(anchored_url)]
    """https, http, ssh, git or file address, git@host:path, or a local path."""
    branch: Text = "main"
    folder: Text = "fleet"
    """Folder of the repository that holds the fleet; "." is the whole repository."""
    poll: Duration = 60.0
    """How often the remote is asked when nothing else wakes us."""
    force_push: Literal["refuse", "follow"] = "refuse"
    """What to do when the branch no longer contains the last commit we took: stay on that one and say so, or follow."""
    signed: Literal["ssh", "gpg"] | None = None
    """Use only commits that an allowed key has signed, with ssh or with gpg; when left out, whatever the branch has."""
    allowed_signers: Annotated[Place | None, AT_FILE] = None
    """For signed = "ssh": the file of allowed signers, as ssh-keygen(1) describes it."""
    allowed_keys: Annotated[Place | None, AT_FILE] = None
    """For signed = "gpg": public keys that may sign, as `gpg --export --armor` writes them."""
    token: Annotated[SecretSource | None, BeforeValidator(no_plain_secret)] = None
    """Access token for http and https."""
    ssh_key: Annotated[Place | None, AT_FILE] = None
    """Private key file for ssh."""
    ca_file: Annotated[Place | None, AT_FILE] = None
    """Certificates to trust for https, where the system's do not do."""

    @model_validator(mode="after")
    def _keys(self) -> SourceSettings:
        wanted = {"ssh": "allowed_signers", "gpg": "allowed_keys"}
        for kind, name in wanted.items():
            given = getattr(self, name) is not None
            if given and self.signed != kind:
                raise ValueError(f'has {name}, which counts only with signed = "{kind}"')
            if self.signed == kind and not given:
                raise ValueError(f'has signed = "{kind}", and so needs {name}: the file of the keys that may sign')
        return self

    @property
    def signing_keys(self) -> Path | None:
        """The file of the keys that may sign; None when signatures are not asked for."""
        return self.allowed_signers if self.signed == "ssh" else self.allowed_keys


class ApplySettings(Table):
    """[apply]: how a pass works."""

    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    """Wizards that are changed at the same time."""
    gate_hold: Duration = 10.0
    """How long a changed wizard has to stay healthy to pass its gate."""
    gate_limit: Duration = 120.0
    """How long it may take to get there."""
    soak: Duration = 30.0
    """How long a canary must hold after its gate before another wizard follows."""
    reread: Duration = 86400.0
    """How often every file is read again although its stat says that it did not change."""
    drift: Duration = 30.0
    """How often the host is looked at again when nothing else wakes the daemon; the remote is not asked then."""

    @model_validator(mode="after")
    def _reachable(self) -> ApplySettings:
        if self.gate_limit <= self.gate_hold:
            raise ValueError("gate_limit must be longer than gate_hold, or no gate could ever be passed")
        return self


class StatusSettings(Table):
    """[status]: what is written to the ref status/<host>."""

    publish: bool = True
    heartbeat: Duration = 3600.0
    """How often it is written although nothing changed."""


class WebSettings(Table):
    """[web]: the daemon's webhook, API and dashboard."""

    enabled: bool = True
    bind: Annotated[str, AfterValidator(address)] = "127.0.0.1:9090"
    """Address and port to listen on. Beyond loopback a token is required, for reading as well."""
    url: Annotated[str, AfterValidator(web_url)] | None = None
    """How people reach the dashboard, for links in Gitea; when left out, links lead to the status branch."""
    hosts: Annotated[tuple[HostName, ...], BeforeValidator(as_tuple), Field(max_length=20)] = ()
    """Host names that requests may carry besides loopback's, the bind address and that of `url`; others are refused."""
    token: Annotated[SecretSource | None, BeforeValidator(no_plain_secret)] = None
    """What has to be shown for anything that changes state; without it nothing can be changed over the web."""
    webhook_secret: Annotated[SecretSource | None, BeforeValidator(no_plain_secret)] = None
    """What Gitea signs its deliveries with; without it every delivery is refused."""
    insecure_webhooks: bool = False
    """Take deliveries without a signature. For a closed network only."""

    @model_validator(mode="after")
    def _guarded(self) -> WebSettings:
        if self.enabled and self.token is None and not loopback(self.bind):
            raise ValueError(f"binds {self.bind}, which others can reach, and so needs a token")
        if self.insecure_webhooks and self.webhook_secret is not None:
            raise ValueError("has a webhook_secret and insecure_webhooks; take one of them out")
        return self


class GiteaSettings(Table):
    """[gitea]: where pull requests are previewed and commits get a status. Works with Forgejo too."""

    url: Annotated[str, AfterValidator(web_url)]
    """Address of the server, such as http://127.0.0.1:3000."""
    repository: Annotated[str, AfterValidator(repository_name)] | None = None
    """owner/name; when left out, the end of source.url (`Settings.gitea_repository`)."""
    token: Annotated[SecretSource, BeforeValidator(no_plain_secret)]
    """Access token with read and write for repository and issue, and read for user."""
    context: Annotated[str, AfterValidator(status_context)] = "reconciler"
    """Beginning of the commit statuses: reconciler/plan and reconciler/apply. Hosts that share a repository need one
    each, or they speak over each other."""
    ca_file: Annotated[Place | None, AT_FILE] = None
    """Certificates to trust for https, where the system's do not do."""


class NotifySettings(Table):
    """[notify]: who is told when a wizard fails and recovers."""

    to: Annotated[
        tuple[Annotated[SecretSource, BeforeValidator(no_plain_secret)], ...],
        BeforeValidator(as_tuple),
        Field(max_length=20),
    ] = ()
    """Addresses as Apprise writes them (https://github.com/caronc/apprise/wiki); each is a secret."""
    repeat: Duration = 3600.0
    """How often an unmended failure is told again."""


class LogSettings(Table):
    """[log]: what the daemon writes to stderr."""

    format: Literal["text", "json"] = "text"
    level: Literal["detail", "info", "warning", "error"] = "info"


class Settings(Table):
    """All settings of this host. Durations are seconds, paths absolute."""

    host: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
    """Which of the fleet's hosts this is."""
    root: Annotated[Place | None, AT_FILE] = None
    """Folder of the wizards; overrides the host's root in the fleet."""
    state: Annotated[Place, AT_FILE] = Path("/var/lib/reconciler")
    """Our own folder: ledger, lock, secrets, mirror of the repository."""
    runtime: Annotated[Literal["supervisord"], BeforeValidator(known_runtime)] = "supervisord"
    source: SourceSettings
    apply: ApplySettings = ApplySettings()
    status: StatusSettings = StatusSettings()
    web: WebSettings = WebSettings()
    gitea: GiteaSettings | None = None
    notify: NotifySettings = NotifySettings()
    log: LogSettings = LogSettings()

    _origin: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _named(self) -> Settings:
        if self.gitea is not None and self.gitea_repository is None:
            raise ValueError('gitea.repository is required: source.url does not end in it; such as "sovereign/fleet"')
        return self

    @property
    def gitea_repository(self) -> str | None:
        """owner/name of the fleet's repository at Gitea; None only without [gitea]."""
        return (self.gitea.repository or repository_in(self.source.url)) if self.gitea else None

    @property
    def origin(self) -> str:
        """Where they were read, for messages: a path, or "the environment"."""
        return self._origin
