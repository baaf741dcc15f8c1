"""Binds what `reconciler init` and the hooks of Git repositories need: a forge, a first commit, files of this host.

Not done here: a host and its reconciler (host.py), in which order things are set up (engine/set_up.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import Terminal

if TYPE_CHECKING:
    from reconciler.adapters.git_brought import Brought
    from reconciler.engine.set_up import Step, Wanted
    from reconciler.protocols.set_up import GitHooks
    from reconciler.settings import SecretSource, Settings
    from reconciler.spec.contents import Contents


@dataclass(frozen=True, slots=True)
class Forge:
    """Which server, and how to get in. `who` signs the first commit."""

    url: str
    token: SecretSource
    ca_file: Path | None
    who: str


def clone_url(server: str, repository: str) -> str:
    """Where Gitea serves the repository over http and https."""
    return f"{server}/{repository}.git"


def set_up_forge(
    forge: Forge, wanted: Wanted, webhook_secret: SecretSource, environ: Mapping[str, str]
) -> Iterator[Step]:
    """See `engine.set_up.set_up`."""
    from reconciler.adapters.git_first_commit import GitFirstCommit
    from reconciler.adapters.git_remote import Access
    from reconciler.adapters.gitea_client import GiteaClient
    from reconciler.adapters.gitea_setup import GiteaSetup
    from reconciler.adapters.webhook_secret import WebhookSecretFile, WebhookSecretGiven
    from reconciler.engine.set_up import set_up

    token = secret_of(forge.token, environ, "the token of Gitea")
    token()
    client = GiteaClient(forge.url, token, forge.ca_file)
    git = GitFirstCommit(clone_url(forge.url, wanted.repository), Access(token=token, ca_file=forge.ca_file), forge.who)
    if webhook_secret.file:
        return set_up(wanted, GiteaSetup(client, wanted.repository), git, WebhookSecretFile(webhook_secret.file))
    given = secret_of(webhook_secret, environ, "the secret of the webhook")()
    return set_up(wanted, GiteaSetup(client, wanted.repository), git, WebhookSecretGiven(given))


def secret_of(source: SecretSource, environ: Mapping[str, str], what: str) -> Callable[[], str]:
    """Reads a secret of the settings at each call, and writes nothing: hooks run as somebody else than the daemon.

    What it returns raises Terminal when there is no secret.
    """
    from reconciler.adapters.secret_text import MissingError, SecretFiles, checked

    def read() -> str:
        try:
            if source.file:
                return SecretFiles().read(str(source.file), f"write {what} into it, and chmod 600 it") or ""
            mend = f"set it to {what}"
            return checked(environ.get(source.env or "", ""), f"the variable {source.env}", mend)
        except MissingError as error:
            raise Terminal(f"{what} is missing: {error}") from error

    return read


def git_dir(path: Path) -> Path:
    """The Git repository that the path is, or is in. Raises Terminal when there is none."""
    from reconciler.adapters.git_hooks import git_dir_of

    return git_dir_of(path)


def read_revision(git_dir: Path, revision: str, folder: str, environ: Mapping[str, str]) -> Contents:
    """What the folder holds at the revision, by path inside the repository."""
    from reconciler.adapters.git_pushed import read_revision as read

    return read(git_dir, revision, folder, environ)


def read_staged(git_dir: Path, folder: str, environ: Mapping[str, str]) -> Contents:
    """What the folder will hold in the commit that is being made, by path inside the repository."""
    from reconciler.adapters.git_pushed import read_staged as read

    return read(git_dir, folder, environ)


def read_brought(git_dir: Path, tips: Sequence[str], folder: str, environ: Mapping[str, str]) -> Iterator[Brought]:
    """Every file below the folder that a push of these tips brings."""
    from reconciler.adapters.git_pushed import read_brought as read

    return read(git_dir, tips, folder, environ)


def hook_folder(path: Path) -> GitHooks:
    """Where the repository at the path keeps its hooks. Raises Terminal when there is none."""
    from reconciler.adapters.git_hooks import hook_folder as find

    return find(path)


def wake(settings: Settings, environ: Mapping[str, str], push: tuple[str, str, str]) -> str:
    """Tells the daemon of this host that a branch was pushed (ref, commit before, commit after). Returns why that
    failed, "" when it did not. Raises Terminal when the webhook's secret can't be read."""
    from reconciler.adapters.wake import wake as tell
    from reconciler.settings.values import repository_in

    web = settings.web
    secret = secret_of(web.webhook_secret, environ, "the secret of the webhook")() if web.webhook_secret else None
    if secret is None and not web.insecure_webhooks:
        return "web.webhook_secret is not set, so it believes nobody"
    return tell(web.bind, secret, settings.gitea_repository or repository_in(settings.source.url) or "", push)
